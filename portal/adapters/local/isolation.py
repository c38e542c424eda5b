"""How jobs are kept from what is the portal's own. Pure decisions; nothing is touched here.

Two walls, either of which is enough:

* a user id for each user of the portal (when it is started as root): the portal's files and
  processes belong to somebody else;
* a child user namespace (when it is not): covers hide the portal's folders, and the kernel
  lets nobody in it look into processes outside, so there is no way round the covers.

Where neither is possible, a job is the portal's own user and may do whatever the portal may.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

Bind = tuple[str, str, bool]
OPEN_TO_PASS = 0o001
UNPROTECTED = (
    "jobs run as the portal's own user: they can read its database, keys and passwords and"
    " the files of all users; give accounts only to people you trust with all of that"
)
"""What is said wherever :attr:`Isolation.keeps_out` is not."""


@dataclass(frozen=True, slots=True)
class Isolation:
    """``namespace``: how a replica gets its own root (``mount``, ``user``, ``""``: none).

    ``users``: each user's commands have a user id of their own.
    """

    namespace: str = ""
    users: bool = False
    keeps_out: bool = False
    """Whether jobs are kept from the portal's files and processes."""


def decide(*, root: bool, namespace: str, users: bool) -> Isolation:
    """What to do on a machine where so much is possible.

    ``root``: the portal's processes are. ``namespace``: as :class:`Isolation`. ``users``:
    commands can be given other user ids, and those can reach their own folders.

    A root in a user namespace of its own may lift its covers, so it counts for nothing.
    """
    users = root and users
    return Isolation(namespace, users, keeps_out=users or (namespace == "user" and not root))


@dataclass(frozen=True, slots=True)
class Covers:
    """What a private root hides: ``first``, then come the binds, then ``late``."""

    first: list[str]
    binds: list[Bind]
    """Shown again below a cover."""
    late: list[str]


def plan_covers(private: Iterable[str], binds: Sequence[Bind], kept: Iterable[str]) -> Covers:
    """Hide ``private`` paths, but not the ``kept`` ones below them.

    All are absolute and without symbolic links. A bind whose source holds something private
    would show it at another place: it is covered there, too.
    """
    first = outermost(private)
    below = [path for path in outermost(kept) if any(_is_below(path, cover) for cover in first)]
    back = [(path, path, False) for path in below]
    late = [
        str(Path(target) / Path(path).relative_to(source))
        for source, target, _ in (*binds, *back)
        for path in sorted(set(private))
        if path != source and _is_below(path, source)
    ]
    return Covers(first, back, late)


def outermost(paths: Iterable[str]) -> list[str]:
    """Without those that lie below another one; the root is never one of them."""
    wanted = sorted({path for path in paths if path != "/"})
    return [
        path for path in wanted if not any(path != one and _is_below(path, one) for one in wanted)
    ]


def _is_below(path: str, folder: str) -> bool:
    return Path(path).is_relative_to(folder)
