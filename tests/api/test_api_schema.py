"""The calls against their own document: whatever is sent, nothing ends in a 5xx."""

from __future__ import annotations

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup

from portal.api.calls import CALLS

OPERATIONS = sorted({call.name for call in CALLS} - {"show_docs"})


@pytest.mark.parametrize("name", OPERATIONS)
def test_nothing_that_is_sent_breaks_it(web_house, name):
    root = web_house.token("root")
    schema = schemathesis.openapi.from_wsgi("/api/v1/_openapi", web_house.app)
    operation = schema.find_operation_by_id(name)

    @settings(
        max_examples=8,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def send(case):
        answer = case.call(headers={"Authorization": f"Bearer {root}"})
        case.validate_response(answer, checks=[not_a_server_error])

    send()


def test_the_test_can_fail(web_house):
    web_house.app.view_functions["api.show_me"] = lambda: ("", 500)
    with pytest.raises(FailureGroup, match="Server error"):
        test_nothing_that_is_sent_breaks_it(web_house, "show_me")
