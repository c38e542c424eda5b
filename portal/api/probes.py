"""What watches the portal asks at the root: is it alive, can it work, its numbers."""

from __future__ import annotations

from flask import Blueprint, Response
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4

from portal.api.calls import reply
from portal.http.problems import problem
from portal.http.services import services

blueprint = Blueprint("probes", __name__)


@blueprint.get("/healthz")
def healthz() -> Response:
    """This process answers."""
    return reply({"status": "ok"})


@blueprint.get("/readyz")
def readyz() -> Response:
    """Database and queue take writes, the cluster answers; 503 with the parts that do not.

    Each is asked at most every two seconds. Why it does not is in the log: the answer is for
    everyone.
    """
    parts = services().readiness.check()
    checks = {part: "ok" if answers else "failed" for part, answers in parts.items()}
    failing = [part for part, answers in parts.items() if not answers]
    if failing:
        return problem(
            503, f"Does not answer: {', '.join(failing)}", failing=failing, checks=checks
        )
    return reply({"status": "ok", "checks": checks})


@blueprint.get("/metrics")
def metrics() -> Response:
    """Numbers in Prometheus' text format."""
    return Response(services().metrics.text(), content_type=CONTENT_TYPE_PLAIN_0_0_4)
