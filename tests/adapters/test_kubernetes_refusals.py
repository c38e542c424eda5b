"""What the refusals of Kubernetes mean to a job, in its own words; and objects too large for it."""

from __future__ import annotations

from typing import Any

import pytest

from portal.adapters.kubernetes.client import Refusal
from portal.adapters.kubernetes.logins import new_key
from portal.adapters.kubernetes.manifests import Target, build
from portal.adapters.kubernetes.refusals import check_size, failure_of
from portal.domain import limits
from portal.domain.errors import (
    AoliError,
    MissingRight,
    PermanentFailure,
    QuotaUsedUp,
    TemporaryFailure,
)
from portal.domain.launch import SharedFile
from portal.testing.builders import a_launch

ACCOUNT = 'User "system:serviceaccount:aoli:aoli"'
MEANINGS: dict[str, tuple[str, type[AoliError]]] = {
    "a quota that is used up": (
        (
            'pods "aoli-1" is forbidden: exceeded quota: gpus,'
            " requested: requests.nvidia.com/gpu=4, used: requests.nvidia.com/gpu=8,"
            " limited: requests.nvidia.com/gpu=8"
        ),
        QuotaUsedUp,
    ),
    "a right that is missing": (
        (
            f'pods is forbidden: {ACCOUNT} cannot create resource "pods" in API group "" in the'
            ' namespace "aoli"'
        ),
        MissingRight,
    ),
    "a right that is missing for one object": (
        f'secrets "s" is forbidden: {ACCOUNT} cannot create resource "secrets" in API group ""',
        MissingRight,
    ),
    "a rule that quotes such words": (
        'pods "aoli-1" is forbidden: violates PodSecurity "baseline": User "x" cannot use hostPath',
        PermanentFailure,
    ),
    "a quota that wants limits named": (
        'pods "aoli-1" is forbidden: failed quota: mem: must specify limits.memory',
        PermanentFailure,
    ),
    "a range": (
        'pods "aoli-1" is forbidden: maximum cpu usage per Pod is 4, but limit is 8',
        PermanentFailure,
    ),
    "a namespace that goes": (
        (
            'pods "aoli-1" is forbidden: unable to create new content in namespace aoli'
            " because it is being terminated"
        ),
        TemporaryFailure,
    ),
    "a namespace that has just come": (
        (
            'pods "aoli-1" is forbidden: error looking up service account aoli/default:'
            ' serviceaccount "default" not found'
        ),
        TemporaryFailure,
    ),
}


@pytest.mark.parametrize("what", MEANINGS)
def test_forbidden_is_several_things(what: str) -> None:
    words, meaning = MEANINGS[what]
    found = failure_of(Refusal(403, "Forbidden", words))
    assert type(found) is meaning
    assert found.message == words


def test_reasons_of_their_own() -> None:
    assert (QuotaUsedUp.reason_code, MissingRight.reason_code) == ("cluster_quota", "missing_right")


def made(**fields: Any) -> list[dict[str, Any]]:
    return build(a_launch(**fields), Target("jobs", "aoli"), new_key())


def check_all(manifests: list[dict[str, Any]]) -> None:
    for manifest in manifests:
        check_size(manifest)


@pytest.mark.parametrize("unit", ["训", "🚀", "$("])
def test_the_largest_submission_fits_into_its_objects(unit: str) -> None:
    half = limits.MAX_TOGETHER_BYTES // 2
    text = unit * (half // len(unit.encode()))
    check_all(made(command=text, env={"A": text}))


@pytest.mark.parametrize("unit", ["训", "x"])
def test_a_config_map_is_kept_up_to_its_limit(unit: str) -> None:
    text = "x" + unit * ((limits.MAX_DATA_BYTES - 1) // len(unit.encode()))
    assert len(text.encode()) == limits.MAX_DATA_BYTES
    check_all(made(files=(SharedFile("list", text),)))
    with pytest.raises(PermanentFailure, match=r"ConfigMap .* takes at most 1048576"):
        check_all(made(files=(SharedFile("list", text + "x"),)))


def test_a_pod_that_is_too_large_is_told_as_such() -> None:
    env = {f"V{n}": "训" * 40_000 for n in range(14)}
    with pytest.raises(PermanentFailure, match=r"Pod .* Kubernetes takes at most 1572864"):
        check_all(made(env=env))
