"""The showcase is the same in every run: what a page shows in one, it shows in the next."""

from __future__ import annotations

from playwright.sync_api import expect
from scenes import DESK, SCENES


def test_nothing_in_it_is_left_to_chance(visitor):
    """Values from another process: the ids of jobs, and the key that the audit log names."""
    assert visitor.showcase.ids["npu_test_8npu"] == "7ceb5fb4-e8ac-4bff-9f55-c5fc20572aeb"
    with visitor.at(SCENES["audit"], DESK) as (page, _):
        print_of_key = "SHA256:mXhe4VT8IZgX1fUCWPH5SZ3xupG1AvwouipH1zOKCA0"
        expect(page.locator("table")).to_contain_text(print_of_key)
