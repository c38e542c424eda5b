"""The calls against their own document: whatever is sent, nothing ends in a 5xx, and what is
answered has the shape that the document promises."""

from __future__ import annotations

import pytest
import schemathesis
from house import body
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import response_schema_conformance

from portal.api.calls import CALLS

OPERATIONS = sorted({call.name for call in CALLS} - {"show_docs", "show_document"})


WALKERS = ("root", "alice", "newcomer", None)
"""Who may everything, who may some of it, who may nothing, and nobody."""


def places(web_house) -> dict[str, st.SearchStrategy[str]]:
    """Things that are there, so that a call gets further than to "not found"."""
    job_id = web_house.house.run("alice")
    root = web_house.caller("root")
    group = {"name": "lab", "description": "d", "roles": ["User"], "users": ["bob"]}
    root.post("/groups", group)
    root.post("/me/api-keys", {"name": "ci"})
    web_house.caller("alice").send("PUT", "/templates/user/mine", json={"job": body()})
    numbers = st.integers(1, 9).map(str)
    return {
        "job_id": st.just(job_id),
        "user_id": numbers,
        "group_id": st.just("1"),
        "role_id": st.integers(1, 11).map(str),
        "key_id": st.integers(1, 2).map(str),
        "name": st.sampled_from(["vision", "platform", "node-1", "mine"]),
        "scope": st.sampled_from(["user", "team"]),
    }


@pytest.mark.parametrize("name", OPERATIONS)
def test_nothing_that_is_sent_breaks_it(web_house, name):
    """Bodies and parameters that pass the document, for things that are there."""
    tokens = {who: web_house.token(who) for who in WALKERS if who}
    there = places(web_house)
    schema = schemathesis.openapi.from_wsgi("/api/v1/_openapi", web_house.app)
    operation = schema.find_operation_by_id(name)

    @settings(
        max_examples=8,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(), data=st.data())
    def send(case, data):
        who = data.draw(st.sampled_from(WALKERS))
        for place in case.path_parameters or ():
            case.path_parameters[place] = data.draw(there[place])
        headers = {"Accept-Encoding": "identity"}
        if who:
            headers["Authorization"] = f"Bearer {tokens[who]}"
        answer = case.call(headers=headers)
        case.validate_response(answer, checks=[not_a_server_error, response_schema_conformance])

    send()


def test_every_call_is_walked(web_house):
    routes = {rule.endpoint for rule in web_house.app.url_map.iter_rules()}
    calls = {name.removeprefix("api.") for name in routes if name.startswith("api.")}
    assert calls == {*OPERATIONS, "show_docs", "show_document"}
    under = {r.rule for r in web_house.app.url_map.iter_rules() if r.rule.startswith("/api/")}
    ours = {r.rule for r in web_house.app.url_map.iter_rules() if r.endpoint.startswith("api.")}
    # Signing in is fuzzed in tests/web/test_doors.py.
    assert under - ours == {"/api/v1/security/login", "/api/v1/security/refresh"}


@pytest.mark.parametrize(
    ("answer", "failure"),
    [(("", 500), "Server error"), (({"id": "one"}, 200), "violates schema")],
)
def test_the_test_can_fail(web_house, answer, failure):
    web_house.app.view_functions["api.show_me"] = lambda: answer
    with pytest.raises(FailureGroup, match=failure):
        test_nothing_that_is_sent_breaks_it(web_house, "show_me")
