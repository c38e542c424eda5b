"""Plugins behind the guard: the same interface, every call of their code through it.

What they only *are* (titles, fields, shape) is read once, when the portal starts.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from portal.domain.job import Job, JobSpec
from portal.domain.launch import HostMount, Seat, SharedFile, Workload
from portal.domain.resources import DeviceShape, Placement, Slot
from portal.ports import PluginName
from portal.services.plugins.guard import Guarded, PluginGuard
from portal.spi.device_type import DeviceType
from portal.spi.job_kind import JobKind
from portal.spi.registry import OWN_DISTRIBUTION, Registry


class GuardedJobKind(JobKind):
    """A job kind behind the guard."""

    def __init__(self, guard: PluginGuard, guarded: Guarded) -> None:
        kind: JobKind = guarded.plugin
        super().__init__(kind.settings)
        self.guarded = guarded
        self._guard = guard
        self.name, self.title = kind.name, kind.title  # type: ignore[misc]
        self.multi_node, self.fields = kind.multi_node, kind.fields  # type: ignore[misc]
        self.field_titles = kind.field_titles  # type: ignore[misc]
        self.field_choices = kind.field_choices  # type: ignore[misc]

    def check(self, spec: JobSpec, device_type: DeviceType | None, limit: int) -> JobSpec:
        """See :class:`JobKind`; ``device_type`` is one of the same registry."""
        given = (spec, device_type, limit)
        found: JobSpec = self._guard.call(self.guarded, "check", given, JobSpec)
        try:
            json.dumps(dict(found.extra))
        except (TypeError, ValueError) as error:
            why = f"failed: check returned fields that cannot be kept: {error}"
            raise self._guard.has_failed(self.guarded, "check", why) from error
        return found

    def workload(self, job: Job, placement: Placement, host_of: Callable[[str], str]) -> Workload:
        """See :class:`JobKind`."""
        return self._guard.call(self.guarded, "workload", (job, placement, host_of), Workload)  # type: ignore[no-any-return]


class GuardedDeviceType(DeviceType):
    """A device type behind the guard."""

    def __init__(self, guard: PluginGuard, guarded: Guarded) -> None:
        kind: DeviceType = guarded.plugin
        super().__init__(kind.settings)
        self.guarded = guarded
        self._guard = guard
        self.name, self.title = kind.name, kind.title  # type: ignore[misc]
        self._shape, self._notes = kind.shape, tuple(kind.notes)
        self._resource_name, self._node_labels = kind.resource_name, dict(kind.node_labels)

    @property
    def shape(self) -> DeviceShape:
        """As it was at start."""
        return self._shape

    @property
    def resource_name(self) -> str:
        """As it was at start."""
        return self._resource_name

    @property
    def node_labels(self) -> Mapping[str, str]:
        """As they were at start."""
        return self._node_labels

    @property
    def notes(self) -> tuple[str, ...]:
        """As they were at start."""
        return self._notes

    def _call(self, member: str, *arguments: Any, kind: type) -> Any:
        return self._guard.call(self.guarded, member, arguments, kind)

    def check_count(self, devices: int, limit: int) -> None:
        """See :class:`DeviceType`."""
        self._call("check_count", devices, limit, kind=type(None))

    def resources(self, devices: int) -> Mapping[str, int]:
        """See :class:`DeviceType`."""
        return self._call("resources", devices, kind=Mapping)  # type: ignore[no-any-return]

    def environment(self, slot: Slot) -> Mapping[str, str]:
        """See :class:`DeviceType`."""
        return self._call("environment", slot, kind=Mapping)  # type: ignore[no-any-return]

    def selection(self, slot: Slot) -> Mapping[str, str]:
        """See :class:`DeviceType`."""
        return self._call("selection", slot, kind=Mapping)  # type: ignore[no-any-return]

    def mounts(self, slot: Slot) -> tuple[HostMount, ...]:
        """See :class:`DeviceType`."""
        return tuple(self._call("mounts", slot, kind=Sequence))

    def shared_files(self, seats: Sequence[Seat]) -> tuple[SharedFile, ...]:
        """See :class:`DeviceType`."""
        return tuple(self._call("shared_files", seats, kind=Sequence))

    def detect(self) -> int:
        """See :class:`DeviceType`."""
        return int(self._call("detect", kind=int))


def behind(guard: PluginGuard, registry: Registry) -> Registry:
    """The same registry, with every plugin behind ``guard``."""
    return dataclasses.replace(
        registry,
        job_kinds={
            name: GuardedJobKind(guard, _guarded(registry, "portal.job_kinds", kind))
            for name, kind in registry.job_kinds.items()
        },
        device_types={
            name: GuardedDeviceType(guard, _guarded(registry, "portal.device_types", kind))
            for name, kind in registry.device_types.items()
        },
    )


def has_foreign(registry: Registry) -> bool:
    """Whether any plugin that works is not the portal's own."""
    return any(p.status == "ok" and _is_foreign(p.distribution) for p in registry.plugins)


def _guarded(registry: Registry, group: str, plugin: Any) -> Guarded:
    """An object that no installed package has brought is called where it is."""
    for status in registry.plugins:
        if status.group == group and status.name == plugin.name and status.status == "ok":
            foreign = _is_foreign(status.distribution)
            return Guarded(PluginName(group, plugin.name), status.version, plugin, foreign)
    return Guarded(PluginName(group, plugin.name), "", plugin, foreign=False)


def _is_foreign(distribution: str) -> bool:
    return distribution not in ("", OWN_DISTRIBUTION)
