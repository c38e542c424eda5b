"""The plugins that come with the portal keep the contracts that everybody's must keep."""

from __future__ import annotations

from device_plugins.huawei_npu_arm64 import HuaweiNpuArm64
from device_plugins.nvidia_gpu_amd64 import NvidiaGpuAmd64
from plugins.distributed import Distributed
from plugins.regular import Regular
from portal.testing.device_type_contract import DeviceTypeContract
from portal.testing.job_kind_contract import JobKindContract

WRONG = {"resource_name": "", "devices_per_node": 0, "counts": [16], "ring": 3, "rings": 4}
SIXTEEN = {"devices_per_node": 16, "counts": [1, 2, 4, 8, 16], "ring": 8}


class TestNvidia(DeviceTypeContract):
    plugin = NvidiaGpuAmd64
    wrong_settings = WRONG


class TestHuawei(DeviceTypeContract):
    plugin = HuaweiNpuArm64
    settings = SIXTEEN
    wrong_settings = {**WRONG, "counts": [32]}  # noqa: RUF012


class TestRegular(JobKindContract):
    plugin = Regular
    wrong = (({"nodes": 2}, "nodes"), ({"devices": 65}, "devices"))


class TestDistributed(JobKindContract):
    plugin = Distributed
    good = {"nodes": 2, "devices": 8}  # noqa: RUF012
    wrong = (({"devices": 9}, "devices"), ({"nodes": 9}, "nodes"))
