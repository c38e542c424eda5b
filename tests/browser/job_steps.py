"""What the stories of jobs do again and again."""

from __future__ import annotations

import re

from house import PASSWORD, House
from playwright.sync_api import Locator, Page, expect
from speech import Say


def fill_in(page: Page, say: Say, name: str, command: str = "python train.py") -> None:
    """What a job cannot do without."""
    field(page, say("Job name")).fill(name)
    page.get_by_role("combobox", name=say("Docker image"), exact=True).fill("mindspore:1.10")
    field(page, say("Command")).fill(command)


def field(page: Page, name: str) -> Locator:
    """The field of this name and no longer one: its star is not part of it."""
    return page.get_by_role("textbox", name=name, exact=True)


def send(page: Page, say: Say) -> str:
    """Submit what is in the form; return the job's id."""
    page.get_by_role("button", name=say("Submit job")).click()
    page.wait_for_url(re.compile(r"/jobs/[0-9a-f-]{36}$"))
    return page.url.rpartition("/")[2]


def start(house: House, job_id: str) -> str:
    """Bring a job that waits to running."""
    house.work()
    house.cluster.run(house.ref(job_id))
    house.look()
    return job_id


def given(house: House, *names: str, who: str = "alice") -> list[str]:
    """Jobs in ``platform``, one a second; their ids."""
    ids = []
    for name in names:
        house.advance(1)
        ids.append(house.submit(who, name=name, vc="platform"))
    return ids


def sign_in_again(page: Page, say: Say, name: str = "alice") -> None:
    """The session has ended; the page of signing in has said so."""
    expect(page.get_by_text(say("You were signed out"))).to_be_visible()
    field(page, say("Account")).fill(name)
    field(page, say("Password")).fill(PASSWORD)
    page.get_by_role("button", name=say("Sign in"), exact=True).click()
