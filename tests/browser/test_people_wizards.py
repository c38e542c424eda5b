"""The wizards for new users and groups, in English and 中文 (G3, G4)."""

from __future__ import annotations

from playwright.sync_api import Page, expect

PASSWORD = "a long password"


def usernames(web_house) -> set[str]:
    items = web_house.caller("root").get("/users?limit=200").get_json()["items"]
    return {user["username"] for user in items}


def row(page: Page, number: int):
    return page.locator("[data-row]").nth(number)


def fill_row(page: Page, number: int, name: str) -> None:
    cells = row(page, number)
    cells.locator("[data-col=username]").fill(name)
    cells.locator("[data-col=nickname]").fill(name.title())
    cells.locator("[data-col=password]").fill(PASSWORD)


def step(page: Page, number: int):
    return page.locator(f"[data-step='{number}']")


def button(page: Page, name: str):
    return page.get_by_role("button", name=name, exact=True)


def test_ten_users_in_three_steps_all_or_none(at_dashboard, web_house, say):
    page = at_dashboard
    page.goto("/dashboard/users/new/")
    next_step = button(page, say("Next"))
    add = page.get_by_role("link", name=say("Add a user"))
    for number in range(10):
        if number:
            add.click()
        fill_row(page, number, f"person{number}")
    expect(page.locator("[data-row-count]")).to_have_text(say("%s of 10", 10))
    expect(add).to_have_attribute("aria-disabled", "true")
    add.press("Enter")
    expect(page.locator("[data-row]")).to_have_count(10)
    next_step.click()
    expect(step(page, 2)).to_be_visible()
    expect(page.locator("[data-whom]")).to_contain_text("person0")
    expect(next_step).to_have_attribute("title", say("Choose at least one role."))
    next_step.press("Enter")
    expect(step(page, 2).locator(".err:not([hidden])")).to_be_visible()
    page.get_by_role("checkbox", name="User", exact=True).check()
    submit = page.locator("[data-permission=submit_job]")
    expect(submit).to_have_class("tag ok")
    next_step.click()
    expect(step(page, 3).locator("[data-shown-rows] tr")).to_have_count(10)
    expect(step(page, 3)).not_to_contain_text(PASSWORD)
    assert "person0" not in usernames(web_house)
    # Meanwhile somebody takes the name of the third.
    taken_now = {"username": "person2", "nickname": "x", "password": PASSWORD}
    assert web_house.caller("root").post("/users", taken_now).status_code == 201
    create = button(page, say("Create %s users", 10))
    create.click()
    expect(row(page, 2).locator(".err:not([hidden])")).to_have_text(say("This username is taken"))
    assert usernames(web_house) & {f"person{n}" for n in range(10)} == {"person2"}
    row(page, 2).locator("[data-col=username]").fill("person.2")
    next_step.click()
    expect(step(page, 2)).to_be_visible()
    next_step.click()
    expect(step(page, 3)).to_be_visible()
    create.click()
    page.wait_for_url("**/dashboard/users/")
    assert {"person0", "person.2", "person9"} <= usernames(web_house)
    page.goto("/dashboard/users/?q=person.2")
    expect(page.get_by_role("row", name="person.2").locator(".tag")).to_have_text(["User"])


def test_next_waits_and_says_for_what(at_dashboard, say):
    page = at_dashboard
    page.goto("/dashboard/users/new/")
    next_step, name = button(page, say("Next")), row(page, 0).locator("[data-col=username]")
    missing = say("Still to fill in: %s.", say("Username, Nickname, Password"))
    expect(next_step).to_be_disabled()
    expect(next_step).to_have_attribute("title", missing)
    expect(next_step).to_have_accessible_description(missing)
    expect(page.locator(".err:not([hidden])")).to_have_count(0)
    fill_row(page, 0, "ALICE")
    name.blur()
    taken = row(page, 0).locator(".err:not([hidden])")
    expect(taken).to_have_text(say("This username is taken"))
    expect(next_step).to_be_disabled()
    expect(next_step).to_have_attribute("title", say("This username is taken"))
    next_step.press("Enter")  # leads to what is wrong
    expect(name).to_be_focused()
    say.only(page, "ALICE", "Alice")
    name.fill("alice.2")
    expect(taken).to_have_count(0)
    expect(next_step).to_be_enabled()
    row(page, 0).get_by_role("button", name=say("Show password")).click()
    expect(row(page, 0).locator("[data-col=password]")).to_have_attribute("type", "text")


def test_the_preview_is_edited_in_its_cells(at_dashboard, web_house, say):
    page = at_dashboard
    page.goto("/dashboard/users/new/")
    for number, name in enumerate(("nina", "otto", "petra")):
        if number:
            page.get_by_text(say("Add a user"), exact=True).click()
        fill_row(page, number, name)
    button(page, say("Next")).click()
    for role in ("User", "System Admin"):
        page.get_by_role("checkbox", name=role, exact=True).check()
    button(page, say("Next")).click()
    lines, chips = step(page, 3).locator("[data-shown-rows] tr"), step(page, 3).locator(".chip")
    lines.nth(1).get_by_role("button").click()
    expect(lines).to_have_count(2)
    chips.filter(has_text="System Admin").get_by_role("button").click()
    expect(chips).to_have_text(["User"])
    cell = lines.nth(1).locator("[data-cell=username]")
    cell.fill("ALICE")
    cell.press("Enter")
    expect(cell).to_have_attribute("aria-invalid", "true")
    expect(step(page, 3).get_by_role("alert")).to_have_text(say("This username is taken"))
    create = button(page, say("Create %s users", 2))
    expect(create).to_be_disabled()
    say.only(page, "nina", "Nina", "Petra", "ALICE")
    cell.fill("petra.2")
    lines.nth(1).locator("[data-cell=nickname]").fill("Petra K.")
    expect(create).to_be_enabled()
    create.click()
    page.wait_for_url("**/dashboard/users/")
    assert {"nina", "petra.2"} <= usernames(web_house)
    assert not {"otto", "petra"} & usernames(web_house)
    made = web_house.caller("root").get("/users?q=petra.2").get_json()["items"][0]
    assert (made["nickname"], made["roles"]) == ("Petra K.", ["User"])


def test_done_steps_lead_back_and_nothing_is_lost(at_dashboard, say):
    page = at_dashboard
    page.goto("/dashboard/users/new/")
    fill_row(page, 0, "nina")
    button(page, say("Next")).click()
    expect(step(page, 2)).to_be_visible()
    page.locator(".step.done").first.get_by_role("button").focus()
    page.keyboard.press("Enter")
    expect(step(page, 1)).to_be_visible()
    expect(row(page, 0).locator("[data-col=username]")).to_have_value("nina")
    expect(row(page, 0).locator("[data-col=password]")).to_have_value(PASSWORD)


def test_leaving_what_was_typed_asks_first(at_dashboard, say):
    page = at_dashboard
    page.goto("/dashboard/users/new/")
    fill_row(page, 0, "nina")
    asked: list[str] = []

    def answer(dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss() if len(asked) == 1 else dialog.accept()

    page.on("dialog", answer)
    cancel = page.locator("main").get_by_role("link", name=say("Cancel"))
    cancel.click(no_wait_after=True)
    expect(row(page, 0).locator("[data-col=username]")).to_have_value("nina")
    cancel.click()
    page.wait_for_url("**/dashboard/users/")
    assert asked == ["beforeunload"] * 2


def test_without_a_script_all_steps_stand_below_each_other(
    at_dashboard, chromium, context, site, web_house, say
):
    state = context.storage_state()
    plain = chromium.new_context(base_url=site.url, java_script_enabled=False, storage_state=state)
    page = plain.new_page()
    page.goto("/dashboard/users/new/")
    expect(step(page, 3)).to_be_hidden()
    fill_row(page, 0, "alice")
    page.get_by_role("checkbox", name="User", exact=True).check()
    button(page, say("Create users")).click()
    expect(row(page, 0).locator(".err")).to_have_text(say("This username is taken"))
    expect(page.get_by_role("checkbox", name="User", exact=True)).to_be_checked()
    say.only(page, "Alice")
    fill_row(page, 0, "nina")
    button(page, say("Create users")).click()
    page.wait_for_url("**/dashboard/users/")
    plain.close()
    assert "nina" in usernames(web_house)


def test_a_group_in_three_steps(at_dashboard, web_house, say):
    page = at_dashboard
    page.goto("/dashboard/groups/new/")
    next_step = button(page, say("Next"))
    expect(next_step).to_be_disabled()
    next_step.press("Enter")
    for field in ("name", "description"):
        problem = page.locator(f"[data-field={field}] .err")
        expect(problem).to_have_text(say("Required"))
    page.get_by_label(say("Group Name")).fill("speech-team")
    page.get_by_label(say("Description")).fill("Speech")
    next_step.click()
    page.get_by_role("checkbox", name="User", exact=True).check()
    next_step.click()
    expect(step(page, 3)).to_contain_text("speech-team")
    create, chip = button(page, say("Create group")), step(page, 3).locator(".chip")
    chip.get_by_role("button").click()
    expect(create).to_have_attribute("title", say("Choose at least one role."))
    button(page, say("Previous")).click()
    page.get_by_role("checkbox", name="User", exact=True).check()
    next_step.click()
    expect(chip).to_have_text(["User"])
    say.only(page, "speech-team", "Speech")
    create.click()
    expect(page.get_by_text(say("The group %s is created", "speech-team"))).to_be_visible()
    items = web_house.caller("root").get("/groups").get_json()["items"]
    assert [(one["name"], one["roles"]) for one in items] == [("speech-team", ["User"])]
