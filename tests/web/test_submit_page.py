"""Submit Training Job (spec C1-C18)."""

from __future__ import annotations

import re

import pytest
from house import GPU, NPU
from web_pages import run_job, submit_job, tidy


def form(**fields):
    given = {
        "vc": "platform",
        "name": "resnet50",
        "kind": "regular",
        "device_type": NPU,
        "devices": "4",
        "image": "mindspore:1.10",
        "command": "python train.py",
        "priority": "100",
        "mounts.work.enabled": "true",
        "mounts.data.enabled": "true",
        "mounts.job.enabled": "true",
    }
    return {**given, **fields}


def job_of(browser, web_house, fields):
    answer = browser.post("/submit/", fields)
    assert answer.status_code == 303, answer.text
    return web_house.house.job(answer.location.rpartition("/")[2])


def errors_of(browser, fields):
    answer = browser.post("/submit/", fields, headers={"Accept": "application/json"})
    assert answer.status_code == 422, answer.text
    return answer.get_json()["errors"]


def test_every_field_arrives(at_alices, web_house):
    job = job_of(
        at_alices,
        web_house,
        form(
            **{
                "preemptible": "true",
                "priority": "300",
                "interactive_ports": "40001, 40002，40003",
                "endpoints": ["ssh", "jupyter"],
                "mounts.work.sub_path": "test",
                "mounts.job.enabled": "",
                "env.name": ["LR", "", "EMPTY"],
                "env.value": ["0.1", "", ""],
            }
        ),
    )
    spec = job.spec
    assert (spec.name, spec.vc, spec.device_type, spec.devices) == ("resnet50", "platform", NPU, 4)
    assert (spec.preemptible, spec.priority) == (True, 300)
    assert spec.interactive_ports == (40001, 40002, 40003)
    assert spec.endpoints == ("ssh", "jupyter")
    assert spec.env == {"LR": "0.1", "EMPTY": ""}
    assert spec.mounts["work"].sub_path == "test"
    assert not spec.mounts["job"].enabled
    assert job.username == "alice"


def test_cpu_only_is_no_device_type(at_alices, web_house):
    assert job_of(at_alices, web_house, form(device_type="", devices="5")).spec.devices == 0


def test_distributed_has_nodes(at_alices, web_house):
    job = job_of(at_alices, web_house, form(kind="distributed", nodes="2", devices="4"))
    assert (job.spec.nodes, job.spec.total_devices) == (2, 8)


@pytest.mark.parametrize(
    ("fields", "field", "text"),
    [
        ({"name": ""}, "name", "Enter a job name."),
        ({"command": " "}, "command", "Enter a command."),
        ({"image": "Not An Image"}, "image", "Not an image reference"),
        ({"devices": "3"}, "devices", "can only be one of 0, 1, 2, 4, 8"),
        ({"devices": "x"}, "devices", "Must be a whole number"),
        ({"interactive_ports": "39000"}, "interactive_ports", "39000 is not from 40000 to 49999"),
        ({"interactive_ports": "abc"}, "interactive_ports", "abc is not a port number"),
        ({"mounts.work.sub_path": "../x"}, "mounts.work.sub_path", "Must not contain"),
        ({"env.name": ["1ST"], "env.value": ["0"]}, "env.1ST", "not a valid name"),
        ({"env.name": ["A", "A"], "env.value": ["1", "2"]}, "env.A", "A is given twice"),
        ({"registry.enabled": "true"}, "registry.server", "Enter the address of the registry."),
        ({"kind": "nonsense"}, "kind", "Must be one of"),
        ({"priority": "2000"}, "priority", "Must be from 1 to 1000"),
        ({"vc": "vision"}, "device_type", "has no quota"),
    ],
)
def test_errors_are_at_their_fields(at_alices, fields, field, text):
    found = errors_of(at_alices, form(**fields))
    assert text in " ".join(found[field])


def test_all_errors_are_said_at_once(at_alices):
    found = errors_of(at_alices, form(name="", command="", interactive_ports="1"))
    assert set(found) >= {"name", "command", "interactive_ports"}


def test_errors_speak_the_readers_language(at_alices):
    at_alices.client.set_cookie("language", "zh")
    assert errors_of(at_alices, form(name="")) == {"name": ["请输入作业名称。"]}


def test_without_a_script_nothing_typed_is_lost(at_alices):
    answer = at_alices.post(
        "/submit/",
        form(
            **{
                "name": "",
                "command": "line 1\n<line> 2",
                "interactive_ports": "40001, abc",
                "env.name": ["A", "B"],
                "env.value": ["1", "2"],
                "registry.enabled": "true",
                "registry.server": "reg.example:5000",
                "registry.username": "bot",
                "registry.password": "s3cret!",
            }
        ),
    )
    assert answer.status_code == 422
    page = answer.text
    for kept in (
        "line 1\n&lt;line&gt; 2",
        'value="40001, abc"',
        'value="A"',
        'value="reg.example:5000"',
        'value="bot"',
    ):
        assert kept in page, kept
    assert "s3cret!" not in page
    assert 'aria-invalid="true"' in page
    assert 'href="#f-name"' in page


def preview(browser, fields):
    """The panel's HTML and the errors."""
    answer = browser.post("/submit/preview", fields, headers={"X-Requested-With": "script"})
    assert answer.status_code == 200
    body = answer.get_json()
    assert set(body) == {"panel", "errors", "secrets"}
    return body["panel"], body["errors"]


def test_the_panel_says_that_it_would_start(at_alices):
    panel, errors = preview(at_alices, form())
    assert "Would start now" in panel
    assert "--device huawei_npu_arm64=4" in panel
    assert errors == {}


def test_the_panel_shows_the_lines_of_a_command_as_they_were_typed(at_alices):
    panel, _ = preview(at_alices, form(command="echo 1\r\necho 2"))
    assert "command: |-\n  echo 1\n  echo 2" in panel
    assert "\r" not in panel


def test_the_panel_says_why_it_would_wait(at_alices, web_house):
    run_job(web_house.house, device_type=NPU, devices=8)
    panel, _ = preview(at_alices, form())
    assert "Will wait in the queue" in panel
    assert "quota is in use" in panel
    assert "Switch device type" in panel


def test_the_panel_stores_nothing_and_shows_no_secret(at_alices, web_house):
    fields = form(
        **{
            "registry.enabled": "true",
            "registry.server": "r.example",
            "registry.username": "u",
            "registry.password": "s3cret!",
        }
    )
    panel, _ = preview(at_alices, fields)
    assert "s3cret!" not in panel
    assert "r.example" in panel
    assert "No jobs in platform yet" in at_alices.page("/jobs/")


def test_the_panel_counts_corrections(at_alices):
    panel, errors = preview(at_alices, form(name="", devices="3"))
    assert "2 corrections" in panel
    assert set(errors) == {"name", "devices"}


def test_what_is_only_empty_yet_is_no_mistake(at_alices):
    panel, errors = preview(at_alices, form(name="", image=""))
    assert "Still to fill in: Job name, Docker image." in panel
    assert "Cannot be submitted" not in panel
    assert set(errors) == {"name", "image"}
    assert "Would start now" in panel
    assert "aoli job submit" not in panel


def test_a_registry_is_filled_in_before_the_panel_says_more(at_alices):
    sent = form(**{"registry.enabled": "true", "registry.server": "r.example"})
    panel, _ = preview(at_alices, sent)
    assert "Still to fill in: User name, Password." in panel
    assert "Would start now" not in panel


def test_the_panel_shows_the_place_among_what_others_hold(at_alices, web_house):
    run_job(web_house.house, device_type=NPU, devices=4)
    sent = form(device_type=NPU, devices="2")
    panel, _ = preview(at_alices, sent)
    assert "What will be allocated" in panel
    squares = {name: panel.count(f'class="dv {name}"') for name in ("plan", "c8", "free")}
    assert squares == {"plan": 2, "c8": 4, "free": 2}


def test_device_types_show_what_is_to_use(at_alices, web_house):
    run_job(web_house.house, device_type=NPU, devices=8)
    page = at_alices.page("/submit/")
    assert "0 / 8 to use, jobs wait" in page
    assert "4 / 4 to use" in page
    assert 'data-counts="0,1,2,4,8"' in page
    assert "NPU jobs take 0, 1, 2, 4 or 8 devices of one node." in page
    at_alices.client.set_cookie("language", "zh")
    assert "NPU 作业使用单个节点的 0、1、2、4 或 8 个设备。" in at_alices.page("/submit/")


def test_a_job_is_cloned(at_alices, web_house):
    job_id = submit_job(
        web_house.house,
        name="old one",
        command="echo <1>",
        device_type=GPU,
        devices=2,
        env={"A": "b"},
    )
    page = at_alices.page(f"/submit/?clone={job_id}")
    assert 'value="old one"' in page
    assert "echo &lt;1&gt;" in page
    assert 'data-fresh="0"' in page
    assert re.search(rf'value="{GPU}"[^>]* checked', page)


def test_somebody_elses_job_is_not_cloned(browse, web_house):
    job_id = submit_job(web_house.house, "alice")
    assert browse("bob").get(f"/submit/?clone={job_id}").status_code == 404


def save(browser, name="mine", scope="user", **fields):
    return browser.post(
        "/submit/templates",
        form(template_name=name, template_scope=scope, **fields),
        headers={"Accept": "application/json", "X-Requested-With": "script"},
    )


def test_a_template_keeps_the_form_but_no_secret(at_alices):
    fields = {
        "registry.enabled": "true",
        "registry.server": "r.example",
        "registry.username": "u",
        "registry.password": "s3cret!",
        "env.name": ["A"],
        "env.value": ["b"],
    }
    assert save(at_alices, **fields).status_code == 201
    page = at_alices.page("/submit/?template=mine&scope=user")
    assert 'value="resnet50"' in page
    assert 'value="A"' in page
    assert "s3cret!" not in page


def test_a_name_that_is_taken_asks_before_replacing(at_alices):
    assert save(at_alices).status_code == 201
    assert save(at_alices).status_code == 409
    assert save(at_alices, overwrite="true", name_="").status_code == 201
    assert save(at_alices, name="bad/name").status_code == 422


def test_team_templates_are_for_everyone_in_the_virtual_cluster(browse):
    save(browse("alice"), "ours", "team")
    save(browse("alice"), "only me", "user")
    page = browse("bob").page("/submit/")
    assert "ours (team)" in page
    assert "only me" not in page
    assert "Delete a template" not in page
    assert "Delete a template" in browse("alice").page("/submit/")


def test_deleting_a_template(at_alices):
    save(at_alices)
    at_alices.post("/submit/templates/delete", {"template_name": "mine", "template_scope": "user"})
    assert "mine (personal)" not in at_alices.page("/submit/")


def test_submitting_needs_the_token_of_the_form(at_alices):
    assert at_alices.client.post("/submit/", data=form()).status_code == 400


def test_no_more_is_offered_than_one_user_may_hold(browse, web_house):
    assert 'data-most="4"' in tidy(browse("alice").page("/submit/"))
    web_house.caller("root").patch("/vcs/platform", {"user_limit": {GPU: 2}})
    page = tidy(browse("alice").page("/submit/"))
    assert 'data-most="2"' in page
    assert 'data-most="4"' not in page
