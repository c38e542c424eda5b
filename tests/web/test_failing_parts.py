"""What fails takes its own panel along and nothing else."""

from __future__ import annotations

import re

import pytest
from house import GPU, NPU
from web_pages import run_job, submit_job

from portal.services.cluster.storage import StorageUsage, StorageWatch


@pytest.fixture
def unreadable(web_house):
    """A job that failed, whose output cannot be read: a folder lies where the file should."""
    house = web_house.house
    job_id = run_job(house, name="lost_words")
    house.end(job_id, exit_code=1)
    kept = house.portal.logs.path(house.ref(job_id), "main")
    kept.unlink(missing_ok=True)
    kept.mkdir(parents=True)
    return job_id


def test_an_output_that_cannot_be_read_leaves_the_jobs_pages_whole(at_alices, unreadable):
    brief = at_alices.page(f"/jobs/{unreadable}")
    assert "Why did it fail?" in brief
    assert "Last lines of the output" not in brief
    console = at_alices.page(f"/jobs/{unreadable}/console")
    assert "lost_words" in console
    assert 'aria-current="page">CONSOLE' in console
    assert "The output could not be read" in console.split("<noscript>")[1]


def test_programs_hear_that_the_output_is_away(at_alices, unreadable):
    answer = at_alices.fragment(f"/jobs/{unreadable}/lines")
    assert answer.status_code == 503
    assert answer.get_json()["detail"] == "A service did not answer. Try again in a moment."


def silent(path: str) -> tuple[int, StorageUsage]:
    raise OSError("Stale file handle")


def half(path: str) -> tuple[int, StorageUsage]:
    return silent(path) if path.endswith("work/alice") else (1, StorageUsage(path, 1, 2))


@pytest.fixture
def storage(web_house):
    """``storage(read)``: Home reads file systems so."""

    def put(read):
        services = web_house.app.extensions["aoli"]
        changed = {name: getattr(services, name) for name in services.__slots__}
        changed["storage"] = StorageWatch(read, wait_s=60)
        web_house.app.extensions["aoli"] = type(services)(**changed)

    return put


def test_a_storage_that_is_away_takes_its_card_alone(at_alices, storage):
    storage(silent)
    page = at_alices.page("/")
    assert "The storage does not answer" in page
    assert "Try again" in page
    assert "Device usage" in page
    assert "Recent jobs" in page


def test_of_two_storages_one_may_be_away(at_alices, storage):
    storage(half)
    page = at_alices.page("/")
    assert "The storage does not answer" not in page
    assert "does not answer" in page
    assert "1 / 2 B" in page


def test_a_job_that_starts_says_the_step_and_how_many_run(at_alices, web_house):
    house = web_house.house
    one = submit_job(house, name="one", device_type=GPU, devices=1)
    house.work()
    page = at_alices.page(f"/jobs/{one}")
    assert '<h2 class="sp">Starting</h2>' in page
    assert "Starting on node-" in page or "Handing the job to the cluster" in page
    assert 'role="progressbar"' not in page


def test_of_several_replicas_the_amount_is_known(at_alices, web_house):
    house = web_house.house
    job_id = submit_job(house, name="two", kind="distributed", device_type=NPU, devices=4, nodes=2)
    house.work()
    house.look()
    page = at_alices.page(f"/jobs/{job_id}")
    assert 'role="progressbar"' in page
    assert "0 of 2 replicas run" in page


def test_what_the_cluster_waits_for_is_named(at_alices, web_house):
    house = web_house.house
    job_id = submit_job(house, name="waits", device_type=GPU, devices=1)
    house.work()
    house.cluster.unplaced(house.ref(job_id), "0/1 nodes are available")
    house.look()
    assert "Waiting for room on a node: 0/1 nodes are available" in at_alices.page(
        f"/jobs/{job_id}"
    )


def test_a_job_that_stays_as_it_is_shows_no_progress(at_alices, web_house):
    job_id = run_job(web_house.house)
    page = at_alices.page(f"/jobs/{job_id}")
    assert "Stopping" not in page
    assert ">Starting<" not in page


def test_the_console_names_node_and_rank_where_there_are_several(at_alices, web_house):
    house = web_house.house
    job_id = run_job(house, kind="distributed", device_type=NPU, devices=4, nodes=2)
    page = at_alices.page(f"/jobs/{job_id}/console")
    assert 'data-label="rank0" selected>' in page
    assert re.search(r", rank 1\s*</option>", page)
    single = run_job(house, name="single")
    assert 'id="pod"' not in at_alices.page(f"/jobs/{single}/console")


def test_home_shows_the_devices_in_use_over_24_hours(at_alices, web_house):
    house = web_house.house
    assert "last 24 h" not in at_alices.page("/"), "nothing was held, so there is no line"
    run_job(house, device_type=GPU, devices=2)
    house.advance(3600)
    page = at_alices.page("/")
    said = f"{GPU} in use over the last 24 h: at least 0, at most 2, on average 0.1"
    assert f'role="img" aria-label="{said}"' in page
