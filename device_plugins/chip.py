"""What the built-in device types share: a chip that is described by settings alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from portal.spi import DeviceShape, DeviceType, Slot


class Chip(DeviceType):
    """A device type whose names and shape an administrator may change.

    Settings, all optional: ``resource_name``, ``node_labels`` (name: value),
    ``devices_per_node``, ``counts`` (legal numbers of devices on one node; empty for every
    number), ``ring`` (devices that are wired together; 0: all).
    """

    defaults: ClassVar[Mapping[str, Any]]
    """A value for every setting."""
    hiding: ClassVar[Mapping[str, str]]
    """Environment by which a replica without devices sees none of them."""
    device_files: ClassVar[str]
    """Glob below ``/dev`` of the files of single devices."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        super().__init__(settings)
        unknown = sorted(set(settings) - set(self.defaults))
        if unknown:
            raise ValueError(f"{unknown[0]}: unknown; known are {', '.join(sorted(self.defaults))}")
        values = {**self.defaults, **settings}
        self._resource_name = _text("resource_name", values["resource_name"])
        self._node_labels = _labels("node_labels", values["node_labels"])
        per_node = _number("devices_per_node", values["devices_per_node"], 1)
        counts = _counts("counts", values["counts"], per_node)
        ring = _number("ring", values["ring"], 0)
        if ring and per_node % ring:
            raise ValueError(f"ring: {ring} does not divide devices_per_node ({per_node})")
        self._shape = DeviceShape(per_node=per_node, ring=ring, counts=counts)

    @property
    def shape(self) -> DeviceShape:
        """As the settings have it."""
        return self._shape

    @property
    def resource_name(self) -> str:
        """As the settings have it."""
        return self._resource_name

    @property
    def node_labels(self) -> Mapping[str, str]:
        """As the settings have it."""
        return self._node_labels

    def environment(self, slot: Slot) -> Mapping[str, str]:
        """Hide the devices from a replica that has none.

        With devices it is for the device plugin to say which: what a pod says overrides it.
        """
        return {} if slot.devices else self.hiding

    def detect(self) -> int:
        """Count the device files of this machine."""
        return sum(1 for _ in Path("/dev").glob(self.device_files))


def _text(key: str, value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{key}: expected a name, got {value!r}")
    return value.strip()


def _labels(key: str, value: object) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise ValueError(f"{key}: expected 'name: value' lines, got {value!r}")
    for name, wanted in value.items():
        if not isinstance(name, str) or not isinstance(wanted, str):
            raise ValueError(f"{key}: {name!r}: {wanted!r}: both must be text; put it in quotes")
    return dict(value)


def _number(key: str, value: object, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValueError(f"{key}: expected a whole number from {least} on, got {value!r}")
    return value


def _counts(key: str, value: object, per_node: int) -> tuple[int, ...] | None:
    if value is None or value == []:
        return None
    if not isinstance(value, list | tuple):
        raise ValueError(f"{key}: expected a list of numbers, got {value!r}")
    counts = {_number(key, count, 0) for count in value}
    if max(counts) > per_node:
        raise ValueError(f"{key}: {max(counts)} is more than devices_per_node ({per_node})")
    # 0 devices are a job that needs none: always legal.
    return tuple(sorted(counts | {0}))
