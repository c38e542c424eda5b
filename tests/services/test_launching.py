"""From an admitted job to what its cluster is handed, with the built-in plugins."""

from __future__ import annotations

from typing import Any

import pytest

from portal.domain.errors import PermanentFailure
from portal.domain.job import Job, MountChoice, RegistryLogin
from portal.domain.job_state import JobState
from portal.domain.launch import Launch
from portal.domain.resources import Slot
from portal.services.running.launching import build
from portal.spi.registry import load_registry
from portal.testing import FakeCluster
from portal.testing.builders import a_job, a_spec

REGISTRY = load_registry({})


def launch(*slots: Slot, **fields: Any) -> Launch:
    job = a_job(JobState.SCHEDULING, spec=a_spec(**fields), placement=slots, attempt=2)
    return handed(job)


def handed(job: Job, login: RegistryLogin | None = None) -> Launch:
    return build(job, FakeCluster(), REGISTRY, "/dlwsdata", login)


def test_devices_are_asked_for_and_those_of_other_types_hidden() -> None:
    made = launch(Slot("n1", (2, 3)), device_type="nvidia_gpu_amd64", devices=2)
    (replica,) = made.replicas
    assert replica.resources == {"nvidia.com/gpu": 2}
    assert replica.selection == {"CUDA_VISIBLE_DEVICES": "2,3"}
    assert "NVIDIA_VISIBLE_DEVICES" not in replica.env
    assert replica.env["AOLI_DEVICES"] == "2,3"
    assert "ASCEND_VISIBLE_DEVICES" in replica.env


def test_without_devices_every_device_is_hidden() -> None:
    (replica,) = launch(Slot("n1")).replicas
    assert (replica.resources, replica.selection, replica.node_labels) == ({}, {}, {})
    assert replica.env["NVIDIA_VISIBLE_DEVICES"] == ""


def test_mounts_lie_below_the_users_own_folders() -> None:
    mounts = {
        "work": MountChoice(sub_path="test"),
        "data": MountChoice(),
        "job": MountChoice(enabled=False),
    }
    (replica,) = launch(Slot("n1"), mounts=mounts).replicas
    assert {m.target: (m.source, m.sub_path) for m in replica.mounts} == {
        "/work": ("/dlwsdata/work/alice", "test"),
        "/data": ("/dlwsdata/storage", ""),
    }


def test_the_platforms_facts_win_over_the_users_environment() -> None:
    job = a_job(
        JobState.SCHEDULING,
        spec=a_spec(env={"LR": "0.1", "PYTHONUNBUFFERED": ""}),
        placement=(Slot("n1"),),
        attempt=3,
    )
    env = handed(job).replicas[0].env
    assert (env["AOLI_ATTEMPT"], env["LR"], env["PYTHONUNBUFFERED"]) == ("3", "0.1", "")
    assert env["AOLI_JOB_ID"] == job.id


def test_a_plugin_that_is_gone_is_a_permanent_failure() -> None:
    for fields in ({"kind": "vanished"}, {"device_type": "vanished", "devices": 1}):
        with pytest.raises(PermanentFailure, match="vanished is not installed"):
            launch(Slot("n1", (0,)), **fields)


def test_a_login_is_handed_on() -> None:
    job = a_job(JobState.SCHEDULING, placement=(Slot("n1"),))
    login = RegistryLogin("registry.example", "bob", "secret")
    assert handed(job, login).registry == login
    assert "secret" not in repr(handed(job, login))
