"""Account info in Chromium (A5): keys, and the page on a phone."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect
from public_keys import key_line


def test_an_api_key_is_shown_once(enter, say):
    page = enter("alice")
    page.goto("/account/")
    page.get_by_label(say("New API key")).fill("laptop")
    page.get_by_role("button", name=say("Create"), exact=True).click()
    shown = page.locator("#new-key")
    expect(shown).to_contain_text("aoli_")
    key = shown.inner_text()
    page.goto("/account/")
    expect(page.locator("#keys")).to_contain_text("laptop")
    assert key not in page.content()
    page.locator("#keys summary").click()
    page.get_by_role("button", name=say("Revoke %s", "laptop")).click()
    expect(page.locator("#keys")).not_to_contain_text("laptop")


def test_an_ssh_key_is_added_and_deleted(enter, say):
    page = enter("newcomer")
    page.goto("/account/")
    page.get_by_label(say("New SSH key")).fill("laptop")
    page.get_by_label(say("Public key")).fill("-----BEGIN OPENSSH PRIVATE KEY-----")
    page.keyboard.press("Enter")
    problem = page.locator("[data-field=ssh_key] .err")
    expect(problem).to_contain_text(say("This is a private key"))
    page.get_by_label(say("Public key")).fill(f"{key_line()} me@laptop")
    page.keyboard.press("Enter")
    keys = page.locator("#ssh-keys")
    expect(keys).to_contain_text("SHA256:")
    keys.locator("summary").click()
    keys.get_by_role("button", name=say("Delete %s", "laptop")).click()
    expect(keys).not_to_contain_text("SHA256:")


@pytest.mark.parametrize("path", ["/account/", "/login/", "/sign-up/"])
def test_a_phone_shows_no_more_than_its_width(enter, page, path):
    if path == "/account/":
        enter("alice")
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(path)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
