"""Every text and name at its limit in bytes, through the doors of the web application."""

from __future__ import annotations

from typing import Any

import limit_texts
import pytest
import yaml
from house import body
from web_house import problem_of

from portal.domain import limits

UNITS = pytest.mark.parametrize("unit", limit_texts.UNITS.values(), ids=limit_texts.UNITS)
OVER = [
    (name, unit, field, wrong)
    for name, unit in limit_texts.UNITS.items()
    for field, wrong in limit_texts.over(unit)
]
EVERY_OVER = pytest.mark.parametrize(
    ("unit", "field", "wrong"), [o[1:] for o in OVER], ids=[f"{o[0]}-{o[2]}" for o in OVER]
)
SAID = {"name": "64", "command": "65536", "env.TEXT": "65536", "env": "196608"}


def form_of(job: dict[str, Any]) -> dict[str, Any]:
    """The same as the page's form sends it."""
    fields = {key: str(job[key]) for key in ("name", "vc", "image", "command") if key in job} | {
        "kind": "regular",
        "device_type": "",
        "priority": "100",
    }
    for point in ("work", "data", "job"):
        fields[f"mounts.{point}.enabled"] = "true"
    fields["mounts.work.sub_path"] = job.get("mounts", {}).get("work", {}).get("sub_path", "")
    env = job.get("env", {})
    return {**fields, "env.name": list(env), "env.value": list(env.values())}


def same(made: dict[str, Any], asked: dict[str, Any]) -> None:
    for key in ("name", "command", "env"):
        assert made[key] == asked[key], key
    assert made["mounts"]["work"]["sub_path"] == asked["mounts"]["work"]["sub_path"]


@UNITS
def test_at_the_limit_by_the_api(alice, unit):
    asked = limit_texts.whole(unit)
    assert alice.post("/jobs/preview", body(**asked)).status_code == 200
    same(alice.post("/jobs", body(**asked)).get_json(), asked)


@UNITS
@pytest.mark.parametrize("how", ["multipart/form-data", "application/x-www-form-urlencoded"])
def test_at_the_limit_by_the_form_then_cloned_and_sent_again(at_alices, alice, unit, how):
    asked = limit_texts.whole(unit)
    answer = at_alices.post("/submit/", form_of(body(vc="platform", **asked)), content_type=how)
    assert answer.status_code == 303, answer.text
    job_id = answer.location.rpartition("/")[2]
    made = alice.get(f"/jobs/{job_id}").get_json()
    same(made, asked)
    clone = at_alices.page(f"/submit/?clone={job_id}")
    assert asked["command"].replace('"', "&#34;").replace(">", "&gt;") in clone
    for shown in (*asked["env"].values(), asked["mounts"]["work"]["sub_path"], asked["name"]):
        assert f'value="{shown}"' in clone


@UNITS
def test_at_the_limit_by_yaml_and_by_a_template(at_alices, alice, unit):
    asked = limit_texts.whole(unit)
    text = yaml.safe_dump(asked, allow_unicode=True, width=10**6)
    filled = at_alices.post("/submit/yaml", {"yaml": text})
    assert filled.status_code == 200
    assert all(f'value="{one}"' in filled.text for one in asked["env"].values())
    name = "训" * limits.MAX_TEMPLATE_NAME
    kept = alice.send("PUT", f"/templates/user/{name}", json={"job": asked})
    assert kept.status_code == 201, kept.text
    same(alice.get(f"/templates/user/{name}").get_json()["job"], asked)
    longer = alice.send("PUT", f"/templates/user/{name}训", json={"job": asked})
    said = problem_of(longer, 422)["errors"]
    assert said == {"name": ["Must be at most 63 characters, has 64"]}


@EVERY_OVER
def test_one_over_is_refused_at_its_field(at_alices, alice, unit, field, wrong):
    said = SAID.get(field, "255")
    for path in ("/jobs", "/jobs/preview"):
        errors = problem_of(alice.post(path, body(**wrong)), 422)["errors"]
        assert list(errors) == [field]
        assert f"at most {said} " in errors[field][0]
    kept = alice.send("PUT", "/templates/user/t", json={"job": wrong})
    assert list(problem_of(kept, 422)["errors"]) == [field]
    at_alices.client.set_cookie("language", "zh")
    sent = at_alices.post("/submit/", form_of(body(vc="platform", **wrong)))
    assert sent.status_code == 422
    assert "最多" in sent.text
    assert said in sent.text
    for one in _texts(wrong):
        assert one.replace('"', "&#34;").replace(">", "&gt;") in sent.text, "nothing typed is lost"
    assert alice.get("/jobs").get_json()["total"] == 0


def _texts(wrong: Any) -> list[str]:
    if isinstance(wrong, str):
        return [wrong]
    return [text for one in wrong.values() for text in _texts(one)]


@EVERY_OVER
def test_one_over_in_yaml_is_named(at_alices, unit, field, wrong):
    text = yaml.safe_dump(wrong, allow_unicode=True, width=10**6)
    answer = at_alices.post("/submit/yaml", {"yaml": text})
    assert answer.status_code == 422
    assert f"at most {SAID.get(field, '255')} " in answer.text


def test_a_path_of_several_folders_counts_each_of_them(alice):
    part = "训" * 85  # 255 bytes
    mounts = {"work": {"sub_path": f"{part}/{part}/{'训' * 83}"}}  # 255 characters
    assert alice.post("/jobs", body(mounts=mounts)).status_code == 201
    mounts = {"work": {"sub_path": f"{part}/{part}/{'训' * 84}"}}
    errors = problem_of(alice.post("/jobs", body(mounts=mounts)), 422)["errors"]
    assert errors == {"mounts.work.sub_path": ["Must be at most 255 characters, has 256"]}
