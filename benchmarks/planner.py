"""How long the planner takes: `python benchmarks/planner.py`; no cluster is needed.

Four clusters with nodes of 8 devices:

* busy: nine of ten devices are held, the waiting jobs ask for many different things;
* full: every device is held by non-preemptible jobs, nothing can start;
* empty: nothing is held, everything that fits is started;
* storm: every device is held by preemptible jobs, and non-preemptible ones want them.
"""

from __future__ import annotations

import argparse
import platform
import random
import statistics
import time
from datetime import UTC, datetime, timedelta

from portal.domain.planning import Demand, Holding, Snapshot, VcShare, plan, preview
from portal.domain.resources import DeviceShape, Node, Slot

NOW = datetime(2026, 1, 1, tzinfo=UTC)
KIND = "nvidia_gpu_amd64"
VCS = 20
USERS = 200
FILL = {"busy": 0.9, "full": 1.0, "empty": 0.0, "storm": 1.0}


def cluster(scene: str, nodes: int, waiting: int, seed: int = 1) -> Snapshot:
    """A random cluster of one scene; the same for the same seed."""
    rng = random.Random(seed)
    quota = nodes * 8 // VCS
    return Snapshot(
        nodes=tuple(Node(f"node-{n:05}", device_type=KIND, devices=8) for n in range(nodes)),
        vcs={f"vc-{n}": VcShare(f"vc-{n}", {KIND: quota}) for n in range(VCS)},
        holding=tuple(holders(scene, nodes, rng)),
        waiting=tuple(demand(scene, number, rng) for number in range(waiting)),
        shapes={KIND: DeviceShape()},
    )


def holders(scene: str, nodes: int, rng: random.Random) -> list[Holding]:
    """Jobs of 1 to 8 devices that fill each node up to the scene's share."""
    found: list[Holding] = []
    for node in range(nodes):
        free = list(range(8))
        while free:
            count = min(rng.choice((1, 2, 4, 8)), len(free))
            devices, free = tuple(free[:count]), free[count:]
            if rng.random() >= FILL[scene]:
                continue
            found.append(
                Holding(
                    job_id=f"h-{len(found):06}",
                    name="held",
                    vc=f"vc-{node % VCS}",
                    user=f"user-{rng.randrange(USERS)}",
                    device_type=KIND,
                    placement=(Slot(f"node-{node:05}", devices),),
                    preemptible=scene == "storm" or (scene == "busy" and rng.random() < 0.3),
                    priority=100,
                    admitted_at=NOW - timedelta(seconds=rng.randrange(100_000)),
                )
            )
    return found


def demand(scene: str, number: int, rng: random.Random) -> Demand:
    """One waiting job."""
    since = NOW - timedelta(seconds=rng.randrange(100_000))
    return Demand(
        job_id=f"w-{number:06}",
        name="waiting",
        vc=f"vc-{rng.randrange(VCS)}",
        user=f"user-{rng.randrange(USERS)}",
        device_type=KIND,
        devices=rng.choice((1, 2, 4, 8)),
        replicas=rng.choice((1, 1, 1, 1, 2, 4)),
        preemptible=scene != "storm" and rng.random() < 0.3,
        priority=rng.choice((50, 100, 100, 100, 200)),
        submitted_at=since,
        waiting_since=since,
    )


def measure(snapshot: Snapshot, rounds: int) -> tuple[float, float, str]:
    """Median and worst of some rounds in ms of processor time, and what the plan was.

    Processor time, because other work on the machine is not the planner's.
    """
    taken = []
    for _ in range(rounds):
        begun = time.process_time()
        made = plan(snapshot, NOW)
        taken.append((time.process_time() - begun) * 1000)
    outcome = f"{len(made.admit)} started, {len(made.preempt)} preempted, {len(made.waiting)} wait"
    return statistics.median(taken), max(taken), outcome


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--nodes", type=int, nargs="*", default=[1_000, 10_000])
    parser.add_argument("--waiting", type=int, nargs="*", default=[1_000, 10_000, 100_000])
    parser.add_argument("--scenes", nargs="*", default=list(FILL), choices=list(FILL))
    options = parser.parse_args()
    print(f"Python {platform.python_version()}, {platform.machine()}, {options.rounds} rounds\n")
    print("| cluster | nodes | held | waiting | median ms | worst ms | plan |")
    print("|---|---|---|---|---|---|---|")
    for scene in options.scenes:
        for nodes in options.nodes:
            for waiting in options.waiting:
                snapshot = cluster(scene, nodes, waiting)
                median, worst, outcome = measure(snapshot, options.rounds)
                held = len(snapshot.holding)
                print(
                    f"| {scene} | {nodes:,} | {held:,} | {waiting:,} |"
                    f" {median:,.0f} | {worst:,.0f} | {outcome} |",
                    flush=True,
                )
    newcomer = demand("full", 10**6, random.Random(9))
    snapshot = cluster("full", 10_000, 100_000)
    begun = time.process_time()
    preview(snapshot, newcomer, NOW)
    taken = (time.process_time() - begun) * 1000
    print(f"\npreview, full, 10,000 nodes, 100,000 waiting: {taken:,.0f} ms")


if __name__ == "__main__":
    main()
