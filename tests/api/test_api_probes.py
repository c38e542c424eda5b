"""The probes at the root, and the document of the API."""

from __future__ import annotations

import re
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import jsonschema
import pytest
from house import GPU, body
from web_house import Caller, WebHouse, problem_of

from portal.api.calls import CALLS
from portal.domain.errors import TemporaryFailure
from portal.models.db import database, session
from portal.ports import Cluster, Queue
from portal.services.operation.health import Readiness
from portal.testing import eventually


def test_alive(web_house: WebHouse) -> None:
    web_house.house.cluster.unreachable = True
    web_house.house.queue.away = True
    assert web_house.app.test_client().get("/healthz").get_json() == {"status": "ok"}


def test_ready(web_house: WebHouse) -> None:
    answer = web_house.app.test_client().get("/readyz")
    assert answer.status_code == 200
    checks = {"database": "ok", "queue": "ok", "cluster": "ok"}
    assert answer.get_json() == {"status": "ok", "checks": checks}


@pytest.mark.parametrize("part", ["queue", "cluster", "database"])
def test_not_ready(web_house: WebHouse, part: str) -> None:
    house = web_house.house
    if part == "queue":
        house.queue.away = True
    elif part == "cluster":
        house.cluster.unreachable = True
    else:
        with session():
            database.execute_sql("ALTER TABLE job RENAME TO elsewhere")
    answer = web_house.app.test_client().get("/readyz")
    document = problem_of(answer, 503)
    assert document["failing"] == [part]
    assert document["checks"][part] == "failed"
    assert part in document["detail"]


def test_metrics(web_house: WebHouse) -> None:
    house = web_house.house
    house.end(house.run())
    house.run(device_type=GPU, devices=2)
    house.submit(device_type=GPU, devices=4)
    house.work()
    answer = web_house.app.test_client().get("/metrics")
    assert answer.content_type == "text/plain; version=0.0.4; charset=utf-8"
    lines = answer.text.splitlines()
    assert 'aoli_jobs{status="finished"} 1.0' in lines
    assert 'aoli_jobs{status="running"} 1.0' in lines
    assert 'aoli_jobs{status="queued"} 1.0' in lines
    assert 'aoli_jobs{status="killed"} 0.0' in lines
    assert "aoli_job_transitions_total 8.0" in lines
    assert f'aoli_devices{{device_type="{GPU}"}} 8.0' in lines
    assert f'aoli_devices_used{{device_type="{GPU}"}} 2.0' in lines
    assert 'aoli_nodes{status="ready"} 2.0' in lines
    sample = re.compile(r'[a-z_]+(\{[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*\})? -?[0-9.]+(e[+-][0-9]+)?')
    assert all(line.startswith("# ") or sample.fullmatch(line) for line in lines)
    assert "alice" not in answer.text


def document(web_house: WebHouse) -> dict[str, Any]:
    answer = web_house.app.test_client().get("/api/v1/_openapi")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.get_json()
    return found


def test_the_document_names_every_call(web_house: WebHouse) -> None:
    found = document(web_house)
    assert found["openapi"].startswith("3.")
    described = {
        (method.upper(), path) for path, methods in found["paths"].items() for method in methods
    }
    routed = {
        (method, re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule.removeprefix("/api/v1")))
        for rule in web_house.app.url_map.iter_rules()
        for method in rule.methods or ()
        if rule.endpoint.startswith("api.") and method in ("GET", "POST", "PATCH", "PUT", "DELETE")
    }
    assert described == (routed - {("GET", "/docs")}) | {("POST", "/security/login")}
    ids = [call.name for call in CALLS]
    assert len(ids) == len(set(ids))
    references = set(re.findall(r"#/components/(\w+)/(\w+)", str(found)))
    assert all(name in found["components"][kind] for kind, name in references)


def check(web_house: WebHouse, name: str, value: object) -> None:
    """``value`` has the shape that the document promises."""
    components = document(web_house)["components"]
    schema = {"$ref": f"#/components/schemas/{name}", "components": components}
    jsonschema.validate(value, schema, jsonschema.Draft202012Validator)


def test_answers_have_the_promised_shapes(web_house: WebHouse, alice: Caller) -> None:
    sent = body(device_type=GPU, devices=2, mounts={"data": {"enabled": False}})
    check(web_house, "Submission", sent)
    job_id = web_house.house.run("alice", **sent)
    waiting = alice.post("/jobs", body(device_type=GPU, devices=4)).get_json()
    web_house.house.work()
    check(web_house, "Job", waiting)
    check(web_house, "Preview", alice.post("/jobs/preview", sent).get_json())
    for one in (job_id, waiting["id"]):
        check(web_house, "Job", alice.get(f"/jobs/{one}").get_json())
        for event in alice.get(f"/jobs/{one}/events").get_json():
            check(web_house, "JobEvent", event)
    lists = {
        "/jobs": "JobSummary",
        "/vcs": "VirtualCluster",
        "/plugins": "Plugin",
        "/device-types": "DeviceType",
        "/job-kinds": "JobKind",
    }
    for path, name in lists.items():
        items = alice.get(path).get_json()["items"]
        assert items
        for item in items:
            check(web_house, name, item)
    check(web_house, "Me", alice.get("/me").get_json())
    bulk = {"action": "pause", "ids": [job_id, "x"]}
    for result in alice.post("/jobs/actions", bulk).get_json()["results"]:
        check(web_house, "BulkResult", result)
    check(web_house, "Problem", alice.get("/jobs/x").get_json())
    check(web_house, "Problem", alice.post("/jobs", {}).get_json())


def test_the_page_of_the_document(web_house: WebHouse) -> None:
    answer = web_house.app.test_client().get("/api/v1/docs")
    assert answer.status_code == 200, answer.text
    assert answer.mimetype == "text/html"
    for call in CALLS:
        assert f'id="{call.name}"' in answer.text


def test_the_written_page_names_every_call() -> None:
    page = (Path(__file__).parents[2] / "docs" / "api.md").read_text("utf-8")
    for call in CALLS:
        path = re.sub(
            r"<(\w+)>", lambda found: "{" + found[1].removeprefix("job_") + "}", call.path
        )
        assert f"{call.method} `{path}`" in page, f"{call.method} {path}"


class Asked:
    """Counts how often a part is asked, and answers as it is told."""

    def __init__(self) -> None:
        self.times = 0
        self.away = False
        self.hangs = threading.Event()
        self.hangs.set()

    def ping(self) -> None:
        self.times += 1
        self.hangs.wait(10)
        if self.away:
            raise TemporaryFailure("away")


def then() -> datetime:
    return datetime(2026, 11, 2, 12, tzinfo=UTC)


def test_each_part_is_asked_once_in_two_seconds_whoever_looks(web_house: WebHouse) -> None:
    now, cluster, queue = [100.0], Asked(), Asked()
    readiness = Readiness(cast(Cluster, cluster), cast(Queue, queue), then, lambda: now[0])
    for _ in range(50):
        assert readiness.check() == {"database": True, "queue": True, "cluster": True}
    assert (cluster.times, queue.times) == (1, 1)
    cluster.away = True
    now[0] += 1.9
    assert readiness.check()["cluster"] is True
    now[0] += 0.2
    assert [readiness.check()["cluster"] for _ in range(3)] == [False] * 3
    assert cluster.times == 2
    cluster.away = False
    now[0] += 2
    assert readiness.check()["cluster"] is True


def test_a_part_that_hangs_keeps_one_and_not_everybody(web_house: WebHouse) -> None:
    now, cluster = [100.0], Asked()
    readiness = Readiness(cast(Cluster, cluster), cast(Queue, Asked()), then, lambda: now[0])
    readiness.check()
    now[0] += 5
    cluster.hangs.clear()
    first = threading.Thread(target=readiness.check)
    first.start()
    eventually(lambda: cluster.times == 2)
    assert [readiness.check()["cluster"] for _ in range(20)] == [True] * 20
    assert cluster.times == 2
    cluster.away = True
    cluster.hangs.set()
    first.join(10)
    assert readiness.check()["cluster"] is False
