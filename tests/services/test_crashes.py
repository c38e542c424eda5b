"""A process killed between any two commits of any call: regular work makes it right again.

Each call runs in a scene of its own, is killed right before or right after one of its
commits, and with it goes everything that it had put into the queue. What the calls are is
held against the code, and how often they commit is counted, not written down.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, Literal, get_type_hints

import pytest
from crashes import Commits, after_crash, crashing, recover
from deeds import DEEDS, QUIET, Deed, Scene, set_scene
from house import House, open_house
from settled import check_settled

from portal import services
from portal.models import JobRow, db
from portal.models.db import session
from portal.services.portal import Portal

Side = Literal["before", "after"]
APART = (
    "portal.services.logs.",
    "portal.services.plugins.",
    "portal.services.queueing.outlook",
)
"""Rooms of files and of memory; of a plugin in trouble one row is kept, which nothing follows."""
GROUND = "portal.services.records."
"""What the use cases are made of, and is reached through them."""


class Houses:
    """A new house in the scene for every crash."""

    def __init__(self, folder: Path, database: Path) -> None:
        self._folder = folder
        self._database = database
        self._count = 0

    def scene(self) -> Scene:
        """The next one."""
        self.close()
        self._count += 1
        return set_scene(open_house(self._folder / str(self._count), self._database))

    def close(self) -> None:
        """Leave the present one."""
        if self._count:
            db.close()


@pytest.fixture
def houses(tmp_path: Path, seeded_database: Path) -> Iterator[Houses]:
    """New houses, one at a time."""
    made = Houses(tmp_path, seeded_database)
    yield made
    made.close()


def do(scene: Scene, deed: Deed, at: int | None = None, side: Side = "after") -> Commits:
    """Do it, killed at a commit if one is named; what was committed."""
    prepare, call = deed
    with session():
        given = prepare(scene) if prepare else None
        scene.house.queue.waiting.clear()
        with crashing(scene.house, at, side) as seen:
            call(scene, given)
    assert seen.crashed == (at is not None)
    return seen


def crash_points(seen: Commits) -> Iterator[tuple[int, Side]]:
    """After every commit; before one only if something was done outside since the one before.

    Otherwise both are the same moment.
    """
    for at in range(1, seen.count + 1):
        yield at, "after"
        if seen.outside[at] != seen.outside[at - 1]:
            yield at, "before"


CASES = {f"{name}: {case}": deed for name, cases in DEEDS.items() for case, deed in cases.items()}


@pytest.mark.parametrize("name", CASES)
def test_whatever_commit_it_is_killed_at_all_ends_well(houses: Houses, name: str) -> None:
    deed = CASES[name]
    whole = houses.scene()
    seen = do(whole, deed)
    assert seen.count, "a call that commits nothing belongs to QUIET"
    recover(whole.house)
    check_settled(whole.house)
    for at, side in crash_points(seen):
        scene = houses.scene()
        do(scene, deed, at, side)
        after_crash(scene.house)
        recover(scene.house)
        check_settled(scene.house)
        _mails_went_out_once(scene.house, twice=name.startswith("outbox.send_due"))


def _mails_went_out_once(house: House, *, twice: bool) -> None:
    """Again only when the server had it and that was not written down, as the same mail."""
    sent = Counter(mail.message_id for mail in house.mailer.sent)
    assert all(number == 1 or (twice and number == 2) for number in sent.values())
    assert sum(number == 2 for number in sent.values()) <= 1


@pytest.mark.parametrize("name", QUIET)
def test_what_is_said_to_commit_nothing_does_not(houses: Houses, name: str) -> None:
    assert do(houses.scene(), QUIET[name]).count == 0


def test_no_call_is_forgotten() -> None:
    assert set(DEEDS) | set(QUIET) == {*_of_services(), *_of_modules()}
    assert not set(DEEDS) & set(QUIET)


def _of_services() -> Iterator[str]:
    """Public methods of everything in the list of services."""
    hints = get_type_hints(Portal)
    for field in fields(Portal):
        kind: Any = hints[field.name]
        if not inspect.isclass(kind) or not kind.__module__.startswith(services.__name__):
            continue
        if not kind.__module__.startswith(APART):
            for name, member in vars(kind).items():
                if inspect.isfunction(member) and not name.startswith("_"):
                    yield f"{field.name}.{name}"


def _of_modules() -> Iterator[str]:
    """Public functions that write, and are no part of a larger call."""
    for info in pkgutil.walk_packages(services.__path__, f"{services.__name__}."):
        if info.name.startswith((GROUND, *APART)):
            continue
        module = importlib.import_module(info.name)
        for name, member in vars(module).items():
            if not inspect.isfunction(member) or member.__module__ != info.name:
                continue
            source = inspect.getsource(member)
            writes = ".execute()" in source or ".create(" in source or ".atomic()" in source
            if writes and not name.startswith("_") and name not in WITHIN:
                yield f"{info.name}.{name}"


WITHIN = frozenset({"create", "remember", "write"})
"""Called in the transaction of another, which is in the list."""


def test_a_kill_between_its_two_steps_would_be_seen(houses: Houses) -> None:
    """The rules see what the portal once left behind."""
    scene = houses.scene()
    with session():
        JobRow.update(state="killing", released=False).where(JobRow.id == scene.paused).execute()
    with pytest.raises(AssertionError):
        check_settled(scene.house)
