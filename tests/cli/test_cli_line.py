"""The line that the portal prints for a job submits the same job."""

from __future__ import annotations

import shlex
from typing import Any

import click
from house import GPU, NPU
from hypothesis import given
from hypothesis import strategies as st

from portal.cli.client_submit import body_of, submission_options
from portal.domain.job import JobSpec
from portal.services.submissions.command_line import cli_line
from portal.services.submissions.parse import parse
from portal.services.vcs.offer import VcOffer
from portal.spi.registry import load_registry
from portal.testing import a_job, a_spec

REGISTRY = load_registry({})
OFFERS = {"vision": VcOffer("vision", {GPU: 64, NPU: 64})}
TEXT = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=40
).filter(lambda text: text.strip())
FOLDERS = st.from_regex(r"[a-z0-9 _.-]{1,8}(/[a-z0-9]{1,8})?", fullmatch=True).filter(
    lambda folder: not {".", ".."} & set(folder.split("/")) and folder == folder.strip()
)
MOUNT = st.fixed_dictionaries({"enabled": st.booleans(), "sub_path": st.just("") | FOLDERS})
DEVICES = st.sampled_from(
    [{}, {"device_type": GPU, "devices": 3}, {"device_type": NPU, "devices": 8}]
)
KINDS = st.sampled_from([{}, {"kind": "distributed", "nodes": 2}])
BODIES = st.fixed_dictionaries(
    {
        "name": st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9 ._()+:-]{0,20}", fullmatch=True),
        "vc": st.just("vision"),
        "image": st.sampled_from(["python:3.11", "registry.example:5000/a/b@sha256:" + "0" * 64]),
        "command": TEXT,
    },
    optional={
        "preemptible": st.booleans(),
        "priority": st.integers(1, 1000),
        "interactive_ports": st.lists(st.integers(40000, 49999), max_size=3, unique=True),
        "endpoints": st.lists(st.sampled_from(["ssh", "jupyter", "tensorboard"]), unique=True).map(
            lambda kinds: sorted(kinds, key=["ssh", "jupyter", "tensorboard"].index)
        ),
        "env": st.dictionaries(st.from_regex(r"[B-K][A-Z0-9_]{0,5}", fullmatch=True), TEXT),
        "mounts": st.dictionaries(st.sampled_from(["work", "data", "job"]), MOUNT),
    },
)


def spec_of(body: dict[str, Any]) -> JobSpec:
    return parse(body, REGISTRY, OFFERS).spec


@given(body=BODIES, devices=DEVICES, kind=KINDS)
def test_the_line_submits_the_same_job(
    body: dict[str, Any], devices: dict[str, Any], kind: dict[str, Any]
) -> None:
    spec = spec_of({**body, **devices, **kind})
    words = shlex.split(cli_line(a_job(spec=spec)))
    assert words[:3] == ["aoli", "job", "submit"]
    again: list[dict[str, Any]] = []

    @click.command()
    @submission_options
    def submit(**options: Any) -> None:
        again.append(body_of(options))

    submit(words[3:], standalone_mode=False)
    assert _comparable(spec_of(again[0])) == _comparable(spec)


def test_fields_of_a_plugins_kind_are_in_the_line() -> None:
    extra = {"workers": 3, "mode": "a 'b'", "on": True, "parts": ["x", {"y": None}]}
    words = shlex.split(cli_line(a_job(spec=a_spec(kind="custom", extra=extra))))
    again: list[dict[str, Any]] = []

    @click.command()
    @submission_options
    def submit(**options: Any) -> None:
        again.append(body_of(options))

    submit(words[3:], standalone_mode=False)
    assert {name: again[0][name] for name in extra} == extra


def _comparable(spec: JobSpec) -> dict[str, Any]:
    """What a disabled mount's folder is makes no difference."""
    mounts = {
        name: choice.sub_path if choice.enabled else None for name, choice in spec.mounts.items()
    }
    fields = {name: getattr(spec, name) for name in spec.__slots__}
    return {**fields, "mounts": mounts}
