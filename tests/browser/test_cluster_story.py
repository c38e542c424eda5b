"""Cluster status, virtual clusters, switches and closed doors, in English and 中文 (D, E)."""

from __future__ import annotations

import re

import pytest
from house import GPU, NPU
from job_steps import field, given
from playwright.sync_api import Page, expect

from portal.models import VcMemberRow, VcRow
from portal.models.db import session

TABS = (
    *("Team VC status", "Team VC user status"),
    *("Cluster usage", "Physical cluster node status"),
)


@pytest.fixture
def root(enter, say) -> Page:
    """Who administers."""
    return enter("root")


def test_four_tabs_of_the_cluster_and_a_node_that_is_cordoned(root, site, say):
    page, house = root, site.house
    house.run("alice", name="eight", vc="platform", device_type=NPU, devices=8)
    page.goto("/cluster/")
    for tab in TABS:
        link = page.locator(".tabs").get_by_role("link", name=say(tab))
        link.click()
        expect(link).to_have_attribute("aria-current", "page")
        expect(page.get_by_role("heading", name=say("Cluster status"))).to_be_visible()
        say.only(page, "eight", "node")
    page.get_by_role("link", name="node-1").click()
    state, toast = page.locator("#node .hd .st"), page.locator(".toast").last
    expect(state).to_have_text(say("Ready"))
    page.get_by_role("button", name=say("Cordon"), exact=True).click()
    expect(toast).to_contain_text(say("%s takes no new jobs; what runs there goes on", "node-1"))
    expect(state).to_have_text(say("Cordoned"))
    say.only(page, "eight", "node")
    page.get_by_role("button", name=say("Uncordon"), exact=True).click()
    expect(toast).to_contain_text(say("%s takes jobs again", "node-1"))
    expect(state).to_have_text(say("Ready"))


def test_a_chart_is_read_as_a_table(root, site, say):
    page, house = root, site.house
    house.run("alice", name="eight", vc="platform", device_type=NPU, devices=8)
    house.advance(7200)
    page.goto("/cluster/usage?range=24h")
    held = page.locator("[data-chart=held]")
    expect(held.locator("canvas")).to_be_visible()
    button = page.get_by_role("button", name=say("View as table")).first
    button.click()
    expect(held.get_by_role("columnheader")).to_have_text([say("Time"), "alice"])
    expect(held.locator("tbody tr").nth(1).locator("td").last).to_have_text("8")
    say.only(page)
    page.locator("[data-key='range-7d']").click()  # another range is a table, too
    expect(held.locator("tbody tr")).to_have_count(336)
    button.click()
    expect(held.locator("canvas")).to_be_visible()
    expect(held.locator("table")).to_have_count(0)


def test_a_virtual_cluster_is_added_modified_and_deleted(root, site, say):
    page = root
    page.goto("/virtual-clusters/")
    page.get_by_role("link", name=say("Add VC")).click()
    dialog, toast = page.locator("dialog[open]"), page.locator(".toast").last
    name, quota = field(page, say("VC name")), dialog.get_by_label(say("Quota of %s", GPU))
    name.fill("platform")
    quota.focus()
    expect(dialog).to_contain_text(say("There is a virtual cluster of this name already."))
    name.fill("speech")
    expect(dialog).to_contain_text(say("This name is free."))
    quota.fill("99")
    expect(dialog).to_contain_text(say("At most %s remain", 0))
    quota.fill("0")
    say.only(page, "speech")
    dialog.get_by_role("button", name=say("Add VC")).click()
    expect(toast).to_contain_text(say("Virtual cluster %s is added", "speech"))

    page.get_by_role("link", name=say("Modify %s", "speech")).click()
    expect(dialog.locator("#f-name")).to_have_attribute("readonly", "")
    dialog.locator("#f-members").fill("carol")
    dialog.get_by_role("button", name=say("Save")).click()
    expect(toast).to_contain_text(say("Virtual cluster %s is modified", "speech"))
    with session():
        members = VcMemberRow.select().where(VcMemberRow.vc == "speech")
        assert [row.name for row in members] == ["carol"]

    page.get_by_role("link", name=say("Delete %s", "speech")).click()
    remove = dialog.get_by_role("button", name=say("Delete VC"))
    expect(remove).to_be_disabled()
    dialog.get_by_label(say("Type %s to confirm", "speech")).fill("speech")
    say.only(page, "speech")
    remove.click()
    expect(toast).to_contain_text(say("Virtual cluster %s is deleted", "speech"))
    with session():
        assert not VcRow.select().where(VcRow.name == "speech").exists()


def test_the_virtual_cluster_the_language_and_the_theme_are_switched(alice, site, say):
    page = alice
    given(site.house, "in_platform")
    page.goto("/jobs/?sort=name")
    switch = page.locator(".topbar .side-l summary.swi")
    expect(switch).to_contain_text("platform")
    switch.click()
    page.get_by_role("button", name=re.compile("^vision")).click()
    expect(page.get_by_role("heading", name=say("No jobs in %s yet", "vision"))).to_be_visible()
    say.only(page)
    html, languages = page.locator("html"), page.locator(".topbar .lang button")
    languages.and_(page.locator("[aria-pressed=false]")).click()
    expect(html).to_have_attribute("lang", {"en": "zh-Hans", "zh": "en"}[say.language])
    expect(page).to_have_url(re.compile(r"/jobs/\?sort=name"))
    expect(switch).to_contain_text("vision")
    languages.and_(page.locator("[aria-pressed=false]")).click()
    for choice in ("light", "dark"):
        page.locator(".topbar").get_by_role("button", name=say("Theme")).click()
        expect(html).to_have_attribute("data-choice", choice)
        expect(html).to_have_attribute("data-theme", choice)
    page.reload()
    expect(html).to_have_attribute("data-theme", "dark")
    expect(page.get_by_role("link", name=say("View and Manage Jobs"))).to_be_visible()


def test_pages_that_are_not_for_one(enter, site, say):
    page = enter("carol")
    page.goto("/cluster/")
    heading = say("Sorry, you are not authorized to access this page")
    expect(page.get_by_role("heading", name=heading)).to_be_visible()
    say.only(page, "role of carol")
    page.goto("/nothing")
    expect(page.get_by_role("heading", name=say("This page does not exist"))).to_be_visible()
    say.only(page)


def test_without_a_virtual_cluster(root, site, say):
    with session():
        VcRow.delete().execute()
    page = root
    page.goto("/virtual-clusters/")
    expect(page.get_by_role("heading", name=say("No virtual cluster yet"))).to_be_visible()
    say.only(page)
    for path in ("/cluster/", "/submit/", "/"):
        page.goto(path)
        nowhere = page.get_by_role("heading", name=say("You are not in a virtual cluster yet"))
        expect(nowhere).to_be_visible()
        say.only(page)
