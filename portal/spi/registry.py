"""Finds the plugins that are installed, checks each, and leaves out what is broken.

A broken plugin never takes the portal down: it is listed with what is wrong and how to mend
it (:attr:`Registry.plugins`), and everything else works.
"""

from __future__ import annotations

import inspect
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from portal.spi.device_type import DeviceType
from portal.spi.job_kind import JobKind
from portal.spi.members import MEMBERS
from portal.spi.version import SPI_VERSION

GROUPS: dict[str, type[Any]] = {
    "portal.job_kinds": JobKind,
    "portal.device_types": DeviceType,
}
"""Entry-point group and the class that its plugins must derive from."""


SECTIONS = "plugins"
"""Stands for the group of a section of ``portal.yaml`` that belongs to no installed plugin."""
OWN_DISTRIBUTION = "aoli"
_ANYTHING = (Exception, SystemExit)
"""What a plugin's code may raise; it must never end the portal."""


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

    def lacking(self, device_types: Iterable[str], setting: str) -> Registry:
        """The same, in which types that ``setting`` names and nobody brings are said."""
        missing = sorted(set(device_types) - set(self.device_types))
        known = {p.name for p in self.plugins if p.group == "portal.device_types"}
        reason = f"{setting} names it and no package brings it; install it, or correct the setting"
        found = (
            PluginStatus("portal.device_types", name, "", "", "failed", reason)
            for name in missing
            if name not in known
        )
        return replace(self, plugins=(*self.plugins, *found))

    def of_group(self, group: str) -> Mapping[str, Any]:
        """Those that work of an entry-point group."""
        found: dict[str, Mapping[str, Any]] = {
            "portal.job_kinds": self.job_kinds,
            "portal.device_types": self.device_types,
        }
        return found[group]


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
    for point in sorted(points, key=_order):
        try:
            plugin = _load(point, settings.get(point.name, {}), loaded[point.group])
            loaded[point.group][plugin.name] = plugin
            statuses.append(_status(point, "ok"))
        except _Broken as error:
            statuses.append(_status(point, "failed", str(error)))
    statuses += _unknown_sections(settings, {point.name for point in points})
    return Registry(
        job_kinds=loaded["portal.job_kinds"],
        device_types=loaded["portal.device_types"],
        plugins=tuple(statuses),
    )


def _unknown_sections(sections: Iterable[str], names: Collection[str]) -> Iterator[PluginStatus]:
    """A mistyped section would leave its plugin with other settings than somebody meant."""
    for section in sorted(set(sections) - set(names)):
        alike = get_close_matches(section, list(names), 1, 0.7)
        remedy = (
            f"did you mean plugins.{alike[0]}?" if alike else "install it or remove the section"
        )
        reason = f"plugins.{section} in portal.yaml is of no installed plugin; {remedy}"
        yield PluginStatus(SECTIONS, section, "", "", "failed", reason)


def _installed() -> list[EntryPoint]:
    return [point for group in GROUPS for point in entry_points(group=group)]


def _order(point: EntryPoint) -> tuple[str, str, bool, str]:
    """By name; of two with one name, the portal's own comes first and is kept."""
    own = point.dist is not None and point.dist.name == OWN_DISTRIBUTION
    return (point.group, point.name, not own, point.value)


def _load(point: EntryPoint, section: Mapping[str, Any], others: Mapping[str, Any]) -> Any:
    base = GROUPS[point.group]
    try:
        plugin_class = point.load()
    except _ANYTHING as error:
        raise _Broken(
            f"cannot be imported from {point.value}: {_words(error)};"
            " install what it lacks or another version of it, or uninstall it"
        ) from error
    _check_class(point, plugin_class, base)
    if plugin_class.name in others:
        raise _Broken(
            f"another plugin is named {plugin_class.name}; uninstall one of the two packages"
        )
    try:
        plugin = plugin_class(section)
    except ValueError as error:
        raise _Broken(
            f"refused its settings: {error}; correct plugins.{point.name} in portal.yaml"
        ) from error
    except _ANYTHING as error:
        raise _Broken(
            f"failed at its settings (plugins.{point.name} in portal.yaml): {_words(error)};"
            " correct them, or install another version of it"
        ) from error
    _try_out(point, plugin)
    return plugin


def _try_out(point: EntryPoint, plugin: Any) -> None:
    """Read what pages read, so that a member that fails is found now and not there."""
    for member, check in MEMBERS[point.group].items():
        try:
            found = getattr(plugin, member)
            expected = check(found)
        except _ANYTHING as error:
            raise _Broken(
                f"{point.value}.{member} failed: {_words(error)};"
                f" correct plugins.{point.name} in portal.yaml, or install another version of it"
            ) from error
        if expected is not None:
            raise _Broken(
                f"{point.value}.{member} is {found!r}, expected {expected};"
                " install a version of it that is mended"
            )


def _words(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


def _check_class(point: EntryPoint, plugin_class: Any, base: type[Any]) -> None:
    where = point.value
    derived = inspect.isclass(plugin_class) and issubclass(plugin_class, base)
    if not derived:
        raise _Broken(
            f"{where} is not a class derived from portal.spi.{base.__name__};"
            f" derive it, or correct the entry point"
        )
    missing = sorted(getattr(plugin_class, "__abstractmethods__", ()))
    if missing:
        raise _Broken(f"{where} does not define {', '.join(missing)}; define it")
    stated = getattr(plugin_class, "spi_version", None)
    if stated is None:
        raise _Broken(
            f"{where} does not say for which version of the plugin interface it was written;"
            f" add spi_version = {SPI_VERSION}"
        )
    if stated != SPI_VERSION:
        raise _Broken(
            f"{where} was written for version {stated} of the plugin interface,"
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
