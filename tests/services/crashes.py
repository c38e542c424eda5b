"""A process that is killed at a commit, and what regular work makes of what it left behind."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from house import House

from portal.domain.launch import ReplicaPhase
from portal.models import db
from portal.models.db import session
from portal.processes.ticks import all_ticks

WRITES = ("INSERT", "UPDATE", "DELETE")
ROUNDS = 4
MAIL_CLAIM_S = 901


class Crash(BaseException):
    """The process ends here: nothing catches it, nothing is written afterwards."""


@dataclass
class Commits:
    """How many there were, and whether the process ended at one of them."""

    count: int = 0
    crashed: bool = False
    outside: list[Hashable] = field(default_factory=list)
    """What the outside had seen at the beginning and before each commit."""


@contextmanager
def crashing(
    house: House, at: int | None = None, side: Literal["before", "after"] = "after"
) -> Iterator[Commits]:
    """Count the commits of this block; end the process right before or after number ``at``.

    A commit is that of a transaction, or of a statement that writes outside of any.
    """
    handle: Any = db.database.obj
    seen = Commits(outside=[_outside(house)])
    execute, commit = handle.execute_sql, handle.commit

    def end(reached: str) -> None:
        if reached == "before":
            seen.outside.append(_outside(house))
        if seen.count + (reached == "before") == at and side == reached:
            seen.crashed = True
        if seen.crashed:
            raise Crash

    def run(sql: str, params: Any = None) -> Any:
        if seen.crashed:
            raise Crash
        writes = not handle.in_transaction() and sql.lstrip().upper().startswith(WRITES)
        if writes:
            end("before")
        found = execute(sql, params)
        if writes:
            seen.count += 1
            end("after")
        return found

    def settle() -> None:
        end("before")
        commit()
        seen.count += 1
        end("after")

    handle.execute_sql, handle.commit = run, settle
    try:
        yield seen
    except Crash:
        if not seen.crashed:
            raise
    finally:
        del handle.execute_sql, handle.commit


def _outside(house: House) -> Hashable:
    """Grows with everything that cannot be taken back by the database."""
    cluster = house.cluster
    acts = (cluster.launches, cluster.stops, cluster.removals, house.mailer.sent)
    return (*map(len, acts), str(cluster.nodes()), str(cluster.files))


def after_crash(house: House) -> None:
    """The connection falls with the process; what it had put into the queue is lost too."""
    db.close()
    house.queue.waiting.clear()


def recover(house: House) -> None:
    """What scheduler and workers do by the clock, until everything has had its turn."""
    for _ in range(ROUNDS):
        house.advance(60)
        regular_work(house)
        run_replicas(house)
    house.advance(MAIL_CLAIM_S)
    regular_work(house)


def regular_work(house: House) -> None:
    """One round of the ticks of the scheduler, and the workers' turn."""
    for tick in all_ticks(house.portal):
        with session():
            tick.call()
    house.queue.drain()


def run_replicas(house: House) -> None:
    """Whatever was launched runs."""
    for ref, observed in house.cluster.observe_all().items():
        if all(replica.phase is ReplicaPhase.PENDING for replica in observed.replicas):
            house.cluster.run(ref)
