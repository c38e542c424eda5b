"""Finds the plugins that are installed, checks each, and leaves out what is broken.

A broken plugin never takes the portal down: it is listed with what is wrong and how to mend
it (:attr:`Registry.plugins`), and everything else works.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from portal.spi.device_type import DeviceType
from portal.spi.job_kind import JobKind
from portal.spi.version import SPI_VERSION

GROUPS: dict[str, type[Any]] = {
    "portal.job_kinds": JobKind,
    "portal.device_types": DeviceType,
}
"""Entry-point group and the class that its plugins must derive from."""


@dataclass(frozen=True, slots=True)
class PluginStatus:
    """One installed plugin: where it comes from and whether it works."""

    group: str
    name: str
    distribution: str
    version: str
    status: str
    """``ok`` or ``failed``."""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Registry:
    """The plugins that work, by name, and the state of all."""

    job_kinds: Mapping[str, JobKind] = field(default_factory=dict)
    device_types: Mapping[str, DeviceType] = field(default_factory=dict)
    plugins: tuple[PluginStatus, ...] = ()


class _Broken(Exception):
    """A plugin cannot be used; the text says why and what to do."""


def load_registry(
    settings: Mapping[str, Mapping[str, Any]], found: Iterable[EntryPoint] | None = None
) -> Registry:
    """Load every installed plugin.

    ``settings`` maps a plugin's name to its section of the settings file; ``found``
    replaces the installed entry points (for tests).
    """
    points = _installed() if found is None else list(found)
    loaded: dict[str, dict[str, Any]] = {group: {} for group in GROUPS}
    statuses = []
    for point in sorted(points, key=lambda p: (p.group, p.name, p.value)):
        try:
            plugin = _load(point, settings.get(point.name, {}), loaded[point.group])
            loaded[point.group][plugin.name] = plugin
            statuses.append(_status(point, "ok"))
        except _Broken as error:
            statuses.append(_status(point, "failed", str(error)))
    return Registry(
        job_kinds=loaded["portal.job_kinds"],
        device_types=loaded["portal.device_types"],
        plugins=tuple(statuses),
    )


def _installed() -> list[EntryPoint]:
    return [point for group in GROUPS for point in entry_points(group=group)]


def _load(point: EntryPoint, section: Mapping[str, Any], others: Mapping[str, Any]) -> Any:
    base = GROUPS[point.group]
    try:
        plugin_class = point.load()
    except Exception as error:  # a plugin's module may raise anything at import
        raise _Broken(
            f"cannot be imported from {point.value}: {type(error).__name__}: {error}"
        ) from error
    _check_class(point, plugin_class, base)
    if plugin_class.name in others:
        raise _Broken(f"another plugin is named {plugin_class.name}; uninstall one of the two")
    try:
        return plugin_class(section)
    except Exception as error:  # a plugin's constructor checks its settings as it likes
        raise _Broken(f"refused its settings (plugins.{point.name}): {error}") from error


def _check_class(point: EntryPoint, plugin_class: Any, base: type[Any]) -> None:
    where = point.value
    derived = inspect.isclass(plugin_class) and issubclass(plugin_class, base)
    if not derived:
        raise _Broken(f"{where} is not a class derived from portal.spi.{base.__name__}")
    missing = sorted(getattr(plugin_class, "__abstractmethods__", ()))
    if missing:
        raise _Broken(f"{where} does not define {', '.join(missing)}")
    if plugin_class.spi_version != SPI_VERSION:
        raise _Broken(
            f"{where} was written for version {plugin_class.spi_version} of the plugin interface,"
            f" this portal has {SPI_VERSION}; install a matching version of the plugin"
        )
    if getattr(plugin_class, "name", None) != point.name:
        raise _Broken(
            f"the entry point is named {point.name} but {where}.name is"
            f" {getattr(plugin_class, 'name', None)!r}; make them equal"
        )
    if not isinstance(getattr(plugin_class, "title", None), str):
        raise _Broken(f"{where} has no title; give it a short word to show in tables")


def _status(point: EntryPoint, status: str, reason: str = "") -> PluginStatus:
    dist = point.dist
    return PluginStatus(
        group=point.group,
        name=point.name,
        distribution=dist.name if dist else "",
        version=dist.version if dist else "",
        status=status,
        reason=reason,
    )
