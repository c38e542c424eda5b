"""The planner's rules once more, plain and slow. It shares no code with the real planner.

Everything is worked out anew whenever it is asked for, from lists and sets of device
indexes, and victims are found by trying every set of jobs of a node.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import combinations

from portal.domain.moment import rfc3339
from portal.domain.planning.snapshot import (
    Admission,
    Demand,
    Holding,
    Plan,
    Preemption,
    Snapshot,
    Waiting,
)
from portal.domain.reason import Reason
from portal.domain.resources import Node, Placement, Slot

NOBODY: frozenset[str] = frozenset()


def reference_plan(snapshot: Snapshot, now: datetime) -> Plan:
    """What the real planner should answer."""
    return _Reference(snapshot, now).run()


@dataclass
class _Reference:
    snapshot: Snapshot
    now: datetime
    started: list[tuple[Demand, Placement]] = field(default_factory=list)
    reserved: list[tuple[Demand, Placement]] = field(default_factory=list)
    preempted: list[tuple[Holding, Demand]] = field(default_factory=list)
    waiting: dict[str, Waiting] = field(default_factory=dict)
    lines: dict[tuple[str, str | None], list[str]] = field(default_factory=dict)
    kept: dict[tuple[str, str | None, bool], dict[int, str]] = field(default_factory=dict)

    # The pass

    def run(self) -> Plan:
        refused: dict[object, Reason] = {}
        keeps: dict[object, set[int]] = {}
        order = sorted(
            self.snapshot.waiting,
            key=lambda d: (d.preemptible, -d.priority, d.submitted_at, d.job_id),
        )
        for demand in order:
            if not self.snapshot.cluster_reachable:
                since = self.snapshot.cluster_seen_at
                numbers = {"since": rfc3339(since) if since else "-"}
                self.wait(demand, Reason("cluster_unreachable", numbers))
                continue
            if demand.not_before is not None and demand.not_before > self.now:
                self.wait(demand, Reason("back_off", {"until": rfc3339(demand.not_before)}))
                continue
            alike = self.alike(demand)
            if alike not in refused:
                answer = self.decide(demand)
                if answer is None:
                    continue
                refused[alike], keeps[alike] = answer
            longest = timedelta(seconds=self.snapshot.starvation_guard_s)
            if self.now - demand.waiting_since > longest:
                line = self.kept.setdefault((demand.vc, demand.device_type, demand.preemptible), {})
                for size in keeps[alike]:
                    line.setdefault(size, demand.job_id)
            self.wait(demand, refused[alike])
        admit = tuple(Admission(demand.job_id, place) for demand, place in self.started)
        preempt = tuple(Preemption(job.job_id, by.job_id) for job, by in self.preempted)
        return Plan(admit, preempt, self.waiting)

    def alike(self, demand: Demand) -> object:
        """Once a request is refused, later ones like it are refused for the same reason."""
        vc = self.snapshot.vcs.get(demand.vc)
        limited = vc is not None and demand.device_type in vc.user_limit
        return (
            demand.vc,
            demand.user if limited else None,
            demand.device_type,
            demand.devices,
            demand.replicas,
            demand.preemptible,
        )

    def wait(self, demand: Demand, reason: Reason, reserved: Placement = ()) -> None:
        line = self.lines.setdefault(
            (demand.vc, demand.device_type if demand.devices else None), []
        )
        self.waiting[demand.job_id] = Waiting(reason, len(line) + 1, tuple(line[:10]), reserved)
        line.append(demand.job_id)

    def decide(self, demand: Demand) -> tuple[Reason, set[int]] | None:
        """Start or reserve; else the reason, and the sizes of nodes to keep if it starves."""
        if demand.vc not in self.snapshot.vcs:
            return Reason("no_vc", {"vc": demand.vc}), set()
        if demand.device_type is None or not demand.devices:
            return self.decide_without_devices(demand)
        sizes = {node.devices for node in self.nodes(demand)}
        obstacle = self.obstacle(demand)
        if obstacle is not None:
            if obstacle.code == "vc_shortage" and not sizes:
                return self.no_nodes(demand.device_type), set()
            keep = obstacle.code in ("vc_quota", "vc_shortage") and self.could_ever(demand)
            return obstacle, sizes if keep else set()
        if not sizes:
            return self.no_nodes(demand.device_type), set()
        excess = (0, 0) if demand.preemptible else self.excess(demand)
        place = self.place_for(demand, self.gone_now())
        if place and not any(excess) and not self.missing(demand):
            self.started.append((demand, place))
            return None
        place = None if any(excess) else self.place_for(demand, self.gone_soon())
        if place is None and not demand.preemptible:
            everyone = frozenset(job.job_id for job in self.movable(demand))
            if self.room(demand, everyone, self.allowed(demand)) >= demand.replicas:
                self.preempt(demand, excess)
                place = self.place_for(demand, self.gone_soon())
                assert place
        if place is not None:
            free_now = {node.name: self.free(node, NOBODY) for node in self.nodes(demand)}
            missing = sum(len(set(slot.devices) - free_now[slot.node]) for slot in place)
            self.wait(
                demand,
                Reason("preempting", {"devices": max(missing, self.missing(demand))}),
                place,
            )
            self.reserved.append((demand, place))
            return None
        keep_sizes = {
            node.devices
            for node in self.allowed(demand)
            if self.count(node, set(range(node.devices)), demand.devices)
        }
        return self.no_place(demand), keep_sizes if self.could_ever(demand) else set()

    def decide_without_devices(self, demand: Demand) -> tuple[Reason, set[int]] | None:
        nodes = [node for node in self.snapshot.nodes if node.schedulable]
        if any(n.device_type == demand.device_type for n in nodes) and demand.device_type:
            nodes = [n for n in nodes if n.device_type == demand.device_type]
        if not nodes:
            return self.no_nodes(None), set()
        slots: list[Slot] = []
        for _ in range(demand.replicas):
            best = min(nodes, key=lambda n: (self.load(n, slots), n.devices, n.name))
            slots.append(Slot(best.name))
        self.started.append((demand, tuple(slots)))
        return None

    def load(self, node: Node, more: list[Slot]) -> int:
        everywhere = [slot for job in self.snapshot.holding for slot in job.placement]
        everywhere += [slot for _, place in self.started for slot in place]
        return sum(slot == Slot(node.name) for slot in everywhere + more)

    # Quota

    def use(self, soon: bool) -> Iterator[tuple[str, str, str | None, int, int, bool]]:
        """VC, user, type, devices, those on open nodes, preemptible of whoever holds some."""
        victims = {job.job_id for job, _ in self.preempted}
        for job in self.snapshot.holding:
            if not (soon and (job.stopping or job.job_id in victims)):
                total, here = job.total_devices, self.open_devices(job)
                yield job.vc, job.user, job.device_type, total, here, job.preemptible
        for demand, _ in self.started + (self.reserved if soon else []):
            total = demand.total_devices
            yield demand.vc, demand.user, demand.device_type, total, total, demand.preemptible

    def open_devices(self, job: Holding) -> int:
        """Devices of a job on nodes that take jobs of its type."""
        names = {
            node.name
            for node in self.snapshot.nodes
            if node.schedulable and node.devices and node.device_type == job.device_type
        }
        return sum(len(slot.devices) for slot in job.placement if slot.node in names)

    def used(
        self,
        demand: Demand,
        soon: bool,
        firm_only: bool = False,
        user: str = "",
        only_open: bool = False,
    ) -> int:
        return sum(
            here if only_open else devices
            for vc, who, kind, devices, here, preemptible in self.use(soon)
            if (vc, kind) == (demand.vc, demand.device_type)
            and not (firm_only and preemptible)
            and (not user or who == user)
        )

    def part(self, demand: Demand) -> int:
        """What the VC may hold on open nodes: its quota less its part of the shortage.

        The shortage is given back one device after another, each by the VC that is furthest
        from its exact part.
        """
        kind = demand.device_type or ""
        quotas = {name: vc.quota.get(kind, 0) for name, vc in self.snapshot.vcs.items()}
        given = sum(quotas.values())
        there = sum(n.devices - n.foreign_devices for n in self.nodes(demand))
        short = max(given - there, 0)
        if not short:
            return quotas[demand.vc]
        lost = {name: short * quota // given for name, quota in quotas.items()}
        while sum(lost.values()) < short:
            name = max(
                sorted(quotas),  # of equals the first by name
                key=lambda n: (short * quotas[n] - lost[n] * given, quotas[n]),
            )
            lost[name] += 1
        return quotas[demand.vc] - lost[demand.vc]

    def quota(self, demand: Demand) -> int:
        return self.snapshot.vcs[demand.vc].quota.get(demand.device_type or "", 0)

    def limit(self, demand: Demand) -> int | None:
        return self.snapshot.vcs[demand.vc].user_limit.get(demand.device_type or "")

    def borrows(self, demand: Demand) -> bool:
        return demand.preemptible and self.snapshot.preemptible_scope == "cluster"

    def obstacle(self, demand: Demand) -> Reason | None:
        needed, kind = demand.total_devices, demand.device_type
        firm_only = not demand.preemptible
        used = self.used(demand, soon=True, firm_only=firm_only)
        here = self.used(demand, soon=True, firm_only=firm_only, only_open=True)
        quota, part = self.quota(demand), self.part(demand)
        numbers = {"device_type": kind, "used": used, "quota": quota, "needed": needed}
        usable = min(quota, part + used - here)
        limit = self.limit(demand)
        never = {"device_type": kind, "needed": needed}
        if not self.borrows(demand) and needed > quota:
            return Reason("vc_quota_too_small", never | {"quota": quota})
        if limit is not None and needed > limit:
            return Reason("user_limit_too_small", never | {"limit": limit})
        if not self.borrows(demand) and used + needed > quota:
            return Reason("vc_quota", numbers | ({} if usable == quota else {"usable": usable}))
        if not self.borrows(demand) and here + needed > part:
            nodes = [n for n in self.snapshot.nodes if n.device_type == kind]
            numbers |= {
                "usable": usable,
                "schedulable": sum(n.devices - n.foreign_devices for n in self.nodes(demand)),
                "given": sum(vc.quota.get(kind or "", 0) for vc in self.snapshot.vcs.values()),
                "cordoned": sum(1 for n in nodes if n.cordoned and n.ready),
                "not_ready": sum(1 for n in nodes if not n.ready),
            }
            return Reason("vc_shortage", numbers)
        used = self.used(demand, soon=True, user=demand.user)
        if limit is not None and used + needed > limit:
            numbers = {"device_type": kind, "used": used, "limit": limit, "needed": needed}
            return Reason("user_limit", numbers)
        return None

    def excess(self, demand: Demand) -> tuple[int, int]:
        """What the own VC must give back anywhere, and on open nodes."""
        if self.snapshot.preemptible_scope == "cluster":
            return 0, 0
        needed = demand.total_devices
        anywhere = self.used(demand, soon=True) + needed - self.quota(demand)
        here = self.used(demand, soon=True, only_open=True) + needed - self.part(demand)
        return max(0, anywhere), max(0, here)

    def missing(self, demand: Demand) -> int:
        needed, quota, over = demand.total_devices, self.quota(demand), [0]
        classes = []
        if not self.borrows(demand):
            classes.append(not demand.preemptible)
        if self.snapshot.preemptible_scope == "vc":
            classes.append(False)
        for firm_only in classes:
            over.append(self.used(demand, soon=False, firm_only=firm_only) + needed - quota)
            here = self.used(demand, soon=False, firm_only=firm_only, only_open=True)
            over.append(here + needed - self.part(demand))
        limit = self.limit(demand)
        if limit is not None:
            over.append(self.used(demand, soon=False, user=demand.user) + needed - limit)
        return max(over)

    def could_ever(self, demand: Demand) -> bool:
        limit = self.limit(demand)
        empty = sum(
            self.count(
                node,
                set(range(max(0, node.devices - node.foreign_devices))),
                demand.devices,
            )
            for node in self.nodes(demand)
        )
        return (
            empty >= demand.replicas
            and (self.borrows(demand) or demand.total_devices <= self.part(demand))
            and (limit is None or demand.total_devices <= limit)
        )

    # Places

    def nodes(self, demand: Demand) -> list[Node]:
        return sorted(
            (
                node
                for node in self.snapshot.nodes
                if node.schedulable and node.devices and node.device_type == demand.device_type
            ),
            key=lambda node: node.name,
        )

    def allowed(self, demand: Demand) -> list[Node]:
        """The nodes that are not kept for a job that has waited longer."""
        line = (demand.vc, demand.device_type, demand.preemptible)
        return [n for n in self.nodes(demand) if n.devices not in self.kept.get(line, {})]

    def movable(self, demand: Demand) -> list[Holding]:
        return [
            job
            for job in self.snapshot.holding
            if job.device_type == demand.device_type and (job.preemptible or job.stopping)
        ]

    def gone_now(self) -> frozenset[str]:
        return NOBODY

    def gone_soon(self) -> frozenset[str]:
        stopping = {job.job_id for job in self.snapshot.holding if job.stopping}
        return frozenset(stopping | {job.job_id for job, _ in self.preempted})

    def free(self, node: Node, gone: Iterable[str]) -> set[int]:
        """Free devices of a node without the jobs in ``gone``."""
        known: set[int] = set()
        unknown = node.foreign_devices
        for job in self.snapshot.holding:
            if job.job_id in gone:
                continue
            for slot in job.placement:
                if slot.node == node.name:
                    inside = {i for i in slot.devices if i < node.devices}
                    unknown += len(slot.devices) - len(inside)
                    known |= inside
        free = sorted(set(range(node.devices)) - known)
        free = free[: max(0, len(free) - unknown)]
        taken = {
            index
            for _, place in self.started + self.reserved
            for slot in place
            if slot.node == node.name
            for index in slot.devices
        }
        return set(free) - taken

    def rings(self, node: Node) -> list[set[int]]:
        shape = self.snapshot.shapes.get(node.device_type or "")
        ring = shape.ring if shape else 0
        step = ring if 0 < ring < node.devices else node.devices
        everything = range(node.devices)
        return [set(everything[first : first + step]) for first in range(0, node.devices, step)]

    def possible(self, node: Node, free: set[int], devices: int) -> list[set[int]]:
        """What one replica could get: the free part of each ring with enough devices."""
        rings = self.rings(node)
        if len(rings) > 1 and devices > len(rings[0]):
            return [free] if len(free) == node.devices == devices else []
        return [ring & free for ring in rings if len(ring & free) >= devices]

    def count(self, node: Node, free: set[int], devices: int) -> int:
        """How many replicas find room, one after the other."""
        places, free = 0, set(free)
        while parts := self.possible(node, free, devices):
            free -= set(sorted(parts[0])[:devices])
            places += 1
        return places

    def room(self, demand: Demand, gone: Iterable[str], nodes: Iterable[Node]) -> int:
        gone = set(gone)
        return sum(self.count(n, self.free(n, gone), demand.devices) for n in nodes)

    def place_for(self, demand: Demand, gone: Iterable[str]) -> Placement | None:
        """The best place among what is free when ``gone`` have gone."""
        gone = set(gone)
        free = {node.name: self.free(node, gone) for node in self.allowed(demand)}
        if self.still_free(demand, free):
            return demand.reserved
        nodes = [n for n in self.allowed(demand) if self.count(n, free[n.name], demand.devices)]
        slots: list[Slot] = []
        while (left := demand.replicas - len(slots)) and nodes:
            room = {n.name: self.count(n, free[n.name], demand.devices) for n in nodes}
            enough = [n for n in nodes if room[n.name] >= left]
            if left == 1:
                choice = enough
            else:
                bound = (min if enough else max)(room[n.name] for n in enough or nodes)
                choice = [n for n in nodes if room[n.name] == bound]
            best = min(choice, key=lambda n: self.tightness(n, free[n.name], demand.devices))
            nodes.remove(best)
            for _ in range(min(left, room[best.name])):
                part = min(
                    self.possible(best, free[best.name], demand.devices),
                    key=lambda part: (len(part), min(part)),
                )
                devices = tuple(sorted(part)[: demand.devices])
                free[best.name] -= set(devices)
                slots.append(Slot(best.name, devices))
        return tuple(slots) if len(slots) == demand.replicas else None

    def tightness(self, node: Node, free: set[int], devices: int) -> tuple[int, int, str]:
        parts = self.possible(node, free, devices)
        return min(len(part) for part in parts), len(free), node.name

    def still_free(self, demand: Demand, free: dict[str, set[int]]) -> bool:
        """Whether the place that an earlier plan reserved is there."""
        indexes = [(slot.node, index) for slot in demand.reserved for index in slot.devices]
        return (
            len(demand.reserved) == demand.replicas
            and len(set(indexes)) == len(indexes)
            and all(len(slot.devices) == demand.devices for slot in demand.reserved)
            and all(index in free.get(node, ()) for node, index in indexes)
        )

    # Victims

    def preempt(self, demand: Demand, excess: tuple[int, int]) -> None:
        chosen: list[Holding] = []

        def gone() -> frozenset[str]:
            return self.gone_soon() | {job.job_id for job in chosen}

        def no_room() -> bool:
            return self.room(demand, gone(), self.allowed(demand)) < demand.replicas

        def left() -> tuple[int, int]:
            """What the own VC still must give back, anywhere and on open nodes."""
            own = [job for job in chosen if job.vc == demand.vc]
            anywhere = excess[0] - sum(job.total_devices for job in own)
            return anywhere, excess[1] - sum(self.open_devices(job) for job in own)

        while no_room():
            victims = self.cheapest(demand, gone(), own=True) if max(left()) > 0 else None
            victims = victims or self.cheapest(demand, gone(), own=False)
            assert victims
            chosen += victims
        while max(left()) > 0:
            here = left()[1] > 0
            wanted = left()[1 if here else 0]
            own = {
                j: self.open_devices(j) if here else j.total_devices
                for j in self.victims(demand)
                if j.vc == demand.vc and j not in chosen
            }
            own = {j: devices for j, devices in own.items() if devices}
            enough = [devices for devices in own.values() if devices >= wanted]
            size = min(enough) if enough else max(own.values())
            chosen.append(min((j for j in own if own[j] == size), key=self.rank))
        by_size = sorted(sorted(chosen, key=self.rank, reverse=True), key=_smallest_last)
        for job in by_size if len(chosen) > 1 else []:
            everyone = list(chosen)
            chosen.remove(job)
            if (any(excess) and max(left()) > 0) or no_room():
                chosen[:] = everyone
        self.preempted += [(job, demand) for job in sorted(chosen, key=self.rank)]

    def victims(self, demand: Demand) -> list[Holding]:
        gone = self.gone_soon()
        return [j for j in self.movable(demand) if j.preemptible and j.job_id not in gone]

    def cheapest(
        self, demand: Demand, gone: frozenset[str], own: bool
    ) -> tuple[Holding, ...] | None:
        """The cheapest jobs that make room for one more replica on some node."""
        best: tuple[tuple[object, ...], tuple[Holding, ...]] | None = None
        for node in self.allowed(demand):
            here = [
                job
                for job in self.victims(demand)
                if job.job_id not in gone
                and any(slot.node == node.name for slot in job.placement)
                and (not own or job.vc == demand.vc)
            ]
            room = self.room(demand, gone, [node])
            for count in range(1, len(here) + 1):
                for jobs in combinations(here, count):
                    without = gone | {job.job_id for job in jobs}
                    if self.room(demand, without, [node]) > room:
                        ranks = sorted((self.rank(job) for job in jobs), reverse=True)
                        total = sum(job.total_devices for job in jobs)
                        cost = (count, total, ranks, node.name)
                        if best is None or cost < best[0]:
                            best = cost, jobs
        return best[1] if best else None

    def rank(self, job: Holding) -> tuple[int, float, str]:
        """Lowest priority first, then the latest start."""
        return job.priority, -job.admitted_at.timestamp(), job.job_id

    # Reasons

    def no_nodes(self, kind: str | None) -> Reason:
        nodes = [n for n in self.snapshot.nodes if kind is None or n.device_type == kind]
        cordoned = sum(1 for n in nodes if n.cordoned and n.ready)
        down = sum(1 for n in nodes if not n.ready)
        numbers = {"device_type": kind or "CPU", "cordoned": cordoned, "not_ready": down}
        return Reason("node_unavailable", numbers)

    def no_place(self, demand: Demand) -> Reason:
        line = self.kept.get((demand.vc, demand.device_type, demand.preemptible))
        gone = set(self.gone_soon())
        if not demand.preemptible:
            gone |= {job.job_id for job in self.movable(demand)}
        if line and self.room(demand, gone, self.nodes(demand)) >= demand.replicas:
            return Reason("held_back", {"for_job": next(iter(line.values()))})
        kind, needed = demand.device_type, demand.total_devices
        frees = [(node, self.free(node, NOBODY)) for node in self.nodes(demand)]
        free = sum(len(indexes) for _, indexes in frees)
        if free < needed:
            numbers = {"device_type": kind, "free": free, "needed": needed}
            return Reason("no_free_devices", numbers)
        numbers = {"device_type": kind, "per_node": demand.devices}
        if demand.replicas > 1:
            fitting = self.room(demand, NOBODY, self.nodes(demand))
            return Reason("gang", {**numbers, "nodes": demand.replicas, "fitting": fitting})
        largest = max(
            devices
            for node, indexes in frees
            for devices in range(node.devices + 1)
            if devices == 0 or self.possible(node, indexes, devices)
        )
        return Reason("no_fitting_node", {**numbers, "free": free, "largest": largest})


def _smallest_last(job: Holding) -> int:
    return -job.total_devices
