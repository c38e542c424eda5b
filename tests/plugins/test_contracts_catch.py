"""The contracts find what they are there to find: each fault by the test that is meant for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from device_plugins.nvidia_gpu_amd64 import NvidiaGpuAmd64
from plugins.regular import Regular
from portal.spi import DeviceShape, HostMount, InvalidSpec, Workload
from portal.testing.device_type_contract import DeviceTypeContract
from portal.testing.job_kind_contract import JobKindContract


def shaped(**fields: Any) -> dict[str, Any]:
    return {"shape": property(lambda self: DeviceShape(**fields))}


def mounting(source: str, target: str, name: str = "driver") -> dict[str, Any]:
    return {"mounts": lambda self, slot: (HostMount(name, source, target),)}


class Counting:
    """Answers another number each time."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, *_: Any) -> dict[str, str]:
        self.calls += 1
        return {"CALLS": str(self.calls)}


DEVICE_FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "old": ({"spi_version": 0}, "test_it_is_a_whole_plugin"),
    "loud name": ({"name": "Acme"}, "test_its_names"),
    "long title": ({"title": "x" * 40}, "test_its_names"),
    "not installed": ({"name": "acme"}, "test_it_is_announced"),
    "ring": (shaped(per_node=8, ring=3), "test_its_shape_is_possible"),
    "no zero": (shaped(counts=(1, 2)), "test_its_shape_is_possible"),
    "too many": (shaped(counts=(0, 16)), "test_its_shape_is_possible"),
    "resource": ({"resource_name": "two words"}, "test_its_names_on_the_cluster"),
    "label": ({"node_labels": {"x": "a b"}}, "test_its_names_on_the_cluster"),
    "takes all": (
        {"check_count": lambda self, devices, limit: None},
        "test_legal_counts_are_taken_and_others_refused",
    ),
    "asks for one": (
        {"resources": lambda self, devices: {self.resource_name: 1}},
        "test_what_it_asks_the_cluster_for",
    ),
    "number": (
        {"environment": lambda self, slot: {"COUNT": len(slot.devices)}},
        "test_what_replicas_find_in_their_environment",
    ),
    "shows all": (
        {"environment": lambda self, slot: {}},
        "test_what_replicas_find_in_their_environment",
    ),
    "varies": ({"selection": Counting()}, "test_what_replicas_find_in_their_environment"),
    "relative": (mounting("driver", "/usr/driver"), "test_mounts_are_absolute_and_not_in_the_way"),
    "over /job": (mounting("/usr/x", "/job"), "test_mounts_are_absolute_and_not_in_the_way"),
    "fewer than none": ({"detect": lambda self: -1}, "test_looking_for_devices_finds_a_number"),
}


@pytest.mark.parametrize("fault", DEVICE_FAULTS)
def test_a_faulty_device_type_is_caught(fault: str) -> None:
    members, test = DEVICE_FAULTS[fault]
    members = {name: _bound(value) for name, value in members.items()}
    contract = DeviceTypeContract()
    contract.plugin = type("Faulty", (NvidiaGpuAmd64,), members)  # type: ignore[misc]
    with pytest.raises(AssertionError, match=r"\w"):
        getattr(contract, test)()


def _bound(value: Any) -> Any:
    return (lambda self, *given: value(*given)) if isinstance(value, Counting) else value


def working(change: Callable[[Workload], Workload]) -> dict[str, Any]:
    def workload(self: Regular, job: Any, placement: Any, host_of: Any) -> Workload:
        return change(Regular.workload(self, job, placement, host_of))

    return {"workload": workload}


def renamed(**fields: Any) -> dict[str, Any]:
    return working(lambda w: replace(w, replicas=tuple(replace(r, **fields) for r in w.replicas)))


def asking(self: Regular, job: Any, placement: Any, host_of: Any) -> Workload:
    host_of("main")
    return Regular.workload(self, job, placement, host_of)


def adding(self: Regular, spec: Any, device_type: Any, limit: int) -> Any:
    return replace(spec, command=spec.command + "\necho more")


def converting(self: Regular, spec: Any, device_type: Any, limit: int) -> Any:
    int(spec.extra.get("rounds", 1))
    return Regular.check(self, spec, device_type, limit)


class Drawing:
    count = 0

    def __call__(self, workload: Workload) -> Workload:
        self.count += 1
        return replace(
            workload, replicas=(replace(workload.replicas[0], env={"N": "1" * self.count}),)
        )


KIND_FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "shared field": ({"fields": ("image",)}, "test_its_own_fields_have_plain_new_names"),
    "list": ({"fields": ["rounds"]}, "test_its_own_fields_have_plain_new_names"),
    "adds each time": ({"check": adding}, "test_a_right_submission_is_taken_and_stays_so"),
    "no check": (
        {"check": lambda self, spec, device_type, limit: spec},
        "test_more_devices_than_the_quota_are_refused",
    ),
    "own error": (
        {"check": converting, "fields": ("rounds",)},
        "test_whatever_is_sent_is_taken_or_refused",
    ),
    "rank": (renamed(rank=1), "test_one_replica_for_each_place"),
    "name": (renamed(name="Main_1"), "test_one_replica_for_each_place"),
    "command": (renamed(command=" "), "test_one_replica_for_each_place"),
    "port": (renamed(ports=(0,)), "test_one_replica_for_each_place"),
    "nobody": (working(lambda w: replace(w, replicas=())), "test_one_replica_for_each_place"),
    "hosts": ({"workload": asking}, "test_one_replica_for_each_place"),
    "draws": (working(Drawing()), "test_the_same_attempt_is_the_same_workload"),
}


@pytest.mark.parametrize("fault", KIND_FAULTS)
def test_a_faulty_job_kind_is_caught(fault: str) -> None:
    members, test = KIND_FAULTS[fault]
    contract = JobKindContract()
    contract.plugin = type("Faulty", (Regular,), members)  # type: ignore[misc]
    with pytest.raises((AssertionError, TypeError, ValueError)) as caught:
        getattr(contract, test)()
    assert not isinstance(caught.value, InvalidSpec)


def test_a_wrong_setting_or_submission_that_is_taken_is_caught() -> None:
    device, kind = DeviceTypeContract(), JobKindContract()
    device.plugin, kind.plugin = NvidiaGpuAmd64, Regular  # type: ignore[misc]
    device.wrong_settings = {"ring": 4}  # type: ignore[misc]
    kind.wrong = [({"command": "true"}, "command")]  # type: ignore[misc]
    with pytest.raises(AssertionError, match="ring: 4 was taken"):
        device.test_wrong_settings_are_named()
    with pytest.raises(AssertionError, match="was taken"):
        kind.test_wrong_submissions_are_refused_at_their_field()
