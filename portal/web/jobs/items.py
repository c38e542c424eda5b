"""A job as the pages show it: words, units and what may be done with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from portal.domain import reason as reasons
from portal.domain.job_state import TERMINAL, JobState, Trigger, allows
from portal.domain.permission import Actor, Permission
from portal.domain.reason import Reason
from portal.http.services import services
from portal.services.jobs.listing import GROUP_OF
from portal.services.queueing.waiting import HIDDEN_JOB
from portal.web.base.formats import clock, moment, now
from portal.web.base.frame import avatar_colour
from portal.web.base.words import gettext, listed
from portal.web.jobs.words import done_word

ACTIONS = {"pause": Trigger.PAUSE, "resume": Trigger.RESUME, "kill": Trigger.KILL}


@dataclass(frozen=True, slots=True)
class JobItem:
    """One job, for the reader of this answer. ``job`` has the names of the API."""

    job: Mapping[str, Any]
    manageable: bool

    @property
    def short_id(self) -> str:
        """The first eight characters, as tables show it."""
        return str(self.job["id"])[:8]

    @property
    def state(self) -> JobState:
        """Where it stands."""
        return JobState(self.job["status"])

    @property
    def can(self) -> tuple[str, ...]:
        """The actions that the state and the reader's permissions allow."""
        if not self.manageable:
            return ()
        return tuple(name for name, trigger in ACTIONS.items() if allows(self.state, trigger))

    @property
    def support_closed(self) -> str:
        """Why the operators cannot be asked for help with it; empty: they can."""
        if not self.manageable:
            return gettext("Your permissions do not allow this.")
        return "" if services().support.open else gettext("Mail is not set up in this portal.")

    @property
    def group(self) -> str:
        """Its group in the list of everybody's; empty when it has ended."""
        return GROUP_OF.get(self.state.value, "")

    @property
    def ended(self) -> bool:
        """Whether nothing will happen to it any more."""
        return self.state in TERMINAL

    @property
    def fingerprint(self) -> str:
        """Changes when anything the row shows changes."""
        keys = ("status", "priority", "queue_position", "started_at", "finished_at")
        return "|".join(str(self.job[key]) for key in keys)

    @property
    def colour(self) -> int:
        """The owner's avatar colour."""
        return avatar_colour(self.job["user"])

    @property
    def reason(self) -> str:
        """Why it is in its state, in the reader's language."""
        return reason_text(reasons.load(self.job["reason"]))

    @property
    def device_word(self) -> str:
        """What kind of devices, and how they are spread: ``GPU``, ``2 × 8 NPU``, ``CPU``."""
        device_type, devices, nodes = (self.job[k] for k in ("device_type", "devices", "nodes"))
        if not device_type or not devices:
            return "CPU" if nodes == 1 else gettext("CPU on %(n)s nodes", n=nodes)
        kind = services().registry.device_types.get(device_type)
        word = kind.title if kind else str(device_type)
        return f"{nodes} × {devices} {word}" if nodes > 1 else word

    @property
    def elapsed(self) -> float | None:
        """Seconds it has run, to its end or to now."""
        if not self.job["started_at"]:
            return None
        end = moment(self.job["finished_at"]) if self.job["finished_at"] else now()
        return (end - moment(self.job["started_at"])).total_seconds()

    @property
    def devices_text(self) -> str:
        """Number and kind in one: ``8 NPU``."""
        spread = self.job["nodes"] > 1 or not self.job["total_devices"]
        return self.device_word if spread else f"{self.job['total_devices']} {self.device_word}"


def make_item(job: Mapping[str, Any], actor: Actor) -> JobItem:
    """The line of one job."""
    mine = job["user"] == actor.username
    return JobItem(job, mine or actor.may(Permission.MANAGE_ALL_JOBS))


def reason_text(reason: Reason | None) -> str:
    """A reason's sentence in the reader's language."""
    if reason is None:
        return ""
    numbers = {name: _shown(name, value) for name, value in reason.numbers.items()}
    try:
        return gettext(reason.template, **numbers)
    except (KeyError, TypeError, ValueError):
        return reason.message


def _shown(name: str, value: object) -> object:
    if name == "since" and value != "-":
        return clock(str(value))
    if isinstance(value, (list, tuple)):
        return listed(value)
    if name == "nodes" and isinstance(value, str):
        return listed(value.split(", "))
    if name == "action":
        return done_word(str(value))
    return gettext("another job") if value == HIDDEN_JOB else value
