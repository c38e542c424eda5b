"""Why a job is in its state: a stable code, the numbers that explain it, one sentence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

TEMPLATES: dict[str, str] = {
    # waiting
    "new": "Waiting for the next scheduling pass.",
    "vc_quota": "The virtual cluster's quota is in use: %(used)s of %(quota)s %(device_type)s,"
    " %(needed)s needed.",
    "vc_shortage": "The virtual cluster may use %(usable)s of its %(quota)s %(device_type)s now:"
    " %(used)s in use, %(needed)s needed. Nodes that take jobs have %(schedulable)s of the"
    " %(given)s devices given to virtual clusters (%(cordoned)s nodes cordoned, %(not_ready)s"
    " not ready).",
    "user_limit": "The limit per user in this virtual cluster is reached: %(used)s of %(limit)s"
    " %(device_type)s, %(needed)s needed.",
    "vc_quota_too_small": "It needs %(needed)s %(device_type)s, but the virtual cluster's quota is"
    " %(quota)s.",
    "user_limit_too_small": "It needs %(needed)s %(device_type)s, but one user may hold at most"
    " %(limit)s in this virtual cluster.",
    "no_free_devices": "Not enough free devices: %(free)s %(device_type)s free, %(needed)s needed.",
    "no_fitting_node": "%(free)s %(device_type)s are free, but no node has %(per_node)s together"
    " (the most on one node is %(largest)s).",
    "gang": "Needs %(per_node)s %(device_type)s on each of %(nodes)s nodes at once;"
    " %(fitting)s nodes have room now.",
    "node_unavailable": "No schedulable node with %(device_type)s: %(cordoned)s cordoned,"
    " %(not_ready)s not ready.",
    "held_back": "Held back for a job that has waited longer: %(for_job)s.",
    "preempting": "Waiting for %(devices)s devices that preempted jobs are giving back.",
    "back_off": "The cluster could not start it; the next try is at %(until)s.",
    "launch_waiting": "The cluster did not take it yet (%(tries)s tries): %(detail)s",
    "cluster_quota": "What the portal may use of the cluster is used up (%(tries)s tries):"
    " %(detail)s",
    "missing_right": "The portal lacks a right on the cluster (%(tries)s tries): %(detail)s",
    "cluster_unreachable": "The cluster does not answer; last seen %(since)s.",
    "owner": "%(user)s may not start jobs in %(vc)s now.",
    "no_vc": "The virtual cluster %(vc)s no longer exists.",
    # scheduling
    "starting": "Starting on %(nodes)s.",
    "image": "The image is being pulled: %(detail)s",
    # ended or stopped
    "exit_code": "The command ended with exit code %(exit_code)s.",
    "out_of_memory": "The command was ended for using too much memory (exit code %(exit_code)s).",
    "image_pull": "The image %(image)s cannot be pulled: %(detail)s",
    "refused": "The cluster refused the job: %(detail)s",
    "start_error": "The container could not be started: %(detail)s",
    "replica_lost": "%(replica)s was lost: %(detail)s",
    "lost_too_often": "The platform lost the job %(retries)s times; the last time: %(detail)s",
    "node_lost": "Node %(node)s was lost while %(replica)s ran on it.",
    "runtime_stopped": "The portal was stopped while the job ran.",
    "unschedulable": "The cluster could not place it: %(detail)s",
    "preempted": "Preempted for %(by)s.",
    "max_run_time": "Over the virtual cluster's maximum run time of %(seconds)s s.",
    "user": "%(action)s by %(user)s.",
    "vc_deleted": "The virtual cluster was deleted.",
}
"""English sentence of each code; the pages translate the template, then fill it."""
VARIANTS: dict[str, str] = {
    "owner.disabled": "The account %(user)s is disabled.",
    "owner.gone": "The account %(user)s no longer exists.",
    "owner.no_role": "%(user)s has no role that allows submitting jobs.",
    "owner.not_member": "%(user)s is not a member of the virtual cluster %(vc)s any more.",
}
"""The sentence of a code whose number ``why`` says more: ``code.why``."""
LAUNCH_TROUBLE = frozenset({"launch_waiting", "cluster_quota", "missing_right"})
"""Why a start failed that is tried again; a job that gave its devices back keeps it."""


@dataclass(frozen=True, slots=True)
class Reason:
    """A code from :data:`TEMPLATES` (plugins may add others) and what fills its sentence."""

    code: str
    numbers: Mapping[str, Any] = field(default_factory=dict)

    @property
    def template(self) -> str:
        """The sentence with its places not yet filled."""
        plain = TEMPLATES.get(self.code, self.code)
        return VARIANTS.get(f"{self.code}.{self.numbers.get('why')}", plain)

    @property
    def message(self) -> str:
        """The English sentence."""
        try:
            return self.template % dict(self.numbers)
        except (KeyError, TypeError, ValueError):
            return self.template

    def dump(self) -> dict[str, Any]:
        """As the API shows it: ``code``, ``message`` and the numbers beside them."""
        return {**self.numbers, "code": self.code, "message": self.message}


def load(data: Mapping[str, Any] | None) -> Reason | None:
    """Undo :meth:`Reason.dump`; ``None`` stays ``None``."""
    if not data:
        return None
    numbers = {k: v for k, v in data.items() if k not in ("code", "message")}
    return Reason(str(data["code"]), numbers)
