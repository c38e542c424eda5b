"""Huawei Ascend NPUs in arm64 nodes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from device_plugins.chip import Chip
from portal.spi import Slot


class HuaweiNpuArm64(Chip):
    """An Ascend 910 server: two rings of four, so 1, 2 and 4 come out of one ring, or all 8."""

    name = "huawei_npu_arm64"
    title = "NPU"
    defaults: ClassVar[Mapping[str, Any]] = {
        "resource_name": "huawei.com/Ascend910",
        "node_labels": {},
        "devices_per_node": 8,
        "counts": [0, 1, 2, 4, 8],
        "ring": 4,
    }
    hiding: ClassVar[Mapping[str, str]] = {"ASCEND_VISIBLE_DEVICES": ""}
    device_files = "davinci[0-9]*"

    def selection(self, slot: Slot) -> Mapping[str, str]:
        """What the Ascend runtime of CANN looks at."""
        return {"ASCEND_RT_VISIBLE_DEVICES": ",".join(str(index) for index in slot.devices)}
