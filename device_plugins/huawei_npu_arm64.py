"""Huawei Ascend NPUs in arm64 nodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from device_plugins.chip import Chip
from device_plugins.rank_table import Addresses, rank_table
from portal.spi import Seat, SharedFile, Slot


class HuaweiNpuArm64(Chip):
    """An Ascend 910 server: two rings of four, so 1, 2 and 4 come out of one ring, or all 8.

    Settings beyond a chip's: ``address_note`` and ``device_addresses`` (node: one address per
    chip), both empty as shipped; they say who knows the chips' network addresses, see
    :class:`~device_plugins.rank_table.Addresses`. With one of them jobs get a rank table.
    """

    spi_version = 1
    name = "huawei_npu_arm64"
    title = "NPU"
    defaults: ClassVar[Mapping[str, Any]] = {
        "resource_name": "huawei.com/Ascend910",
        "node_labels": {},
        "devices_per_node": 8,
        "counts": [0, 1, 2, 4, 8],
        "ring": 4,
        "address_note": "",
        "device_addresses": {},
    }
    hiding: ClassVar[Mapping[str, str]] = {"ASCEND_VISIBLE_DEVICES": ""}
    device_files = "davinci[0-9]*"

    def __init__(self, settings: Mapping[str, Any]) -> None:
        super().__init__(settings)
        note = settings.get("address_note", "")
        if not isinstance(note, str):
            raise ValueError(f"address_note: expected a name, got {note!r}")
        self._addresses = Addresses(note, _addresses(settings.get("device_addresses", {})))

    @property
    def notes(self) -> tuple[str, ...]:
        """As the settings have it."""
        return (self._addresses.note,) if self._addresses.note else ()

    def shared_files(self, seats: Sequence[Seat]) -> tuple[SharedFile, ...]:
        """The rank table, where somebody knows the chips' addresses."""
        if not self._addresses.tell(seats):
            return ()
        return (SharedFile("hccl.json", rank_table(seats, self._addresses), ("RANK_TABLE_FILE",)),)

    def selection(self, slot: Slot) -> Mapping[str, str]:
        """What the Ascend runtime of CANN looks at."""
        return {"ASCEND_RT_VISIBLE_DEVICES": ",".join(str(index) for index in slot.devices)}


def _addresses(value: object) -> dict[str, tuple[str, ...]]:
    key = "device_addresses"
    if not isinstance(value, Mapping):
        raise ValueError(f"{key}: expected 'node: [address, …]' lines, got {value!r}")
    for node, chips in value.items():
        if not isinstance(chips, list) or not all(isinstance(chip, str) for chip in chips):
            raise ValueError(f"{key}: {node}: expected a list with one address per chip")
    return {str(node): tuple(chips) for node, chips in value.items()}
