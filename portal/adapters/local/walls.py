"""The walls between jobs and the portal, as this machine allows them (see ``isolation``)."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from portal.adapters.local import access
from portal.adapters.local.capabilities import can_change_user, namespace_kind
from portal.adapters.local.isolation import UNPROTECTED, Isolation, decide
from portal.adapters.local.surroundings import python_installation
from portal.domain.errors import PermanentFailure

MAX_UID = 2**31 - 1
log = logging.getLogger(__name__)


class Walls:
    """``ours``: the portal's own folders, hidden and, where it must be, opened to pass.

    ``private``: other folders and files that are hidden, and never changed. ``uid_base``: a
    user's commands have this user id plus the user's number; 0: the portal's own user id.
    """

    def __init__(
        self,
        *,
        state_dir: Path,
        ours: Sequence[Path],
        private: Sequence[Path],
        uid_base: int,
        real_mounts: bool | None,
    ) -> None:
        self._state_dir = state_dir
        self._given_ours = ours
        self._private = private
        self._uid_base = uid_base
        self._real_mounts = real_mounts

    @cached_property
    def isolation(self) -> Isolation:
        """Found out at the first use."""
        namespace = "" if self._real_mounts is False else namespace_kind(self._state_dir)
        root = os.getuid() == 0
        users = root and self._uid_base > 0 and self._reached(namespace)
        users = users and can_change_user(self._state_dir, self._uid_base + 1)
        found = decide(root=root, namespace=namespace, users=users)
        if not found.keeps_out:
            log.warning("%s", UNPROTECTED)
        return found

    def user_of(self, user_id: int) -> int | None:
        """The user id (and group id) for the commands of a user; ``None``: the portal's own.

        Raises ``PermanentFailure`` when the range has no number for them.
        """
        if not self.isolation.users:
            return None
        uid = self._uid_base + user_id
        if uid > MAX_UID:
            raise PermanentFailure(f"there is no user id {uid}: choose a lower local_uid_base")
        return uid

    def hidden(self) -> list[str]:
        """What a private root covers, as it is now, without symbolic links.

        With user ids, also folders that the command could not pass on its way to Python.
        """
        paths = [path for path in (*self._given_ours, *self._private) if path.exists()]
        hidden = {os.path.realpath(path) for path in paths}
        if self.isolation.users:
            closed = (access.first_closed(Path(path)) for path in python_installation())
            hidden |= {str(path) for path in closed if path is not None}
        return sorted(hidden)

    def open_ways(self, folders: Sequence[Path]) -> None:
        """Let commands with user ids of their own come to ``folders`` without a private root."""
        if self.isolation.namespace or not self.isolation.users:
            return
        access.open_ways((Path(os.path.realpath(folder)) for folder in folders), self._ours())

    def _ours(self) -> list[Path]:
        return [Path(os.path.realpath(path)) for path in self._given_ours]

    def _reached(self, namespace: str) -> bool:
        """Whether other users would come to Python and their folders."""
        if namespace:
            return True
        ours = self._ours()
        wanted = [*(Path(path) for path in python_installation()), *ours]
        return all(access.can_be_reached(path, ours) for path in wanted)
