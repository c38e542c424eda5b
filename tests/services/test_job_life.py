"""A job's life through the services: submitted, admitted, driven, ended."""

from __future__ import annotations

from house import House, actor


def test_from_queued_to_finished(house: House) -> None:
    job_id = house.submit()
    assert house.state(job_id) == "queued"
    house.work()
    assert house.state(job_id) == "scheduling"
    house.cluster.run(house.ref(job_id))
    house.look()
    assert house.state(job_id) == "running"
    house.end(job_id)
    job = house.job(job_id)
    assert (job.state, job.exit_code, job.released) == ("finished", 0, True)
    told = house.portal.jobs.events(actor("alice"), job_id)
    assert [(e["from"], e["to"]) for e in told] == [
        (None, "queued"),
        ("queued", "scheduling"),
        ("scheduling", "running"),
        ("running", "finished"),
    ]
    assert house.cluster.observe(job.ref).gone
