"""Reasons: their sentences, and their way through JSON."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.planning.wait import REMEDIES, remedy
from portal.domain.reason import TEMPLATES, VARIANTS, Reason, load


@pytest.mark.parametrize("code", TEMPLATES)
def test_a_template_is_filled_by_the_names_it_holds(code: str) -> None:
    names = re.findall(r"%\((\w+)\)s", TEMPLATES[code])
    message = Reason(code, {name: f"<{name}>" for name in names}).message
    assert all(f"<{name}>" in message for name in names)
    assert "%" not in message


@pytest.mark.parametrize("code", TEMPLATES)
def test_a_number_that_is_missing_does_not_break_the_page(code: str) -> None:
    names = re.findall(r"%\((\w+)\)s", TEMPLATES[code])
    expected = TEMPLATES[code] if names else TEMPLATES[code] % {}
    assert Reason(code).message == expected


def test_a_code_that_nobody_knows_is_its_own_sentence() -> None:
    assert Reason("of_a_plugin", {"x": 1}).message == "of_a_plugin"


def test_a_percent_sign_in_an_unknown_code_is_left_alone() -> None:
    assert Reason("50% done").message == "50% done"


def test_it_is_shown_with_its_numbers_beside_the_sentence() -> None:
    reason = Reason("vc_quota", {"used": 3, "quota": 4, "needed": 2, "device_type": "gpu"})
    assert reason.dump() == {
        "code": "vc_quota",
        "message": "The virtual cluster's quota is in use: 3 of 4 gpu, 2 needed.",
        "used": 3,
        "quota": 4,
        "needed": 2,
        "device_type": "gpu",
    }


@given(
    st.sampled_from(sorted(TEMPLATES)),
    st.dictionaries(
        st.text(min_size=1).filter(lambda name: name not in ("code", "message")),
        st.one_of(st.integers(), st.text(), st.none()),
    ),
)
def test_what_was_dumped_is_loaded(code: str, numbers: dict[str, object]) -> None:
    reason = Reason(code, numbers)
    assert load(json.loads(json.dumps(reason.dump()))) == reason


@pytest.mark.parametrize("nothing", [None, {}])
def test_nothing_loads_as_nothing(nothing: dict[str, object] | None) -> None:
    assert load(nothing) is None


def test_every_wait_has_a_remedy_but_the_one_that_is_over_at_once() -> None:
    codes = list(TEMPLATES)
    waits = set(codes[: codes.index("starting")]) - {"new"}
    assert set(REMEDIES) == waits
    assert remedy(Reason("vc_quota")) == REMEDIES["vc_quota"]
    assert remedy(Reason("of_a_plugin")) is None


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_number_may_choose_the_sentence(variant: str) -> None:
    code, _, why = variant.partition(".")
    reason = Reason(code, {"user": "alice", "vc": "red", "why": why})
    assert code in TEMPLATES
    assert reason.message == VARIANTS[variant] % {"user": "alice", "vc": "red"}
    assert load(json.loads(json.dumps(reason.dump()))) == reason
    assert Reason(code, {"user": "alice", "vc": "red", "why": "else"}).message == (
        "alice may not start jobs in red now."
    )
