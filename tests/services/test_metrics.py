"""The portal's own numbers, as Prometheus reads them."""

from __future__ import annotations

from house import BOTH_DATABASES, House, actor
from prometheus_client.parser import text_string_to_metric_families

from portal.models import JobEventRow
from portal.models.db import database, session
from portal.services.operation.metrics import KEEP_S, PortalMetrics
from portal.testing import FakeQueue

TRANSITIONS = "aoli_job_transitions_total"


def read(text: str) -> dict[str, float]:
    """Sample by name and labels; the parser raises for what Prometheus would refuse."""
    return {
        sample.name + "".join(f"[{value}]" for value in sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def counted(house: House) -> dict[str, float]:
    return read(PortalMetrics(house.queue, house.portal.logs).text())


@BOTH_DATABASES
def test_transitions_are_counted_also_when_numbers_were_left_out(house: House) -> None:
    house.end(house.run())
    assert counted(house)[TRANSITIONS] == 4
    with session():
        with database.atomic() as lost:
            JobEventRow.insert(job="x", at=house.portal.clock(), to_state="queued").execute()
            lost.rollback()
        newest = JobEventRow.select().order_by(JobEventRow.id.desc()).first()
        JobEventRow.insert(
            id=newest.id + 7, job="x", at=house.portal.clock(), to_state="queued"
        ).execute()
    assert counted(house)[TRANSITIONS] == 5


@BOTH_DATABASES
def test_the_count_never_falls_when_jobs_are_deleted(house: House) -> None:
    with session():
        house.portal.vc_editor.add(actor("root"), {"name": "short", "quota": {}})
    for _ in range(3):
        house.end(house.run("root", vc="short"))
    kept = house.run()
    before = counted(house)
    assert (before[TRANSITIONS], before["aoli_jobs[finished]"]) == (15, 3)
    with session():
        house.portal.vc_editor.delete(actor("root"), "short")
    after = counted(house)
    assert (after[TRANSITIONS], after["aoli_jobs[finished]"]) == (15, 0)
    with session():
        JobEventRow.delete().execute()
    assert counted(house)[TRANSITIONS] == 15
    house.end(kept)
    assert counted(house)[TRANSITIONS] == 16


class DeepQueue(FakeQueue):
    """Knows how many calls wait, as the one on Redis does."""

    def depth(self) -> int:
        return 3


def test_prometheus_reads_every_line_and_knows_what_is_a_counter(house: House) -> None:
    house.run()
    text = PortalMetrics(DeepQueue(), house.portal.logs).text()
    families = {family.name: family for family in text_string_to_metric_families(text)}
    assert families["aoli_job_transitions"].type == "counter"
    gauges = {name for name, family in families.items() if family.type == "gauge"}
    names = "jobs queue_depth devices devices_used mail_outbox mail_failed nodes log_free_bytes"
    assert gauges == {f"aoli_{name}" for name in names.split()}
    assert all(family.documentation and family.samples for family in families.values())
    assert [sample.value for sample in families["aoli_queue_depth"].samples] == [3]
    values = {sample.name for family in families.values() for sample in family.samples}
    assert values == gauges | {TRANSITIONS}


def test_many_who_ask_are_answered_from_one_count(house: House) -> None:
    now = [0.0]
    metrics = PortalMetrics(house.queue, house.portal.logs, timer=lambda: now[0])
    house.submit()
    first = metrics.text()
    house.submit()
    now[0] = KEEP_S - 0.1
    assert metrics.text() == first
    now[0] = KEEP_S
    assert read(metrics.text())["aoli_jobs[queued]"] == 2
