"""Signing in and up, in English and 中文 (A1–A4, A6)."""

from __future__ import annotations

import re

from house import PASSWORD
from playwright.sync_api import Page, expect


def try_to_enter(page: Page, say, name: str, password: str) -> None:
    page.get_by_label(say("Account")).fill(name)
    page.locator("[name=password]").fill(password)
    page.get_by_role("button", name=say("Sign in"), exact=True).click()


def test_a_wrong_password_and_then_the_right_one(page, site, say):
    page.goto("/login/?next=/jobs/")
    try_to_enter(page, say, "alice", "wrong")
    expect(page.get_by_role("alert")).to_have_text(say("The account or the password is wrong."))
    expect(page.get_by_label(say("Account"))).to_have_value("alice")
    expect(page.locator("[name=password]")).to_be_focused()
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("[data-reveal]").click()
    expect(page.locator("[name=password]")).to_have_attribute("type", "text")
    page.locator("[name=password]").press("Enter")
    page.wait_for_url("**/jobs/")


def test_after_five_wrong_passwords_the_page_says_how_long_to_wait(page, site, say):
    throttle = site.app.extensions["aoli-throttle"]
    for _ in range(4):
        throttle.take("alice", "127.0.0.1")
    page.goto("/login/")
    try_to_enter(page, say, "alice", "wrong")
    expect(page.get_by_role("alert")).to_contain_text(say("Too many wrong passwords"))
    expect(page.get_by_role("alert")).to_contain_text(re.compile(r"\d"))
    try_to_enter(page, say, "alice", PASSWORD)
    expect(page.get_by_role("alert")).to_contain_text(say("Too many wrong passwords"))


def test_only_what_is_configured_is_offered(page, say):
    page.goto("/login/")
    expect(page.get_by_role("link", name=say("Sign up"))).to_be_visible()
    assert page.get_by_role("link", name="WeChat").count() == 0
    assert page.get_by_role("link", name="Microsoft").count() == 0


def test_all_three_ways(page, providers, say):
    page.goto("/login/")
    expect(page.get_by_label(say("Account"))).to_be_focused()
    for way in ("Sign in with WeChat", "Sign in with Microsoft"):
        expect(page.get_by_role("link", name=say(way))).to_be_visible()


def fill(page: Page, say, name: str, password: str, again: str) -> None:
    page.get_by_label(say("Username")).fill(name)
    page.get_by_label(say("Nickname")).fill("Nina")
    page.locator("[name=password]").fill(password)
    page.locator("[name=password_again]").fill(again)
    page.get_by_role("button", name=say("Sign up")).click()


def problem_at(page: Page, field: str):
    return page.locator(f"[data-field={field}] .err")


def test_signing_up_and_waiting_for_a_role(page, say):
    page.goto("/login/")
    page.get_by_role("link", name=say("Sign up")).click()
    fill(page, say, "ALICE", "short", "other")
    expect(problem_at(page, "username")).to_have_text(say("This username is taken"))
    expect(problem_at(page, "password")).to_have_text(say("Use at least 8 characters"))
    expect(problem_at(page, "password_again")).to_have_text(say("The two passwords differ"))
    expect(page.get_by_label(say("Nickname"))).to_have_value("Nina")
    fill(page, say, "nina", "a long password", "a long password")
    expect(page.get_by_role("status")).to_contain_text(say("Your account is created"))
    try_to_enter(page, say, "nina", "a long password")
    sorry = say("Sorry, you are not authorized to access this page")
    expect(page.get_by_role("heading", name=sorry)).to_be_visible()
    expect(page.get_by_text(say("Your account has no role yet"))).to_be_visible()
    page.goto("/jobs/")
    expect(page.get_by_role("heading", name=sorry)).to_be_visible()
    page.goto("/account/")
    expect(page.get_by_role("heading", name=say("Account info")).first).to_be_visible()
    page.get_by_role("button", name=say("Log out")).last.click()
    page.goto("/account/")
    expect(page).to_have_url(re.compile("/login/"))


def test_a_new_wechat_gets_an_account_that_goes_with_it(page, providers, say):
    page.goto("/login/")
    page.get_by_role("link", name=say("Sign in with WeChat")).click()
    page.get_by_role("link", name="Allow").click()
    expect(page.get_by_text(say("Your WeChat is new here"))).to_be_visible()
    expect(page.get_by_label(say("Nickname"))).to_have_value("梅子")
    fill(page, say, "mei", "a long password", "a long password")
    sorry = say("Sorry, you are not authorized to access this page")
    expect(page.get_by_role("heading", name=sorry)).to_be_visible()
    page.goto("/account/")
    expect(page.get_by_text(say("Bound as %s", "梅子"))).to_be_visible()
    page.get_by_role("button", name=say("Log out")).last.click()
    page.get_by_role("link", name=say("Sign in with WeChat")).click()
    page.get_by_role("link", name="Allow").click()
    expect(page.get_by_role("heading", name=sorry)).to_be_visible()


def test_saying_no_at_the_provider_leads_back(page, providers, say):
    page.goto("/login/")
    page.get_by_role("link", name=say("Sign in with Microsoft")).click()
    page.get_by_role("link", name="Refuse").click()
    expect(page).to_have_url(re.compile("/login/"))
    expect(page.get_by_role("status")).to_be_visible()


def test_a_new_microsoft_account_and_its_last_way_in(page, providers, say):
    page.goto("/login/")
    page.get_by_role("link", name=say("Sign in with Microsoft")).click()
    page.get_by_role("link", name="Allow").click()
    sorry = say("Sorry, you are not authorized to access this page")
    expect(page.get_by_role("heading", name=sorry)).to_be_visible()
    page.goto("/account/")
    page.get_by_role("button", name=say("Unbind")).click()
    expect(page.get_by_text(say("It is the only way into your account"))).to_be_visible()
    page.get_by_text(say("Set a password"), exact=True).click()
    page.locator("[name=password]").fill("a long password")
    page.locator("[name=password_again]").fill("a long password")
    page.get_by_role("button", name=say("Change password")).click()
    page.get_by_role("button", name=say("Unbind")).click()
    expect(page.get_by_text(say("It is unbound"))).to_be_visible()


def test_binding_and_unbinding(enter, providers, say):
    page = enter("alice")
    page.goto("/account/")
    row = page.locator(".method", has_text="WeChat").or_(page.locator(".method", has_text="微信"))
    row.get_by_role("button", name=say("To Bind")).click()
    page.get_by_role("link", name="Allow").click()
    expect(row).to_contain_text(say("Bound as %s", "梅子"))
    row.get_by_role("button", name=say("Unbind")).click()
    expect(page.get_by_text(say("It is unbound"))).to_be_visible()
    expect(row.get_by_role("button", name=say("To Bind"))).to_be_visible()
