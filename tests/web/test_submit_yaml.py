"""A submission as YAML into the form (spec C16, C18)."""

from __future__ import annotations

import io

import pytest
import yaml
from house import GPU
from markupsafe import escape
from web_pages import tidy

JOB = {
    "name": "resnet50",
    "kind": "distributed",
    "device_type": GPU,
    "devices": 2,
    "nodes": 2,
    "image": "pytorch:2",
    "command": "cd /work\npython train.py",
    "interactive_ports": [40001],
    "mounts": {"work": {"enabled": True, "sub_path": "runs"}},
    "env": {"LR": "0.1"},
}


def send(browser, text):
    return browser.post("/submit/yaml", {"yaml": text})


def test_the_text_of_a_job_fills_the_form(at_alices):
    page = tidy(send(at_alices, yaml.safe_dump(JOB)).text)
    for shown in ('value="resnet50"', 'value="pytorch:2"', 'value="runs"', 'value="LR"', "40001"):
        assert shown in page, shown
    assert 'value="distributed" data-multi="1" checked' in page
    assert "cd /work\npython train.py" in page
    assert 'data-fresh="0"' in page  # the draft of this browser stays out of it


def test_a_file_fills_it_too(at_alices):
    sent = {"yaml": "", "file": (io.BytesIO(yaml.safe_dump(JOB).encode()), "job.yaml")}
    assert 'value="resnet50"' in at_alices.post("/submit/yaml", sent).text


def test_nothing_is_submitted(at_alices, alice):
    send(at_alices, yaml.safe_dump(JOB))
    assert alice.get("/jobs").get_json()["total"] == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "Must be lines such as name: resnet50"),
        ("- a\n- b", "Must be lines such as"),
        ("name: a\nimage: [", "Not valid YAML in line"),
        ("a: &x [1]\nb: *x", "Not valid YAML"),
        ("name: !!python/object/apply:os.system ['true']", "Not valid YAML"),
        ("mounts: [1]", "mounts: Must map work, data, job"),
        ("devices: many", "devices: Must be a whole number"),
        ("name: " + "x" * 300000, "Must be at most 262144 characters"),
    ],
)
def test_what_cannot_be_read_is_told_and_kept(at_alices, text, said):
    answer = send(at_alices, text)
    assert answer.status_code == 422
    assert said in answer.text
    assert "data-open-now" in answer.text
    assert str(escape(text[:40].split("\n")[0])) in answer.text


def test_who_may_not_submit_may_not_fill(browse):
    assert send(browse("vera"), "name: a").status_code == 403


def test_a_field_that_is_there_twice_is_refused(at_alices):
    answer = send(at_alices, "name: a\nimage: x\nname: b\n")
    assert "Not valid YAML in line 3" in answer.text


@pytest.mark.parametrize(
    "text",
    [
        "env: " + "[" * 17 + "]" * 17,
        "env: " + "{a: " * 17 + "}" * 17,
        "".join(" " * depth + "a:\n" for depth in range(17)),
        "- " * 17,
    ],
)
def test_many_levels_are_refused_before_they_are_read(at_alices, text):
    """Thousands of them cost seconds; how deep is seen at the seventeenth."""
    answer = send(at_alices, text + "\n@ this is no YAML, and nobody gets to it")
    assert answer.status_code == 422
    assert "Must have at most 16 levels" in answer.text


def test_as_many_levels_as_a_submission_has_are_read(at_alices):
    page = tidy(send(at_alices, yaml.safe_dump(JOB, default_flow_style=True)).text)
    assert 'value="runs"' in page
