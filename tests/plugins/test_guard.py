"""A plugin that hangs, raises or returns nothing is named, marked, and nobody else's trouble."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from foreign_plugins import installed
from house import House, actor, body, open_house

from portal.domain.errors import InvalidSpec, PluginFailed, PluginSlow, TemporaryFailure
from portal.domain.resources import Slot
from portal.models import db
from portal.models.db import session
from portal.ports import PluginCall, PluginLate, PluginName
from portal.services.plugins import guard, marks
from portal.services.plugins.guard import Guarded, PluginGuard
from portal.testing import a_job, a_spec

KINDS = "portal.job_kinds"


@pytest.fixture
def odd(tmp_path: Path, seeded_database: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """A portal with somebody's plugins; a call of one has a second and a half."""
    with installed(tmp_path, monkeypatch):
        house = open_house(tmp_path / "house", seeded_database)
        house.portal.plugin_guard.deadline_s = 1.5
        yield house
        house.portal.plugin_guard.close()
        db.close()


def submit(house: House, kind: str) -> dict[str, Any]:
    with session():
        return house.portal.jobs.submit(actor("alice"), body(kind=kind))


def marked(house: House) -> dict[str, tuple[str, str]]:
    with session():
        found = marks.current(house.now)
    return {
        name: (mark.state, mark.text)
        for (_, name, version), mark in found.items()
        if version == "2.5"
    }


def test_what_works_works_as_before(odd: House) -> None:
    assert submit(odd, "good")["command"] == "echo checked; echo hello"
    with pytest.raises(InvalidSpec) as refused:
        submit(odd, "refuses")
    assert {name: [str(e) for e in found] for name, found in refused.value.errors.items()} == {
        "nodes": ["Only 1 here"]
    }
    assert marked(odd) == {}


def test_the_device_type_of_the_registry_is_there_for_the_kind(odd: House) -> None:
    with session(), pytest.raises(InvalidSpec) as refused:
        odd.portal.jobs.submit(
            actor("alice"), body(kind="counts", device_type="nvidia_gpu_amd64", devices=5)
        )
    assert list(refused.value.errors) == ["devices"]


def test_the_workload_asks_for_host_names(odd: House) -> None:
    kind = odd.portal.registry.job_kinds["good"]
    job = a_job(spec=a_spec(kind="good", nodes=2))
    made = kind.workload(job, (Slot("n1"), Slot("n2")), lambda name: f"{name}.lab")
    assert [dict(replica.env) for replica in made.replicas] == [
        {"ME": "r0.lab"},
        {"ME": "r1.lab"},
    ]


@pytest.mark.parametrize("kind", ["endless", "regex", "asleep"])
def test_one_that_hangs_is_ended_and_named(
    odd: House, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(PluginSlow) as slow:
        submit(odd, kind)
    assert slow.value.message == f"the job kind {kind} did not answer within 1.5 s"
    assert marked(odd) == {kind: ("slow", "check did not answer within 1.5 s")}
    assert f"the job kind {kind}: check did not answer within 1.5 s; it was ended" in caplog.text
    assert submit(odd, "good")["status"] == "queued"  # the next call finds a new process


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("raises", "failed: RuntimeError: no such card"),
        ("nothing", "failed: check returned nothing (None), expected a JobSpec"),
        (
            "unkept",
            (
                "failed: check returned fields that cannot be kept:"
                " Object of type set is not JSON serializable"
            ),
        ),
        ("leaves", "ended the process in which it ran"),
    ],
)
def test_one_that_fails_is_named(odd: House, kind: str, why: str) -> None:
    with pytest.raises(PluginFailed) as failed:
        submit(odd, kind)
    assert failed.value.message == f"the job kind {kind} {why}"
    assert failed.value.code == "plugin_failed"
    assert marked(odd) == {kind: ("failed", f"check {why}")}


def test_no_connection_is_held_meanwhile(odd: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seen from the process that runs the check, at the moment when it is asked."""
    held: list[bool] = []
    hosts = odd.portal.plugin_guard._hosts
    run = hosts.run
    monkeypatch.setattr(
        hosts, "run", lambda *given: (held.append(not db.database.is_closed()), run(*given))[1]
    )
    assert submit(odd, "good")["status"] == "queued"
    assert held == [False]


def test_in_a_transaction_the_connection_stays(odd: House) -> None:
    with session(), db.database.atomic():
        db.let_go()
        assert not db.database.is_closed()


class Late:
    """Hosts whose calls are late as long as ``late`` is set."""

    def __init__(self) -> None:
        self.late = True
        self.calls = 0

    def run(self, call: PluginCall, timeout_s: float, host_of: Any) -> Any:
        self.calls += 1
        if self.late:
            raise PluginLate
        return call.arguments[0]

    def warm(self) -> None: ...
    def close(self) -> None: ...


@pytest.fixture
def resting(house: House) -> tuple[Late, Callable[[], Any], list[float]]:
    """A guard over :class:`Late`, a call of it, and its time."""
    hosts, now = Late(), [0.0]
    made = PluginGuard(hosts, marks.Marks(lambda: house.now), 2.0, timer=lambda: now[0])
    plugin = Guarded(PluginName(KINDS, "acme"), "1", None, foreign=True)
    return hosts, lambda: made.call(plugin, "check", ("spec",), str), now


def test_one_that_is_late_again_and_again_is_left_alone_for_a_while(
    resting: tuple[Late, Callable[[], Any], list[float]],
) -> None:
    hosts, call, now = resting
    for _ in range(guard.LATE_IN_A_ROW):
        with pytest.raises(PluginSlow, match=r"did not answer within 2 s"):
            call()
    with pytest.raises(PluginSlow, match="acme has not answered 3 times in a row"):
        call()
    assert hosts.calls == guard.LATE_IN_A_ROW
    hosts.late = False
    now[0] = guard.REST_S
    assert call() == "spec"
    hosts.late = True
    with pytest.raises(PluginSlow, match="within 2 s"):  # it begins to count anew
        call()


def test_its_mark_goes_when_it_answers_again(
    house: House, resting: tuple[Late, Callable[[], Any], list[float]]
) -> None:
    hosts, call, _ = resting
    with pytest.raises(PluginSlow):
        call()
    with session():
        assert set(marks.current(house.now)) == {(KINDS, "acme", "1")}
    hosts.late = False
    call()
    with session():
        assert marks.current(house.now) == {}


def test_an_old_mark_is_not_shown(house: House) -> None:
    marks.Marks(lambda: house.now).set(PluginName(KINDS, "acme"), "1", "slow", "check", "why")
    house.advance(marks.SHOWN_FOR.total_seconds() + 1)
    with session():
        assert marks.current(house.now) == {}


def test_hanging_plugins_never_have_all_processes(odd: House) -> None:
    """Six callers of a plugin that hangs: it gets two processes, and another plugin answers."""
    hosts = odd.portal.plugin_guard._hosts
    started = threading.Barrier(7)
    errors: list[str] = []

    def hang() -> None:
        started.wait()
        try:
            hosts.run(PluginCall(PluginName(KINDS, "asleep"), "check", (None, None, 0)), 5.0, None)
        except (PluginLate, TemporaryFailure) as error:
            errors.append(type(error).__name__)

    threads = [threading.Thread(target=hang) for _ in range(6)]
    for thread in threads:
        thread.start()
    started.wait()
    with session():
        odd.portal.plugin_guard.deadline_s = 30.0
    assert submit(odd, "good")["status"] == "queued"
    for thread in threads:
        thread.join()
    assert errors == ["PluginLate"] * 6


def test_the_portals_own_plugins_are_called_where_they_are(odd: House) -> None:
    own = odd.portal.registry.job_kinds["regular"].guarded
    assert not own.foreign
    assert odd.portal.registry.job_kinds["good"].guarded.foreign
