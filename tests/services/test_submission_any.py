"""Whatever is sent, a submission is either clean or refused with errors at its fields."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from house import GPU, NPU, House, actor, body
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.errors import FieldError, InvalidSpec
from portal.domain.job import JobSpec
from portal.domain.storage_path import roots
from portal.models import JobRow
from portal.models.db import session
from portal.services.records import job_store
from portal.services.records.job_views import body_of
from portal.services.submissions.parse import COMMON_FIELDS, parse
from portal.services.vcs.offer import VcOffer
from portal.spi.registry import load_registry
from portal.testing import NOON, a_job

REGISTRY = load_registry({})
OFFERS = {"vision": VcOffer("vision", {GPU: 8, NPU: 8}), "bare": VcOffer("bare", {})}
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
JSON = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=6,
)
NAMES = st.sampled_from([*COMMON_FIELDS, "more"])
LIKELY = st.sampled_from(
    [
        *("vision", "bare", "regular", "distributed", GPU, NPU, "python:3.11", "x", ""),
        *(0, 1, 2, 3, 8, 9, -1, True, [], {}, [40001], ["ssh"]),
        *({"A": "b"}, {"work": {"sub_path": "a"}}, {"data": {"enabled": False}}),
    ]
)


def outcome(sent: Any) -> tuple[JobSpec | None, dict[str, list[FieldError]]]:
    """The spec, or what is wrong."""
    try:
        return parse(sent, REGISTRY, OFFERS).spec, {}
    except InvalidSpec as invalid:
        return None, invalid.errors


@given(changes=st.dictionaries(NAMES, JSON | LIKELY, max_size=5), right=st.booleans())
def test_anything(changes: dict[str, Any], right: bool) -> None:
    sent = {**(body() if right else {}), **changes}
    spec, wrong = outcome(sent)
    if spec is None:
        assert wrong
        for field, errors in wrong.items():
            top = field.partition(".")[0]
            assert top in (*sent, "name", "vc", "image", "command", "device_type", "devices")
            assert all(str(error) for error in errors)
        return
    assert spec.vc in OFFERS
    assert spec.devices <= OFFERS[spec.vc].quota.get(spec.device_type or "", 0)
    assert spec.nodes == 1 or spec.kind == "distributed"
    job = a_job(spec=spec)
    again = json.loads(json.dumps(body_of(job)))
    assert parse(again, REGISTRY, OFFERS).spec == spec


@given(body=JSON)
def test_a_body_of_any_shape(body: Any) -> None:
    with pytest.raises(InvalidSpec):
        parse(body, REGISTRY, OFFERS)


@given(
    sub_path=st.text(max_size=20)
    | st.lists(st.sampled_from(["..", ".", "a", "", "/"])).map("/".join)
)
def test_a_sub_path_never_leaves_its_root(sub_path: str) -> None:
    from posixpath import normpath

    sent = body(mounts={"work": {"sub_path": sub_path}})
    spec, wrong = outcome(sent)
    if spec is None:
        assert list(wrong) == ["mounts.work.sub_path"]
        return
    root = roots("/dlwsdata", "alice", "id", NOON)["work"]
    folder = normpath(f"{root}/{spec.mounts['work'].sub_path}")
    assert folder == root or folder.startswith(f"{root}/")


def test_what_is_cleaned(house: House) -> None:
    sent = body(
        name="  train  ",
        image=" python:3.11 ",
        command="a\r\nb\n",
        mounts={"work": {"sub_path": " runs/1/ "}},
    )
    spec = parse(sent, REGISTRY, OFFERS).spec
    assert (spec.name, spec.image, spec.command) == ("train", "python:3.11", "a\nb\n")
    assert spec.mounts["work"].sub_path == "runs/1"
    assert all(choice.enabled for choice in spec.mounts.values())


def test_the_number_of_devices_of_a_distributed_job() -> None:
    sent = body(kind="distributed", nodes=1, device_type=NPU)
    spec = parse(sent, REGISTRY, OFFERS).spec
    assert (spec.devices, spec.total_devices) == (8, 8)


def test_the_row_holds_the_whole_submission(house: House) -> None:
    sent = body(
        device_type=GPU,
        devices=2,
        preemptible=True,
        priority=7,
        interactive_ports=[40001],
        endpoints=["ssh"],
        env={"A": "1"},
        mounts={"data": {"enabled": False}},
    )
    with session():
        made = house.portal.jobs.submit(actor("alice"), sent)
        job = job_store.fetch(made["id"])
    assert job is not None
    assert job.spec == parse(sent, REGISTRY, OFFERS).spec
    assert replace(job, spec=job.spec) == job


def test_a_refused_submission_leaves_nothing(house: House) -> None:
    with session(), pytest.raises(InvalidSpec):
        house.portal.jobs.submit(actor("alice"), body(priority=0))
    with session():
        assert JobRow.select().count() == 0
    assert house.queue.waiting == []
    assert house.events.notices[1:] == []
