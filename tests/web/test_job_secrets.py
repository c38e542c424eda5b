"""The pages show secrets of a job to its owner and who may manage it, and to nobody else."""

from __future__ import annotations

from web_pages import submit_job

FIELDS = {
    "env": {"LR": "0.1", "DB_PWD": "s3cret-pwd", "MINE": "s3cret-mine"},
    "secret_env": ["MINE"],
    "command": "run https://s3cret-tok@host",
}


def test_brief_of_a_job(browse, web_house):
    job_id = submit_job(web_house.house, "alice", **FIELDS)
    page = browse("vera").page(f"/jobs/{job_id}")
    assert "DB_PWD=********" in page
    assert "s3cret" not in page
    for name in ("alice", "mona"):
        assert "MINE=s3cret-mine" in browse(name).page(f"/jobs/{job_id}")


def test_a_clone_of_ones_own_job_is_whole(browse, web_house):
    job_id = submit_job(web_house.house, "alice", vc="vision", **FIELDS)
    own = browse("alice").page(f"/submit/?clone={job_id}")
    assert 'value="s3cret-mine"' in own
    assert "emptied-note" not in own


def test_a_template_says_what_it_did_not_keep(browse):
    sent = {
        "name": "a",
        "kind": "regular",
        "image": "python:3",
        "command": "x",
        "template_name": "mine",
        "template_scope": "user",
        "env.name": ["LR", "HF_TOKEN", "MINE"],
        "env.value": ["1", "s3cret-a", "s3cret-b"],
        "env.secret": ["", "", "true"],
    }
    headers = {"Accept": "application/json", "X-Requested-With": "script"}
    answer = browse("alice").post("/submit/templates", sent, headers=headers)
    assert answer.status_code == 201
    assert answer.get_json()["emptied"] == ["env.HF_TOKEN", "env.MINE"]
    assert "HF_TOKEN" in answer.get_json()["text"]
    page = browse("alice").page("/submit/?template=mine&scope=user")
    assert 'data-emptied="HF_TOKEN"' in page
    assert 'data-emptied="MINE"' in page
    assert 'data-emptied="LR"' not in page
    assert "s3cret" not in page
