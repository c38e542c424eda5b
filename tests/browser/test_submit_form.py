"""The submit form in a browser: errors, draft, dependent fields, the side panel, templates."""

from __future__ import annotations

from house import GPU, NPU
from job_steps import field, send, sign_in_again
from playwright.sync_api import expect


def test_errors_are_shown_at_the_fields_and_nothing_is_lost(alice, say):
    page = alice
    page.goto("/submit/")
    field(page, say("Interactive ports")).fill("39000")
    page.locator("#advanced summary").click()
    page.locator("[name='registry.enabled']").check()
    page.locator("[name='registry.password']").fill("s3cret!")
    page.get_by_role("button", name=say("Submit job")).click()
    summary = page.locator("#form-errors")
    expect(summary).to_be_focused()
    expect(summary).to_contain_text(say("6 fields need a correction:"))
    say.only(page)
    expect(summary).to_contain_text(say("Job name, Docker image, Command"))
    expect(page.locator("[data-field=interactive_ports] .err")).to_have_text(
        say("%s is not from %s to %s", 39000, 40000, 49999)
    )
    expect(field(page, say("Job name"))).to_have_attribute("aria-invalid", "true")
    expect(page.locator("[name='registry.password']")).to_have_value("s3cret!")
    summary.get_by_role("link", name=say("Job name")).click()
    expect(field(page, say("Job name"))).to_be_focused()
    field(page, say("Job name")).fill("named")
    expect(page.locator("[data-field=name] .err")).to_have_count(0)


def test_a_field_complains_only_after_it_was_left(signed_in):
    page = signed_in
    page.goto("/submit/")
    missing = "Still to fill in: Job name, Docker image, Command."
    expect(page.locator("#panel")).to_contain_text(missing)
    expect(page.locator(".err")).to_have_count(0)
    ports = page.get_by_label("Interactive ports")
    ports.fill("1")
    page.get_by_label("Docker image").focus()
    expect(page.locator("[data-field=interactive_ports] .err")).to_have_count(1)
    expect(page.locator("[data-field=name] .err")).to_have_count(0)


def test_the_count_follows_the_device_type_and_the_kind(signed_in):
    page = signed_in
    page.goto("/submit/")
    page.locator(f"input[name=device_type][value='{NPU}']").check()
    expect(page.locator("#device-count .seg label")).to_have_text(["0", "1", "2", "4", "8"])
    page.locator(f"input[name=device_type][value='{GPU}']").check()
    expect(page.locator("#device-count input[type=number]")).to_have_attribute("max", "4")
    page.locator("label", has_text="Distributed").click()
    page.locator("#f-nodes").fill("3")
    page.locator("#f-devices").fill("2")
    expect(page.locator("#total-devices")).to_have_text("Total: 3 × 2 = 6 devices")
    page.locator("input[name=device_type][value='']").check()
    expect(page.locator("#device-count")).to_be_hidden()


def test_the_panel_follows_what_is_typed(signed_in):
    page = signed_in
    page.goto("/submit/")
    page.get_by_label("Job name").fill("quick")
    page.get_by_label("Docker image").fill("img:1")
    page.locator("#f-command").fill("echo 1\necho 2")
    expect(page.locator("#panel")).to_contain_text("Would start now")
    expect(page.locator("#text-cli")).to_contain_text("--name quick")
    page.get_by_role("tab", name="YAML").click()
    expect(page.locator("#text-yaml")).to_contain_text("command: |")
    expect(page.locator("#command-lines")).to_have_text("1\n2\n3\n4", use_inner_text=True)


def test_a_draft_survives_reloads_but_no_secret_does(signed_in):
    page = signed_in
    page.goto("/submit/")
    page.get_by_label("Job name").fill("drafted")
    page.locator(f"input[name=device_type][value='{NPU}']").check()
    page.locator(".seg input[name=devices][value='4']").check(force=True)
    page.locator("#advanced summary").click()
    page.locator("[name='registry.enabled']").check()
    page.locator("[name='registry.server']").fill("r.example")
    page.locator("[name='registry.password']").fill("s3cret!")
    page.locator("#env-add").click()
    page.locator("[name='env.name']").fill("LR")
    page.locator("[name='env.value']").fill("0.1")
    page.locator("[name='mounts.data.enabled']").uncheck()
    page.reload()
    expect(page.locator("#draft-note")).to_be_visible()
    expect(page.get_by_label("Job name")).to_have_value("drafted")
    expect(page.locator(".seg input[name=devices][value='4']")).to_be_checked()
    expect(page.locator("[name='registry.server']")).to_have_value("r.example")
    expect(page.locator("[name='registry.password']")).to_have_value("")
    expect(page.locator("[name='env.name']")).to_have_value("LR")
    expect(page.locator("[name='mounts.data.enabled']")).not_to_be_checked()
    assert "s3cret!" not in page.evaluate("JSON.stringify(localStorage)")
    page.get_by_role("button", name="Start with an empty form").click()
    expect(page.get_by_label("Job name")).to_have_value("")


def asks_with(answer, command):
    """Whether it answers a preview of the form with this command."""
    asked = answer.request.post_data or ""
    return answer.url.endswith("/submit/preview") and command in asked


def test_a_session_that_ends_in_between_loses_nothing_of_a_clone(alice, site, say, end_session):
    page = alice
    job_id = site.house.submit("alice", name="first", vc="platform", env={"LR": "0.1"})
    page.goto(f"/jobs/{job_id}")
    page.get_by_role("link", name=say("Clone")).click()
    field(page, say("Job name")).fill("second")
    more = "python train.py --more"
    with page.expect_response(lambda answer: asks_with(answer, more)):  # none is under way then
        page.locator("#f-command").fill(more)
    end_session()
    page.locator("#submit-job").click()
    sign_in_again(page, say)
    page.wait_for_url(f"**/submit/?clone={job_id}")
    expect(field(page, say("Job name"))).to_have_value("second")
    expect(page.locator("#f-command")).to_have_value(more)
    expect(page.locator("[name='env.name']")).to_have_value("LR")
    send(page, say)
    expect(page.get_by_role("heading", name="second")).to_be_visible()


def test_a_draft_holds_no_secret_and_says_so(signed_in):
    page = signed_in
    page.goto("/submit/")
    page.locator("#advanced summary").click()
    page.locator("#env-add").click()
    page.locator("[name='env.name']").fill("MINE")
    page.locator("[name='env.value']").fill("s3cret")
    page.locator("[data-secret-row]").click()
    expect(page.locator("[name='env.value']")).to_have_attribute("type", "password")
    page.reload()
    expect(page.locator("[name='env.name']")).to_have_value("MINE")
    expect(page.locator("[name='env.value']")).to_have_value("")
    expect(page.locator(".envrow .wrn")).to_contain_text("not kept")
    expect(page.locator("[name='env.secret']")).to_have_value("true")
    assert "s3cret" not in page.evaluate("JSON.stringify({...localStorage, ...sessionStorage})")


def test_the_language_keeps_what_was_typed(signed_in):
    page = signed_in
    page.goto("/submit/")
    page.get_by_label("Job name").fill("kept")
    page.locator(".topbar").get_by_role("button", name="中文").click()
    expect(page.get_by_role("heading", name="提交训练作业")).to_be_visible()
    expect(page.get_by_label("作业名称")).to_have_value("kept")
    page.locator(".topbar").get_by_role("button", name="EN").click()
    expect(page.get_by_role("heading", name="Submit training job")).to_be_visible()
    expect(page.get_by_label("Job name")).to_have_value("kept")


def test_after_submitting_the_form_is_empty_again(signed_in):
    page = signed_in
    page.goto("/submit/")
    page.get_by_label("Job name").fill("once")
    page.get_by_label("Docker image").fill("img:1")
    page.locator("#f-command").fill("true")
    page.locator("#submit-job").click()
    page.wait_for_url("**/jobs/*-*")
    page.goto("/submit/")
    expect(page.get_by_label("Job name")).to_have_value("")
    expect(page.locator("#draft-note")).to_be_hidden()


def test_variables_can_be_pasted(signed_in):
    page = signed_in
    page.goto("/submit/")
    page.locator("#advanced summary").click()
    page.locator("#env-add").click()
    page.locator("[name='env.name']").evaluate(
        """field => { const data = new DataTransfer();
        data.setData('text', 'A=1\\n# note\\nexport B="two words"\\n');
        field.dispatchEvent(new ClipboardEvent(
            'paste', {clipboardData: data, bubbles: true, cancelable: true})); }"""
    )
    names = page.locator("[name='env.name']")
    expect(names).to_have_count(2)
    expect(names.nth(1)).to_have_value("B")
    expect(page.locator("[name='env.value']").nth(1)).to_have_value("two words")


def test_a_template_is_saved_used_and_deleted(alice, say):
    page = alice
    page.goto("/submit/")
    field(page, say("Job name")).fill("from template")
    page.get_by_role("button", name=say("Save as template")).click()
    dialog = page.locator("#template-dialog")
    dialog.get_by_role("textbox", name=say("Template name"), exact=True).fill("mine")
    dialog.get_by_role("button", name=say("Save template")).click()
    expect(page.locator(".toast")).to_contain_text(say("Template %s is saved", "mine"))
    page.get_by_role("button", name=say("Save as template")).click()
    dialog.get_by_role("textbox", name=say("Template name"), exact=True).fill("mine")
    expect(dialog.get_by_role("button", name=say("Replace template"))).to_be_visible()
    say.only(page, "mine", "from template")
    page.keyboard.press("Escape")
    page.reload()
    page.get_by_label(say("Template"), exact=True).select_option(label=say("%s (personal)", "mine"))
    page.wait_for_url("**/submit/?template=mine*")
    expect(field(page, say("Job name"))).to_have_value("from template")
    page.get_by_role("button", name=say("Delete a template")).click()
    page.locator("#delete-dialog summary").click()
    expect(page.locator("#delete-dialog")).to_contain_text(say("It cannot be undone."))
    page.get_by_role("button", name=say("Delete %s", "mine")).click()
    expect(page.locator(".toast")).to_contain_text(say("Template %s is deleted", "mine"))
    expect(page.get_by_label(say("Template"), exact=True)).to_have_count(0)


def test_a_dot_env_is_pasted_whole(signed_in):
    page = signed_in
    page.goto("/submit/")
    page.locator("#advanced summary").click()
    page.locator("#env-add").click()
    page.locator("[name='env.name']").fill("EPOCHS")
    page.locator("[name='env.value']").fill("1")
    page.locator("[data-open-dialog=env-dialog]").click()
    page.locator("#env-text").fill("# tuning\nexport LR=0.1\nEPOCHS='90'\n\nnonsense\n")
    page.locator("#env-form .pri").click()
    expect(page.locator("#env-dialog")).to_be_hidden()
    names = page.locator("[name='env.name']")
    expect(names).to_have_count(2)
    expect(names.nth(1)).to_have_value("LR")
    expect(page.locator("[name='env.value']").nth(0)).to_have_value("90")
    expect(page.locator("[name='env.value']").nth(1)).to_have_value("0.1")
    expect(page.locator("#env-text")).to_have_value("")


def test_the_panel_tells_when_it_would_start_before_all_is_filled_in(signed_in):
    page = signed_in
    page.goto("/submit/")
    page.locator(f"input[name=device_type][value='{NPU}']").check()
    panel = page.locator("#panel")
    expect(panel).to_contain_text("Would start now")
    expect(panel).to_contain_text("Still to fill in: Job name, Docker image, Command.")
    expect(panel.locator(".dv.plan")).to_have_count(1)
    expect(panel.locator(".code")).to_have_count(0)


def test_ports_are_chips_one_can_remove(signed_in):
    page = signed_in
    page.goto("/submit/")
    ports = page.get_by_label("Interactive ports")
    ports.press_sequentially("40080,42000 39000")
    ports.press("Enter")
    chips = page.locator("[data-field=interactive_ports] .chip")
    expect(chips).to_have_count(3)
    expect(page.locator(".chip.bad")).to_contain_text("39000")
    kept = page.locator("[name=interactive_ports]")
    expect(kept).to_have_value("40080, 42000, 39000")
    page.get_by_role("button", name="Remove port 39000").click()
    expect(kept).to_have_value("40080, 42000")
    ports.press("Backspace")
    expect(kept).to_have_value("40080")
    ports.fill("40081")
    page.reload()
    expect(chips).to_have_text(["40080×", "40081×"])
    expect(ports).to_have_value("")


def test_nothing_moves_while_something_is_pressed(signed_in):
    page = signed_in
    page.goto("/submit/")
    panel = page.locator("#panel")
    expect(panel).to_contain_text("Still to fill in: Job name, Docker image, Command.")
    page.get_by_label("Job name").fill("pressed")
    with page.expect_response("**/submit/preview"):
        page.locator("#save-template").hover()
        page.mouse.down()  # the field is left: its preview is asked for, and comes
    expect(page.locator("#panel.stale")).to_have_count(0)
    expect(panel).to_contain_text("Still to fill in: Job name, Docker image, Command.")
    page.mouse.up()
    expect(page.locator("#template-dialog")).to_be_visible()
    expect(panel).to_contain_text("Still to fill in: Docker image, Command.")
