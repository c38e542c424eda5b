"""What is typed survives the end of a session and a reload, in every form of the portal."""

from __future__ import annotations

from house import GPU, IDS
from job_steps import field, given, sign_in_again
from playwright.sync_api import expect


def test_a_role(at_dashboard, say, end_session):
    page = at_dashboard
    page.goto("/dashboard/roles/new")
    page.get_by_label(say("Role name")).fill("Operator")
    page.locator("#f-description").fill("Keeps jobs going")
    page.locator("[value=manage_all_jobs]").check()
    end_session()
    page.get_by_role("button", name=say("Save")).click()
    sign_in_again(page, say, "root")
    page.wait_for_url("**/dashboard/roles/new*")
    expect(page.get_by_label(say("Role name"))).to_have_value("Operator")
    expect(page.locator("[value=view_all_jobs]")).to_have_attribute("aria-disabled", "true")
    expect(page.locator("[data-role-count]")).to_have_text(say("%s of 7", 2))
    page.get_by_role("button", name=say("Save")).click()
    expect(page.get_by_text(say("The role %s is saved", "Operator"))).to_be_visible()


def test_roles_that_were_chosen(at_dashboard, say, end_session):
    page = at_dashboard
    page.goto(f"/dashboard/users/{IDS['newcomer']}/roles")
    admin = page.get_by_role("checkbox", name="System Admin")
    admin.check()
    end_session()
    page.get_by_role("button", name=say("Save")).click()
    sign_in_again(page, say, "root")
    page.wait_for_url("**/roles")
    expect(admin).to_be_checked()


def test_a_pasted_yaml(alice, say, end_session):
    page = alice
    page.goto("/submit/")
    page.locator("[data-open-dialog=yaml-dialog]").click()
    page.locator("#f-yaml").fill("name: pasted")
    end_session()
    page.locator("#yaml-form .pri").click()
    sign_in_again(page, say)
    page.wait_for_url("**/submit/")
    page.locator("[data-open-dialog=yaml-dialog]").click()
    expect(page.locator("#f-yaml")).to_have_value("name: pasted")


def test_the_rows_of_new_users_but_not_their_passwords(at_dashboard, say, end_session):
    page = at_dashboard
    page.goto("/dashboard/users/new/")
    page.get_by_role("link", name=say("Add a user")).click()
    for number, name in enumerate(("wei", "hana")):
        for column, value in (("username", name), ("nickname", name.title()), ("password", "s3")):
            page.locator(f"[data-col={column}]").nth(number).fill(value)
    end_session()
    page.keyboard.press("Tab")  # the check finds out; perhaps that of a field before has already
    sign_in_again(page, say, "root")
    page.wait_for_url("**/dashboard/users/new/*")
    names = page.locator("[data-col=username]")
    expect(names).to_have_count(2)
    expect(names.last).to_have_value("hana")
    expect(page.locator("[data-col=password]").last).to_have_value("")
    assert "s3" not in page.evaluate("Object.values(sessionStorage).join()").split('"')


def test_a_virtual_cluster_in_its_dialog(enter, say, end_session):
    page = enter("root")
    with page.expect_response("**/virtual-clusters/list**"):
        page.goto("/virtual-clusters/")  # and its first look, which would find out before we do
    page.get_by_role("link", name=say("Add VC")).click()
    dialog = page.locator("dialog[open]")
    field(page, say("VC name")).fill("speech")
    dialog.locator("#f-members").fill("carol")
    dialog.locator("#f-members").press("Enter")
    end_session()
    dialog.get_by_role("button", name=say("Add VC")).click()
    sign_in_again(page, say, "root")
    page.wait_for_url("**/virtual-clusters/")
    page.get_by_role("link", name=say("Add VC")).click()
    expect(field(page, say("VC name"))).to_have_value("speech")
    expect(dialog.locator(".chip")).to_contain_text("carol")
    expect(dialog).to_contain_text(say("This name is free."))
    page.keyboard.press("Escape")
    page.get_by_role("link", name=say("Add VC")).click()
    expect(field(page, say("VC name"))).to_have_value("")


def test_a_reload_keeps_it_and_opening_anew_does_not(enter, say):
    page = enter("newcomer")
    page.goto("/account/")
    key = page.get_by_label(say("New SSH key"))
    key.fill("laptop")
    page.reload()
    expect(key).to_have_value("laptop")
    page.goto("/account/")
    expect(key).to_have_value("")


def test_an_act_on_a_job_leads_to_signing_in(alice, site, say, end_session):
    page = alice
    given(site.house, "first")
    with page.expect_response("**/jobs/rows**"), page.expect_response("**/jobs/news**"):
        page.goto("/jobs/")  # and its first look, which would find out before the act does
    end_session()
    page.get_by_role("button", name=say("Pause %s", "first")).click()
    expect(page.get_by_text(say("You were signed out"))).to_be_visible()


def test_the_preview_of_a_job_notices_the_sessions_end(alice, say, end_session):
    page = alice
    page.goto("/submit/")
    expect(page.locator("#panel .dg, #panel .note").first).to_be_visible()
    with page.expect_response("**/submit/preview"):  # or this would be what finds out
        field(page, say("Job name")).fill("typed")
    end_session()
    page.locator(f"input[name=device_type][value='{GPU}']").click()  # the page may go at once
    sign_in_again(page, say)
    page.wait_for_url("**/submit/")
    expect(field(page, say("Job name"))).to_have_value("typed")


def test_a_sign_in_page_of_yesterday_is_made_anew(page, say, end_session):
    page.goto("/login/")
    end_session()
    page.get_by_label(say("Account")).fill("alice")
    field(page, say("Password")).fill("x")
    page.get_by_role("button", name=say("Sign in"), exact=True).click()
    page.wait_for_url("**/login/")
    expect(page.get_by_text(say("The session of that page is over."))).to_be_visible()
