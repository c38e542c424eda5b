"""Reasons to wait with their numbers, and what would end each wait."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from portal.domain.moment import rfc3339
from portal.domain.planning.capacity import FreeDevices
from portal.domain.planning.shortage import Shortage
from portal.domain.planning.snapshot import Demand
from portal.domain.reason import Reason
from portal.domain.resources import Node

REMEDIES: dict[str, str] = {
    "vc_quota": "It starts when jobs of the virtual cluster give devices back, or with a"
    " larger quota.",
    "vc_shortage": "It starts when jobs of the virtual cluster give devices back, or when nodes"
    " take jobs again.",
    "user_limit": "It starts when another job of the same user gives devices back, or with a"
    " larger limit.",
    "vc_quota_too_small": "It starts only with a larger quota; submit it again with fewer devices.",
    "user_limit_too_small": "It starts only with a larger limit; submit it again with fewer"
    " devices.",
    "no_free_devices": "It starts when running jobs give devices back.",
    "no_fitting_node": "It starts when enough devices of one node are given back; fewer"
    " devices per node would fit earlier.",
    "gang": "It starts when more nodes have room; fewer nodes or fewer devices per node would"
    " fit earlier.",
    "node_unavailable": "It starts when an administrator lets a node in again, or a node comes"
    " back.",
    "held_back": "It starts after that job, or on devices which that job cannot use.",
    "preempting": "It starts as soon as they have; nothing needs to be done.",
    "back_off": "It is tried again by itself.",
    "launch_waiting": "It is tried again by itself; an operator can look at what the cluster says.",
    "cluster_quota": "It is tried again by itself, and starts when others give something back or an"
    " operator raises that quota.",
    "missing_right": "It is tried again by itself, and starts when an operator has given the"
    " portal that right.",
    "cluster_unreachable": "It goes on when the cluster answers again.",
    "owner": "It starts by itself when an administrator has given that right back.",
    "no_vc": "Submit it to another virtual cluster.",
}
"""What would end the wait: an English sentence for each code, to be translated."""


def remedy(reason: Reason) -> str | None:
    """What would end this wait, or ``None`` when nothing is known (a plugin's code)."""
    return REMEDIES.get(reason.code)


def vc_quota(kind: str, *, used: int, quota: int, needed: int, usable: int) -> Reason:
    """The virtual cluster may not take so many more; ``usable`` is told where it is less."""
    numbers = {"device_type": kind, "used": used, "quota": quota, "needed": needed}
    return Reason("vc_quota", numbers if usable == quota else {**numbers, "usable": usable})


def vc_shortage(
    kind: str, short: Shortage, *, used: int, quota: int, needed: int, usable: int
) -> Reason:
    """Its quota would do, but too few nodes take jobs, and this is its part of the rest."""
    return Reason(
        "vc_shortage",
        {
            "device_type": kind,
            "used": used,
            "quota": quota,
            "usable": usable,
            "needed": needed,
            "schedulable": short.schedulable,
            "given": short.given,
            "cordoned": short.cordoned,
            "not_ready": short.not_ready,
        },
    )


def user_limit(kind: str, *, used: int, limit: int, needed: int) -> Reason:
    """The user may not take so many more."""
    return Reason(
        "user_limit", {"device_type": kind, "used": used, "limit": limit, "needed": needed}
    )


def never_fits(kind: str, *, needed: int, quota: int | None, limit: int | None) -> Reason | None:
    """Why so many devices can never be had at once, whatever others release.

    ``quota`` is the virtual cluster's, ``limit`` its most for one user; ``None`` where it is
    no bound. ``None`` is answered when waiting can help.
    """
    numbers = {"device_type": kind, "needed": needed}
    if quota is not None and needed > quota:
        return Reason("vc_quota_too_small", {**numbers, "quota": quota})
    if limit is not None and needed > limit:
        return Reason("user_limit_too_small", {**numbers, "limit": limit})
    return None


def node_unavailable(kind: str, nodes: Sequence[Node]) -> Reason:
    """None of ``nodes``, all of the kind, may be used."""
    return Reason(
        "node_unavailable",
        {
            "device_type": kind,
            "cordoned": sum(node.ready and node.cordoned for node in nodes),
            "not_ready": sum(not node.ready for node in nodes),
        },
    )


def no_place(kind: str, demand: Demand, free: FreeDevices) -> Reason:
    """There are too few devices, or they do not lie together."""
    if free.total < demand.total_devices:
        return Reason(
            "no_free_devices",
            {"device_type": kind, "free": free.total, "needed": demand.total_devices},
        )
    numbers = {"device_type": kind, "per_node": demand.devices}
    if demand.replicas > 1:
        fitting = free.capacity(demand.devices)
        return Reason("gang", {**numbers, "nodes": demand.replicas, "fitting": fitting})
    return Reason("no_fitting_node", {**numbers, "free": free.total, "largest": free.largest()})


def held_back(for_job: str) -> Reason:
    """A job that has waited too long goes first."""
    return Reason("held_back", {"for_job": for_job})


def preempting(devices: int) -> Reason:
    """The place is reserved; so many of its devices are still being released."""
    return Reason("preempting", {"devices": devices})


def back_off(until: datetime, trouble: Reason | None = None) -> Reason:
    """The last start failed, by ``trouble`` if that is known; it is too early for the next."""
    if trouble is not None:
        return Reason(trouble.code, {**trouble.numbers, "until": rfc3339(until)})
    return Reason("back_off", {"until": rfc3339(until)})


def cluster_unreachable(since: datetime | None) -> Reason:
    """Nothing can be started anywhere."""
    return Reason("cluster_unreachable", {"since": rfc3339(since) if since else "-"})


def no_vc(vc: str) -> Reason:
    """The virtual cluster was deleted."""
    return Reason("no_vc", {"vc": vc})
