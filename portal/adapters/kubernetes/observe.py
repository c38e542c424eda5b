"""What a pod's JSON says of a replica. Pure: the time and the nodes are given.

Kubernetes has a dozen ways to say that a pod will not go on. They come down to one question:
did the user's command end by itself, or did the platform end it?
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from portal.adapters.kubernetes import naming
from portal.domain.job import AttemptRef
from portal.domain.launch import Observed, ReplicaPhase, ReplicaStatus

Pod = Mapping[str, Any]

IMAGE_REASONS = frozenset(
    {
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
        "ErrImageNeverPull",
        "ImageInspectError",
        "RegistryUnavailable",
        "SignatureValidationFailed",
    }
)
"""Why a container waits: its image cannot be had."""
START_REASONS = frozenset(
    {
        "CreateContainerConfigError",
        "CreateContainerError",
        "RunContainerError",
        "PreCreateHookError",
        "PreStartHookError",
        "PostStartHookError",
        "StartError",
        "ContainerCannotRun",
    }
)
"""Why a container waits or has ended: it could not be started."""
UNKNOWN_END_REASONS = frozenset({"ContainerStatusUnknown", "Unknown"})
"""A container ended while nobody looked (its node was restarted)."""
_EPOCH_YEAR = 1970


@dataclass(frozen=True, slots=True)
class NodeHealth:
    """Whether a node is ready, and since when that is so."""

    ready: bool
    since: datetime

    def lost(self, now: datetime, after_s: float) -> bool:
        """Whether the node has been silent for too long."""
        return not self.ready and now - self.since >= timedelta(seconds=after_s)


def observed_attempts(
    pods: Iterable[Pod],
    nodes: Mapping[str, NodeHealth],
    now: datetime,
    node_lost_after_s: float,
    notes: Collection[str] = (),
    asked: Mapping[str, datetime] | None = None,
) -> dict[AttemptRef, Observed]:
    """All attempts that have pods, their replicas in rank order.

    A node that is not in ``nodes`` is taken to be well. ``notes``: annotations to hand on.
    ``asked``: by uid of a pod, the moment of its first deletion, where somebody knows it.
    """
    known = asked or {}
    grouped: dict[AttemptRef, list[Pod]] = {}
    for pod in pods:
        ref = naming.ref_of(pod)
        if ref is not None:
            grouped.setdefault(ref, []).append(pod)
    seen = {}
    for ref, own in grouped.items():
        statuses = []
        for pod in sorted(own, key=_order):
            health = nodes.get(pod["spec"].get("nodeName", ""))
            lost = health is not None and health.lost(now, node_lost_after_s)
            first = known.get(uid_of(pod))
            statuses.append(replica_status(pod, node_lost=lost, notes=notes, asked_at=first))
        seen[ref] = Observed(ref, tuple(statuses))
    return seen


def _order(pod: Pod) -> tuple[int, str]:
    rank = (pod["metadata"].get("annotations") or {}).get(naming.ANNOTATION_RANK, "")
    return (int(rank) if rank.isdecimal() else 0, str(pod["metadata"]["name"]))


def replica_status(
    pod: Pod,
    *,
    node_lost: bool = False,
    notes: Collection[str] = (),
    asked_at: datetime | None = None,
) -> ReplicaStatus:
    """One replica. ``node_lost``: its node has been silent for too long.

    ``asked_at``: when the pod was deleted for the first time, as far as the caller knows.
    """
    status = pod.get("status") or {}
    annotations = pod["metadata"].get("annotations") or {}
    state = _container_state(status)
    base = ReplicaStatus(
        name=_replica_name(pod),
        phase=ReplicaPhase.PENDING,
        node=pod["spec"].get("nodeName", ""),
        address=status.get("podIP", ""),
        started_at=_started_at(state),
        stopping=due_at(pod) is not None,
        serves=naming.ANNOTATION_SERVES in annotations,
        notes={name: annotations[name] for name in notes if name in annotations},
    )
    if "terminated" in state and not _ended_by_deletion(pod, state["terminated"], asked_at):
        return _ended(base, status, state["terminated"])
    base = replace(base, signalled=base.stopping and has_started(pod))
    if status.get("phase") == "Succeeded" and not base.stopping:
        return replace(base, phase=ReplicaPhase.SUCCEEDED, exit_code=0)
    if node_lost or status.get("reason") == "NodeLost" or status.get("phase") == "Unknown":
        detail = status.get("message") or f"node {base.node} does not answer"
        return replace(base, phase=ReplicaPhase.LOST, code="node_lost", detail=detail)
    if base.stopping:
        phase = ReplicaPhase.RUNNING if has_started(pod) else ReplicaPhase.PENDING
        return replace(base, phase=phase, detail=_loss(status) or "")
    if status.get("phase") == "Failed":
        detail = _loss(status) or "the pod failed without a word"
        return replace(base, phase=ReplicaPhase.LOST, code="replica_lost", detail=detail)
    if "running" in state:
        return replace(base, phase=ReplicaPhase.RUNNING)
    return _waiting(base, status, state.get("waiting") or {})


def has_started(pod: Pod) -> bool:
    """Whether the command runs or has run."""
    state = _container_state(pod.get("status") or {})
    return "running" in state or "terminated" in state


def has_no_image(pod: Pod) -> bool:
    """Whether the command waits for an image that could not be had."""
    waiting = _container_state(pod.get("status") or {}).get("waiting") or {}
    return waiting.get("reason") in IMAGE_REASONS


def has_ended(pod: Pod) -> bool:
    """Whether no container of the pod will run any more."""
    return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")


def has_said_all(pod: Pod) -> bool:
    """Whether the command has ended, so that no more output can come."""
    return has_ended(pod) or "terminated" in _container_state(pod.get("status") or {})


def container_id(pod: Pod) -> str:
    """The runtime's name of the container that runs the command; empty before it is made."""
    for container in (pod.get("status") or {}).get("containerStatuses") or ():
        if container.get("name") == naming.CONTAINER:
            return str(container.get("containerID") or "").rpartition("/")[2]
    return ""


def due_at(pod: Pod) -> datetime | None:
    """When the grace of a deleted pod is over; ``None`` when it was not deleted."""
    return _time(pod["metadata"].get("deletionTimestamp"))


def _container_state(status: Mapping[str, Any]) -> Mapping[str, Any]:
    for container in status.get("containerStatuses") or ():
        if container.get("name") == naming.CONTAINER:
            return container.get("state") or {}
    return {}


def _replica_name(pod: Pod) -> str:
    metadata = pod["metadata"]
    annotations, labels = metadata.get("annotations") or {}, metadata.get("labels") or {}
    name = annotations.get(naming.ANNOTATION_REPLICA) or labels.get(naming.LABEL_REPLICA)
    return str(name or metadata["name"])


def _ended(base: ReplicaStatus, status: Mapping[str, Any], end: Mapping[str, Any]) -> ReplicaStatus:
    """The container has ended, and not because the pod was deleted."""
    reason, exit_code = end.get("reason", ""), int(end.get("exitCode", 0))
    message = end.get("message") or ""
    done = replace(base, exit_code=exit_code, finished_at=_time(end.get("finishedAt")))
    loss = _loss(status)
    if loss is not None or reason in UNKNOWN_END_REASONS:
        detail = loss or message or "its end was not seen"
        return replace(done, phase=ReplicaPhase.LOST, code="replica_lost", detail=detail)
    if exit_code == 0:
        return replace(done, phase=ReplicaPhase.SUCCEEDED)
    failed = replace(done, phase=ReplicaPhase.FAILED, detail=message)
    if reason in START_REASONS:
        return replace(failed, exit_code=None, code="start_error", detail=message or reason)
    if reason == "OOMKilled":
        return replace(failed, code="out_of_memory")
    return failed


def _loss(status: Mapping[str, Any]) -> str | None:
    """Why the platform ended the pod; ``None`` when it did not.

    A pod's own reason is only set by the platform: Evicted, Preempting, Shutdown,
    NodeShutdown, Terminated, OutOf..., UnexpectedAdmissionError, NodeAffinity, ...
    """
    for condition in status.get("conditions") or ():
        if condition.get("type") == "DisruptionTarget" and condition.get("status") == "True":
            return str(condition.get("message") or condition.get("reason") or "disrupted")
    reason, message = status.get("reason"), status.get("message")
    if not reason:
        return None
    return f"{reason}: {message}" if message else str(reason)


def _waiting(
    base: ReplicaStatus, status: Mapping[str, Any], waiting: Mapping[str, Any]
) -> ReplicaStatus:
    """The container has not started yet."""
    reason = waiting.get("reason", "")
    said = waiting.get("message") or reason
    if reason in IMAGE_REASONS:
        return replace(base, code="image_pull", detail=said)
    if reason in START_REASONS:
        return replace(base, code="start_error", detail=said)
    for condition in status.get("conditions") or ():
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            detail = condition.get("message") or condition.get("reason") or ""
            return replace(base, code="unschedulable", detail=detail)
    return replace(base, detail=said)


def first_asked_at(pod: Pod, known: datetime | None = None) -> datetime | None:
    """When somebody first asked for the pod's end; ``None`` when that cannot be told.

    Kubernetes keeps the end of the grace and its length. Newer API servers move the end to
    the present when the grace is cut short, and every node does that when the containers
    have ended; so of several such moments the earliest is right, and a grace of 0 alone
    says nothing. ``known``: what was made of earlier looks at the pod.
    """
    due = due_at(pod)
    grace_s = int(pod["metadata"].get("deletionGracePeriodSeconds") or 0)
    if due is None or grace_s == 0:
        return known
    moment = due - timedelta(seconds=grace_s)
    return moment if known is None else min(moment, known)


def uid_of(pod: Pod) -> str:
    """What tells the pod from a later one of its name."""
    return str(pod["metadata"].get("uid") or pod["metadata"]["name"])


def _ended_by_deletion(pod: Pod, end: Mapping[str, Any], known: datetime | None) -> bool:
    """Whether the container ended after its pod was told to: the exit code then says nothing.

    Both times are whole seconds; in doubt it is the deletion.
    """
    if due_at(pod) is None:
        return False
    asked_at, finished_at = first_asked_at(pod, known), _time(end.get("finishedAt"))
    return asked_at is None or finished_at is None or finished_at >= asked_at


def _started_at(state: Mapping[str, Any]) -> datetime | None:
    running, ended = state.get("running") or {}, state.get("terminated") or {}
    started = _time(running.get("startedAt") or ended.get("startedAt"))
    # A container that never ran "started" at the beginning of time.
    return started if started and started.year > _EPOCH_YEAR else None


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text).astimezone(UTC) if text else None
