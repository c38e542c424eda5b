"""Cluster Status (spec E) and the Plugins page."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace

import pytest
from house import GPU, IDS, NPU, a_node, actor
from web_pages import run_job

from portal.models.db import session
from portal.spi.registry import PluginStatus

TABS = ("/cluster/", "/cluster/users", "/cluster/usage", "/cluster/nodes")


@pytest.fixture
def at_roots(browse):
    return browse("root")


def test_the_menu_leads_there_only_with_the_permission(browse, at_roots):
    page = at_roots.page("/")
    assert 'href="/cluster/"' in page
    assert 'href="/plugins/"' in page
    for name in ("alice", "vera"):
        page = browse(name).page("/")
        assert 'href="/cluster/"' not in page
        assert 'href="/plugins/"' not in page


@pytest.mark.parametrize("path", [*TABS, "/cluster/users.csv", "/plugins/"])
def test_pages_need_their_permission(browse, path):
    assert browse("alice").get(path).status_code == 403
    assert browse().get(path).status_code == 302
    assert browse("root").get(path).status_code == 200


@pytest.mark.parametrize("path", TABS)
def test_a_tab_has_its_own_address_and_a_body_for_the_live_update(at_roots, web_house, path):
    run_job(web_house.house, device_type=GPU, devices=2)
    page = at_roots.page(path)
    current = re.findall(r'class="tab" href="([^"]+)" aria-current="page"', page)
    assert current == [path]
    assert f'data-fragment="{path}' in page
    body = at_roots.fragment(path).text
    assert "<html" not in body
    assert "train" in body or path != "/cluster/nodes"


def test_squares_show_use_of_the_virtual_cluster(at_roots, web_house):
    run_job(web_house.house, device_type=GPU, devices=2, preemptible=True)
    page = at_roots.page("/cluster/")
    assert 'aria-label="2 used, 2 of them preemptible, 2 available"' in page
    squares = page.split('aria-label="2 used')[1].split("</span>")[0]
    assert squares.count("dv c8") == 2
    assert squares.count("dv free") == 2


def test_the_way_to_all_virtual_clusters_is_for_whoever_may_see_them(at_roots, browse, web_house):
    root, role = web_house.caller("root"), {"name": "Looker", "description": "Looks"}
    assert root.post("/roles", {**role, "permissions": ["view_cluster"]}).status_code == 201
    changed = root.patch(f"/users/{IDS['newcomer']}", {"roles": ["Looker"]})
    assert changed.status_code == 200
    link = "<span>All virtual clusters</span></a>"
    assert link in at_roots.page("/cluster/")
    assert link not in browse("newcomer").page("/cluster/")


def test_more_devices_than_squares_are_a_bar(at_roots, web_house):
    web_house.house.cluster.set_nodes(a_node("node-1", devices=100))
    web_house.house.look()
    editor = web_house.house.portal.vc_editor
    with session():
        editor.modify(actor("root"), "vision", {"quota": {GPU: 0}})
        editor.modify(actor("root"), "platform", {"quota": {GPU: 100, NPU: 0}})
    page = at_roots.page("/cluster/")
    assert "bar usage" in page
    assert "dv free" not in page


def test_simulated_devices_are_called_so_wherever_they_show(browse, at_roots, web_house):
    job_id = run_job(web_house.house, device_type=GPU, devices=1)
    for path in (*TABS, "/", "/submit/"):
        assert ">simulated<" not in at_roots.page(path), path
    web_house.house.cluster.set_nodes(
        a_node("node-1", simulated=True), a_node("node-2", device_type=NPU, simulated=True)
    )
    web_house.house.look()
    for path in ("/cluster/", "/cluster/usage", "/cluster/nodes", "/", "/submit/"):
        assert ">simulated<" in at_roots.page(path), path
    assert web_house.house.state(job_id) == "running"


def test_users_by_name_type_and_everybody(at_roots, web_house):
    run_job(web_house.house, "alice", device_type=GPU, devices=2)
    run_job(web_house.house, "bob", device_type=NPU, devices=4)

    def users(query=""):
        return re.findall(r'<span class="trunc">(\w+)</span></span>\s*</td>', at_roots.page(query))

    assert users("/cluster/users") == ["bob", "alice"]
    assert users("/cluster/users?q=ali") == ["alice"]
    assert users(f"/cluster/users?device_type={NPU}") == ["bob"]
    assert len(users("/cluster/users?all=1")) == 14
    assert at_roots.get("/cluster/users?all=1&page=2").location == "/cluster/users?all=1"
    assert "No user matches" in at_roots.page("/cluster/users?q=nobody")


def test_the_export_holds_every_line(at_roots, web_house):
    run_job(web_house.house, "alice", device_type=GPU, devices=2)
    answer = at_roots.get("/cluster/users.csv?all=1")
    assert answer.mimetype == "text/csv"
    assert "platform-users-" in answer.headers["Content-Disposition"]
    rows = list(csv.reader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert rows[1][:3] == ["alice", GPU, "2"]
    assert len(rows) == 15


def test_usage_holds_what_the_charts_draw_and_says_it_in_a_table(at_roots, web_house):
    run_job(web_house.house, "alice", device_type=GPU, devices=2)
    page = at_roots.page(f"/cluster/usage?range=1h&type={GPU}")
    data = json.loads(re.search(r'id="usage-data"[^>]*>(.*?)</script>', page, re.DOTALL).group(1))
    assert (data["quota"], data["devices"], len(data["times"])) == (4, 8, 60)
    assert 'data-chart="held"' in page
    assert "vendor/uplot" in page
    assert at_roots.get("/cluster/usage?range=nonsense").status_code == 200


def test_grafana_is_linked_when_there_is_one(at_roots, web_house):
    assert "Grafana" not in at_roots.page("/cluster/usage")
    parts = web_house.app.extensions
    address = {"grafana_url": "https://grafana.example"}
    known = parts["aoli"].settings.model_copy(update=address)
    parts["aoli"] = replace(parts["aoli"], settings=known)
    assert 'href="https://grafana.example"' in at_roots.page("/cluster/usage")


def test_nodes_with_pods_and_a_drawer(at_roots, web_house):
    job_id = run_job(web_house.house, "alice", device_type=GPU, devices=2, name="train-a")
    page = at_roots.page("/cluster/nodes")
    assert "[train-a : alice (GPU #2)]" in page
    assert 'aria-label="0–1 train-a (alice), 2–7 free"' in page
    assert 'id="node"' not in page
    page = at_roots.page("/cluster/nodes?node=node-1")
    drawer = page.split('id="node"')[1]
    assert drawer.count(f'href="/jobs/{job_id}"') == 2
    assert "No node matches" in at_roots.page("/cluster/nodes?q=nowhere")
    assert "node-2" not in at_roots.page("/cluster/nodes?q=10.0.0.1").split("<tbody")[1]


def test_what_others_hold_is_not_free(at_roots, web_house):
    web_house.house.cluster.set_nodes(a_node("node-1", foreign_devices=3))
    web_house.house.look()
    page = at_roots.page("/cluster/nodes")
    assert 'aria-label="0–4 free, 5–7 in use outside the portal"' in page


def test_cordon_and_back(at_roots, browse, web_house):
    to = "/cluster/nodes/node-1/cordoned"
    answer = at_roots.post(to, {"cordoned": "1", "next": "/cluster/nodes?node=node-1"})
    assert (answer.status_code, answer.location) == (303, "/cluster/nodes?node=node-1")
    page = at_roots.page("/cluster/nodes?node=node-1")
    assert "takes no new jobs" in page
    assert "Uncordon" in page
    at_roots.post(to, {"cordoned": "0"})
    assert not web_house.house.cluster.nodes()[0].cordoned
    web_house.house.cluster.unreachable = True
    at_roots.post(to, {"cordoned": "1"})
    assert "The cluster did not answer" in at_roots.page("/cluster/nodes")
    assert browse("alice").post(to, {"cordoned": "1"}).status_code == 403


def test_plugins_that_work_and_one_that_does_not(at_roots, web_house):
    page = at_roots.page("/plugins/")
    assert "nvidia_gpu_amd64" in page
    assert "left out" not in page.lower()
    parts = web_house.app.extensions
    registry = parts["aoli"].registry
    broken = PluginStatus(
        "portal.device_types", "broken", "acme", "1.0", "failed", "no module named acme"
    )
    registry = replace(registry, plugins=(*registry.plugins, broken))
    parts["aoli"] = replace(parts["aoli"], registry=registry)
    page = at_roots.page("/plugins/")
    assert "1 plugin was left out." in page
    assert page.index("broken") < page.index("nvidia_gpu_amd64")
    assert "no module named acme" in page


@pytest.mark.parametrize("path", [*TABS, "/cluster/nodes?node=node-1", "/plugins/"])
def test_the_pages_speak_chinese(at_roots, web_house, path):
    run_job(web_house.house, device_type=GPU, devices=1)
    at_roots.client.set_cookie("language", "zh")
    page = at_roots.page(path)
    body = re.sub(r"<(script|style|pre|textarea)\b.*?</\1>", "", page, flags=re.DOTALL)
    words = {text.strip() for text in re.findall(r">([^<>]*[A-Za-z]{3,}[^<>]*)<", body)}
    names = re.compile(
        r"^(Aoli|EN|CSV|CPU|Esc|Enter|Pod|lab|platform|vision|root|alice|role of root|node-\d|train"
        r"|\[train : alice \(GPU #1\)\]|nvidia_gpu_amd64|huawei_npu_arm64|regular|distributed"
        r"|inference|aoli|[\d.]+|USER DASHBOARD|root、role of root|platform, 1|\W*)$"
    )
    left = {word for word in words if not re.search(r"[一-鿿]", word) and not names.match(word)}
    assert left == set()


@pytest.mark.parametrize("path", ["/plugins/", "/cluster/nodes"])
def test_who_manages_is_told_that_jobs_reach_the_portal(at_roots, web_house, path):
    words = "Jobs run as the portal’s own user."
    assert words not in at_roots.page(path)
    web_house.house.cluster.jobs_reach_portal = True
    assert words in at_roots.page(path)
