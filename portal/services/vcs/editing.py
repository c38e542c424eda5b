"""Adding, modifying and deleting virtual clusters.

All edits of quotas take turns on the cluster's row (its plan epoch moves on), so that two
administrators who edit at once can never give away more than the cluster has, and a
scheduling plan made from the old quotas is thrown away.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from portal.domain.errors import Conflict, FieldError, Forbidden, InvalidSpec, NotFound
from portal.domain.job_state import HOLDING
from portal.domain.permission import Actor, Permission
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
from portal.services.vcs.reading import VirtualCluster

FIELDS = ("name", "quota", "members", "user_limit", "max_run_time_s", "preempt_grace_s")
MAX_GRACE_S = 3600
MAX_RUN_TIME_S = 366 * 24 * 3600
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", re.ASCII)


class VcEditor:
    """The use cases of administrators."""

    def __init__(
        self,
        *,
        cluster_name: str,
        device_types: Iterable[str],
        queue: Queue,
        events: Events,
        clock: Callable[[], datetime],
    ) -> None:
        self._cluster_name = cluster_name
        self._device_types = frozenset(device_types)
        self._queue = queue
        self._events = events
        self._clock = clock

    def add(self, actor: Actor, body: Any) -> VirtualCluster:
        """Make a VC; ``Conflict`` when the name is taken, ``InvalidSpec`` on wrong fields."""
        _may_manage(actor)
        fields = self._parse(body, required=("name", "quota"))
        name = fields.pop("name")
        with database.atomic():
            inventory.take_turn(self._cluster_name)
            if VcRow.get_or_none(VcRow.name == name) is not None:
                raise Conflict(f"There is a virtual cluster named {name} already")
            self._check_remaining(fields["quota"], besides=name)
            members = fields.pop("members", None)
            virtual_clusters.create(name, fields.pop("quota"), self._clock(), **fields)
            _write_members(name, members)
            self._note(actor, "vc.create", name, None, _facts(name))
        self._changed(name)
        return virtual_clusters.get(name)

    def modify(self, actor: Actor, name: str, body: Any) -> VirtualCluster:
        """Change values. The quota only while no job holds devices of the VC."""
        _may_manage(actor)
        fields = self._parse(body, required=())
        if fields.pop("name", name) != name:
            raise InvalidSpec("name", "The name cannot be changed")
        with database.atomic():
            inventory.take_turn(self._cluster_name)
            row, before = _row(name), _facts(name)
            quota = fields.get("quota")
            if quota is not None:
                fields["quota"] = quota = {**row.quota, **quota}
                if quota != row.quota:
                    _refuse_busy(name, "modified")
                self._check_remaining(quota, besides=name)
            members = fields.pop("members", None)
            VcRow.update(**fields, version=VcRow.version + 1).where(VcRow.name == name).execute()
            _write_members(name, members)
            self._note(actor, "vc.modify", name, before, _facts(name))
        self._changed(name)
        return virtual_clusters.get(name)

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

    def _check_remaining(self, quota: Mapping[str, int], besides: str) -> None:
        free = self.remaining(besides)
        row = VcRow.get_or_none(VcRow.name == besides)
        own = row.quota if row is not None else {}
        wrong = [
            (f"quota.{kind}", FieldError("At most %(max)s remain", {"max": free.get(kind, 0)}))
            for kind, count in quota.items()
            # What a VC has already may stay, even when the cluster has since lost devices.
            if count > max(free.get(kind, 0), 0) and count > own.get(kind, 0)
        ]
        if wrong:
            raise InvalidSpec.of(wrong)

    def _parse(self, body: Any, required: tuple[str, ...]) -> dict[str, Any]:
        if not isinstance(body, Mapping):
            raise InvalidSpec("body", "Must be an object")
        wrong = [(str(k), FieldError("Unknown field")) for k in body if k not in FIELDS]
        wrong += [
            (name, FieldError("Required"))
            for name in required
            if not body.get(name, None) and body.get(name) != {}
        ]
        fields: dict[str, Any] = {}
        for name in FIELDS:
            if name in body:
                try:
                    fields[name] = self._field(name, body[name])
                except InvalidSpec as invalid:
                    wrong += [(n, e) for n, found in invalid.errors.items() for e in found]
        if wrong:
            raise InvalidSpec.of(wrong)
        return fields

    def _field(self, name: str, value: Any) -> Any:
        if name == "name":
            if not isinstance(value, str) or not _NAME.fullmatch(value):
                raise InvalidSpec("name", "Use 1 to 63 letters, digits and . _ -")
            return value
        if name in ("quota", "user_limit"):
            return self._numbers(name, value)
        if name == "members":
            return _members(value)
        if name == "max_run_time_s" and value is None:
            return None
        most = MAX_RUN_TIME_S if name == "max_run_time_s" else MAX_GRACE_S
        least = 1 if name == "max_run_time_s" else 0
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise InvalidSpec(
                name, "Must be a whole number from %(min)s to %(max)s", min=least, max=most
            )
        return value

    def _numbers(self, name: str, value: Any) -> dict[str, int]:
        if not isinstance(value, Mapping):
            raise InvalidSpec(name, "Must map device types to numbers")
        wrong = []
        for kind, count in value.items():
            if kind not in self._device_types:
                wrong.append((f"{name}.{kind}", FieldError("There is no such device type")))
            elif isinstance(count, bool) or not isinstance(count, int) or count < 0:
                wrong.append((f"{name}.{kind}", FieldError("Must be a whole number, 0 or more")))
        if wrong:
            raise InvalidSpec.of(wrong)
        return dict(value)

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


def _members(value: Any) -> dict[str, list[str]]:
    if not isinstance(value, Mapping) or any(key not in ("users", "groups") for key in value):
        raise InvalidSpec("members", "Must be {users: [username], groups: [name]}")
    sources: tuple[tuple[str, Any], ...] = (
        ("users", UserRow.username),
        ("groups", GroupRow.name),
    )
    members = {}
    for key, column in sources:
        names = value.get(key) or []
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise InvalidSpec(f"members.{key}", "Must be a list of names")
        found = {row[0] for row in column.model.select(column).where(column.in_(names)).tuples()}
        missing = sorted(set(names) - found)
        if missing:
            raise InvalidSpec(
                f"members.{key}", "Not found: %(names)s", names=", ".join(missing[:5])
            )
        members[key] = sorted(set(names))
    return members


def _write_members(vc: str, members: Mapping[str, list[str]] | None) -> None:
    if members is None:
        return
    VcMemberRow.delete().where(VcMemberRow.vc == vc).execute()
    rows = [("user", name) for name in members["users"]]
    rows += [("group", name) for name in members["groups"]]
    for kind, name in rows:
        VcMemberRow.insert(vc=vc, kind=kind, name=name).execute()
