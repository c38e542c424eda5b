"""NVIDIA GPUs in x86-64 nodes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from device_plugins.chip import Chip
from portal.spi import Slot


class NvidiaGpuAmd64(Chip):
    """Any number of GPUs of a node goes together."""

    spi_version = 1
    name = "nvidia_gpu_amd64"
    title = "GPU"
    defaults: ClassVar[Mapping[str, Any]] = {
        "resource_name": "nvidia.com/gpu",
        "node_labels": {},
        "devices_per_node": 8,
        "counts": None,
        "ring": 0,
    }
    # An image built on CUDA asks for all GPUs of the node, and its runtime obeys.
    hiding: ClassVar[Mapping[str, str]] = {"NVIDIA_VISIBLE_DEVICES": ""}
    device_files = "nvidia[0-9]*"

    def selection(self, slot: Slot) -> Mapping[str, str]:
        """What CUDA programs look at."""
        return {"CUDA_VISIBLE_DEVICES": ",".join(str(index) for index in slot.devices)}
