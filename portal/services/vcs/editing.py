"""Adding, modifying and deleting virtual clusters.

All edits of quotas take turns on the cluster's row (its plan epoch moves on), so that two
administrators who edit at once can never give away more than the cluster has, and a
scheduling plan made from the old quotas is thrown away.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from portal.domain.errors import Conflict, Forbidden, NotFound, WrongValue
from portal.domain.fields import Fields, each, integer, names
from portal.domain.job_state import HOLDING
from portal.domain.permission import Actor, Permission
from portal.domain.planning import PreemptibleScope
from portal.models import (
    GroupRow,
    JobEventRow,
    JobRow,
    JobSecretRow,
    ReplicaRow,
    TemplateRow,
    UserRow,
    VcMemberRow,
    VcRow,
)
from portal.models.db import database
from portal.ports import Events, Queue
from portal.services.records import allocations, audit, inventory
from portal.services.vcs import reading as virtual_clusters
from portal.services.vcs.fitting import Unfit, unfit
from portal.services.vcs.reading import VirtualCluster

FIELDS = ("name", "quota", "members", "user_limit", "max_run_time_s", "preempt_grace_s")
MAX_GRACE_S = 3600
MAX_RUN_TIME_S = 366 * 24 * 3600
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Modified:
    """A changed VC, and the waiting and paused jobs that its quota or limit no longer fits."""

    vc: VirtualCluster
    unfit: Unfit


class VcEditor:
    """The use cases of administrators."""

    def __init__(
        self,
        *,
        cluster_name: str,
        device_types: Iterable[str],
        preemptible_scope: PreemptibleScope,
        queue: Queue,
        events: Events,
        clock: Callable[[], datetime],
    ) -> None:
        self._cluster_name = cluster_name
        self._device_types = frozenset(device_types)
        self._scope = preemptible_scope
        self._queue = queue
        self._events = events
        self._clock = clock

    def add(self, actor: Actor, body: Any) -> VirtualCluster:
        """Make a VC; ``Conflict`` when the name is taken, ``InvalidSpec`` on wrong fields."""
        _may_manage(actor)
        fields = self._read(body, new=True)
        name = fields.values.get("name", "")
        with database.atomic():
            inventory.take_turn(self._cluster_name)
            self._check_remaining(fields, besides=name)
            values = fields.done()
            if VcRow.get_or_none(VcRow.name == values.pop("name")) is not None:
                raise Conflict(f"There is a virtual cluster named {name} already")
            members = values.pop("members", None)
            virtual_clusters.create(name, values.pop("quota"), self._clock(), **values)
            _write_members(name, members)
            self._note(actor, "vc.create", name, None, _facts(name))
        self._changed(name)
        return virtual_clusters.get(name)

    def would_not_fit(self, actor: Actor, name: str, body: Any) -> Unfit:
        """The jobs that :meth:`modify` would leave without hope; nothing is changed.

        Raises what it would raise for the fields of ``body``.
        """
        _may_manage(actor)
        return self._unfit(_row(name), self._read(body, new=False).done())

    def modify(self, actor: Actor, name: str, body: Any) -> Modified:
        """Change values. The quota only while no job holds devices of the VC."""
        _may_manage(actor)
        fields = self._read(body, new=False)
        if fields.values.pop("name", name) != name:
            fields.note("name", "The name cannot be changed")
        with database.atomic():
            inventory.take_turn(self._cluster_name)
            row, before = _row(name), _facts(name)
            self._check_remaining(fields, besides=name)
            values = fields.done()
            if "quota" in values:
                values["quota"] = {**row.quota, **values["quota"]}
                if values["quota"] != row.quota:
                    _refuse_busy(name, "modified")
            left_out = self._unfit(row, values)
            members = values.pop("members", None)
            VcRow.update(**values, version=VcRow.version + 1).where(VcRow.name == name).execute()
            _write_members(name, members)
            self._note(actor, "vc.modify", name, before, _facts(name))
        self._changed(name)
        return Modified(virtual_clusters.get(name), left_out)

    def _unfit(self, row: Any, fields: Mapping[str, Any]) -> Unfit:
        """Asked for new numbers only: whatever else is changed stops no job."""
        if "quota" not in fields and "user_limit" not in fields:
            return Unfit()
        quota = {**row.quota, **fields.get("quota", {})}
        return unfit(row.name, quota, fields.get("user_limit", row.user_limit), self._scope)

    def delete(self, actor: Actor, name: str) -> None:
        """Delete a VC and its jobs; refused while jobs hold devices, and for the current one."""
        _may_manage(actor)
        current = virtual_clusters.current(actor)
        with database.atomic():
            inventory.take_turn(self._cluster_name)
            _row(name)
            if current is not None and current.name == name:
                raise Conflict("The current virtual cluster cannot be deleted; switch first")
            _refuse_busy(name, "deleted")
            before = _facts(name)
            _delete_jobs(name)
            allocations.end_all(name, self._clock())
            VcMemberRow.delete().where(VcMemberRow.vc == name).execute()
            TemplateRow.delete().where(
                TemplateRow.scope == "team", TemplateRow.place == name
            ).execute()
            VcRow.delete().where(VcRow.name == name).execute()
            self._note(actor, "vc.delete", name, before, None)
        self._changed(name)

    def remaining(self, besides: str = "") -> dict[str, int]:
        """Devices by type that are not given to other VCs than ``besides``; never below 0."""
        totals = virtual_clusters.device_totals()
        for row in VcRow.select().where(VcRow.name != besides):
            for kind, count in row.quota.items():
                totals[kind] = totals.get(kind, 0) - count
        return {kind: max(count, 0) for kind, count in totals.items()}

    def _check_remaining(self, fields: Fields, besides: str) -> None:
        """Note where the quota would exceed what other VCs leave."""
        free = self.remaining(besides)
        row = VcRow.get_or_none(VcRow.name == besides)
        own = row.quota if row is not None else {}
        for kind, count in fields.values.get("quota", {}).items():
            most = free.get(kind, 0)
            # What a VC has already may stay, even when the cluster has since lost devices.
            if count > most and count > own.get(kind, 0):
                fields.note(f"quota.{kind}", "At most %(max)s remain", max=most)

    def _read(self, body: Any, *, new: bool) -> Fields:
        fields = Fields(body, FIELDS)
        fields.take("name", _name, required=new)
        fields.take("quota", self._numbers, required=new)
        fields.take("members", _members)
        fields.take("user_limit", self._numbers)
        fields.take("max_run_time_s", _run_time)
        fields.take("preempt_grace_s", integer(0, MAX_GRACE_S))
        return fields

    def _numbers(self, value: Any) -> dict[str, int]:
        if not isinstance(value, Mapping):
            raise WrongValue("Must map device types to numbers")
        return each(value, self._number)

    def _number(self, device_type: str, value: Any) -> int:
        if device_type not in self._device_types:
            raise WrongValue("There is no such device type")
        return integer(0)(value)

    def _note(self, actor: Actor, action: str, name: str, before: Any, after: Any) -> None:
        audit.record(actor, action, "vc", name, at=self._clock(), before=before, after=after)

    def _changed(self, name: str) -> None:
        self._events.publish("vc", name)
        self._queue.enqueue("admit", key="admit")


def _may_manage(actor: Actor) -> None:
    if not actor.may(Permission.MANAGE_VC):
        raise Forbidden("Changing virtual clusters needs the permission Manage VC")


def _row(name: str) -> Any:
    row = VcRow.get_or_none(VcRow.name == name)
    if row is None:
        raise NotFound("There is no such virtual cluster")
    return row


def _facts(name: str) -> dict[str, Any]:
    """What the audit log keeps of a VC."""
    vc = virtual_clusters.get(name)
    return {
        "quota": dict(vc.quota),
        "members": {kind: list(names) for kind, names in vc.members.items()},
        "user_limit": dict(vc.user_limit),
        "max_run_time_s": vc.max_run_time_s,
        "preempt_grace_s": vc.preempt_grace_s,
    }


def _refuse_busy(name: str, done: str) -> None:
    busy = [state.value for state in HOLDING]
    count = JobRow.select().where(JobRow.vc == name, JobRow.state.in_(busy)).count()
    if count:
        raise Conflict(
            f"{count} jobs of {name} are running, scheduling, killing or pausing;"
            f" it cannot be {done} now"
        )


def _delete_jobs(name: str) -> None:
    ids = JobRow.select(JobRow.id).where(JobRow.vc == name)
    JobEventRow.delete().where(JobEventRow.job.in_(ids)).execute()
    ReplicaRow.delete().where(ReplicaRow.job.in_(ids)).execute()
    JobSecretRow.delete().where(JobSecretRow.job.in_(ids)).execute()
    JobRow.delete().where(JobRow.vc == name).execute()


def _name(value: Any) -> str:
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise WrongValue("Use 1 to 63 letters, digits and . _ -")
    return value


def _run_time(value: Any) -> int | None:
    return None if value is None else integer(1, MAX_RUN_TIME_S)(value)


def _members(value: Any) -> dict[str, list[str]]:
    if not isinstance(value, Mapping):
        raise WrongValue("Must be {users: [username], groups: [name]}")
    fields = Fields(value, ("users", "groups"))
    for kind, column in (("users", UserRow.username), ("groups", GroupRow.name)):
        fields.take(kind, partial(_existing, column), [])
    return fields.done()


def _existing(column: Any, value: Any) -> list[str]:
    wanted = names([] if value is None else value)
    found = {row[0] for row in column.model.select(column).where(column.in_(wanted)).tuples()}
    missing = [name for name in wanted if name not in found]
    if missing:
        raise WrongValue("Not found: %(names)s", names=", ".join(missing[:5]))
    return wanted


def _write_members(vc: str, members: Mapping[str, list[str]] | None) -> None:
    if members is None:
        return
    VcMemberRow.delete().where(VcMemberRow.vc == vc).execute()
    rows = [("user", name) for name in members["users"]]
    rows += [("group", name) for name in members["groups"]]
    for kind, name in rows:
        VcMemberRow.insert(vc=vc, kind=kind, name=name).execute()
