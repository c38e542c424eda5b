"""Whatever is sent, the answer is JSON, foreseen, and never a failure of ours."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from house import CAST, body
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from web_house import WebHouse

from portal.api.calls import CALLS, Call

ANYTHING = settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
WORDS = st.text(max_size=12) | st.sampled_from(
    ["vision", "platform", "team", "user", "x", "%", "..", "\x00", "-1", "1e9", "0", "\U0001f600"]
)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | WORDS
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=5,
)


@pytest.mark.parametrize("call", CALLS, ids=lambda call: f"{call.method} {call.path}")
@ANYTHING
@given(data=st.data())
def test_any_call(web_house: WebHouse, call: Call, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from([who for who in CAST if who != "newcomer"]))
    path = call.path
    for place in ("job_id", "name", "scope", "username", "plugin"):
        path = path.replace(f"<{place}>", quote(data.draw(WORDS.filter(bool)), safe="") or "x")
    names = [parameter.name for parameter in call.query]
    query: dict[str, Any] = {}
    if names:
        query = data.draw(st.dictionaries(st.sampled_from(names), WORDS, max_size=3))
        query.pop("follow", None)
    sent = None
    if call.body is not None:
        known = st.sampled_from(sorted({*body(), *call.body.model_fields, "action", "ids"}))
        sent = data.draw(VALUES | st.dictionaries(known, VALUES, max_size=4))
        if data.draw(st.booleans()) and isinstance(sent, dict):
            sent = {**body(), **sent}
    answer = web_house.caller(name).send(
        call.method,
        f"{path}?{urlencode(query)}",
        data=None if sent is None else json.dumps(sent).encode(),
    )
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400:
        assert answer.mimetype == "application/problem+json"
        assert answer.get_json()["status"] == answer.status_code
    elif answer.status_code != 204:
        assert answer.mimetype in call.content_types
