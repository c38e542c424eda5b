"""How a pod is brought to its end, so that its devices are not given away too early. Pure.

A node keeps to the first grace that it was told: a shorter one that comes later may change
nothing (kubernetes#113606), and a grace of 0 takes the pod off the API while its processes
run on. So 0 is only for pods of which nothing runs, or whose node is lost; what will not end
on a node that answers is ended from inside its container, and waited for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from portal.adapters.kubernetes.observe import (
    NodeHealth,
    Pod,
    due_at,
    has_ended,
    has_no_image,
    has_said_all,
    has_started,
)

REMOVE_GRACE_S = 5
"""Between SIGTERM and SIGKILL for what is taken away while it still runs."""
OVERDUE_S = 10
"""A node that has not tidied up so long after the end of the grace is not waited for."""


@dataclass(frozen=True, slots=True)
class Ending:
    """What to do to a pod: delete it with ``grace_s`` (``None``: do not), ``kill`` what runs."""

    grace_s: int | None = None
    kill: bool = False


WAIT = Ending()
FORGET = Ending(0)


def stop(pod: Pod, grace_s: int) -> Ending:
    """The pod is to end within ``grace_s`` seconds; what has ended stays and tells how."""
    if has_ended(pod):
        return WAIT
    if has_started(pod):
        return Ending(max(grace_s, 1))
    return FORGET if _cannot_start(pod) else Ending(1)


def removal(
    pod: Pod,
    nodes: Mapping[str, NodeHealth],
    now: datetime,
    *,
    force: bool,
    node_lost_after_s: float,
) -> Ending:
    """The pod is to go; by ``force`` as soon as that can be without its node's consent."""
    if has_ended(pod) or _cannot_start(pod):
        return FORGET
    node = nodes.get(pod["spec"].get("nodeName", ""))
    if node is not None and node.lost(now, 0 if force else node_lost_after_s):
        return FORGET
    runs = has_started(pod) and not has_said_all(pod)
    due = due_at(pod)
    if due is None:
        return Ending(REMOVE_GRACE_S if runs and not force else 1)
    if runs:
        return _forced(pod, due, now) if force else WAIT
    return FORGET if now > due + timedelta(seconds=OVERDUE_S) else WAIT


def _forced(pod: Pod, due: datetime, now: datetime) -> Ending:
    """Older nodes obey a shorter grace. With the node's own processes in sight none is killed."""
    shorter = due > now + timedelta(seconds=1)
    return Ending(1 if shorter else None, kill=not pod["spec"].get("hostPID"))


def _cannot_start(pod: Pod) -> bool:
    """Whether no node is about to start it at this moment."""
    return not has_started(pod) and (not pod["spec"].get("nodeName") or has_no_image(pod))
