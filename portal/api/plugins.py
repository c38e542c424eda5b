"""Calls on what is installed: device types, job kinds, and the state of every plugin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Literal

from portal.api import reading
from portal.api.auth import MEMBER
from portal.api.calls import PAGING, call
from portal.api.schemas import OrLeftOut, Page, Shape, Time, about
from portal.domain.moment import rfc3339
from portal.http.services import services
from portal.services.plugins import marks
from portal.services.plugins.marks import Mark
from portal.spi.registry import PluginStatus


class Trouble(Shape):
    """What was the matter with a plugin lately."""

    state: Literal["slow", "failed"]
    member: str = about("Which of its functions")
    why: str
    at: Time


class Plugin(Shape):
    """A plugin, and why it was left out if it was."""

    group: str
    name: str
    distribution: str
    version: str
    status: Literal["ok", "failed"]
    reason: str | None
    trouble: Trouble | None


class DeviceType(Plugin):
    """A device type; where its plugin failed, without what it would say."""

    title: OrLeftOut[str] = None
    resource_name: OrLeftOut[str] = None
    devices_per_node: OrLeftOut[int] = None
    legal_counts: list[int] | None = None


class JobKind(Plugin):
    """A job kind; where its plugin failed, without what it would say."""

    title: OrLeftOut[str] = None
    multi_node: OrLeftOut[bool] = None
    fields: OrLeftOut[list[str]] = None


def _installed(group: str | None = None) -> list[dict[str, Any]]:
    found = services()
    troubled = marks.current(found.clock())
    return [
        {**asdict(plugin), "reason": plugin.reason or None, "trouble": _trouble(troubled, plugin)}
        for plugin in found.registry.plugins
        if group is None or plugin.group == group
    ]


def _trouble(troubled: Mapping[tuple[str, str, str], Mark], plugin: PluginStatus) -> Any:
    """What was the matter with a plugin lately, if anything."""
    mark = troubled.get((plugin.group, plugin.name, plugin.version))
    return mark and {**asdict(mark), "at": rfc3339(mark.at)}


@call(
    "GET",
    "/plugins",
    tag="Plugins",
    summary="List all plugins, those that were left out too",
    access=MEMBER,
    query=PAGING,
    answer=Page[Plugin],
    problems=(422,),
)
def list_plugins() -> Any:
    """A broken one says why and what to do."""
    return reading.page_of(_installed())


@call(
    "GET",
    "/device-types",
    tag="Plugins",
    summary="List device types",
    access=MEMBER,
    query=PAGING,
    answer=Page[DeviceType],
    problems=(422,),
)
def list_device_types() -> Any:
    """With the numbers of devices that one node can be asked for."""
    working = services().registry.device_types
    return reading.page_of(
        [
            {**plugin, **_device_type(working[plugin["name"]])}
            if plugin["status"] == "ok"
            else plugin
            for plugin in _installed("portal.device_types")
        ]
    )


def _device_type(kind: Any) -> dict[str, Any]:
    return {
        "title": kind.title,
        "resource_name": kind.resource_name,
        "devices_per_node": kind.shape.per_node,
        "legal_counts": list(kind.shape.counts) if kind.shape.counts else None,
    }


@call(
    "GET",
    "/job-kinds",
    tag="Plugins",
    summary="List job kinds",
    access=MEMBER,
    query=PAGING,
    answer=Page[JobKind],
    problems=(422,),
)
def list_job_kinds() -> Any:
    """With the fields that a kind adds to a submission."""
    working = services().registry.job_kinds
    return reading.page_of(
        [
            {**plugin, **_job_kind(working[plugin["name"]])} if plugin["status"] == "ok" else plugin
            for plugin in _installed("portal.job_kinds")
        ]
    )


def _job_kind(kind: Any) -> dict[str, Any]:
    return {"title": kind.title, "multi_node": kind.multi_node, "fields": list(kind.fields)}
