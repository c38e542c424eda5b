"""English and 中文: which one is spoken, and that nothing is left untranslated."""

from __future__ import annotations

import re

import pytest
from babel.messages.mofile import read_mo
from web_pages import run_job, submit_job

from portal.domain.job_state import JobState
from portal.web import catalogue
from portal.web.jobs.words import status_word


def pairs(messages):
    """What is translated, and to what; what is missing is another test's business."""
    found = [(m.id, m.string) for m in messages if m.id and m.string and all(m.string)]
    return {(str(list(text)), str(list(translation))) for text, translation in found}


@pytest.mark.parametrize("language", catalogue.LANGUAGES)
def test_every_text_is_translated(language):
    assert catalogue.problems(language) == []


@pytest.mark.parametrize("language", catalogue.LANGUAGES)
def test_what_the_portal_reads_is_made_from_what_is_edited(language):
    with catalogue.po_path(language).with_suffix(".mo").open("rb") as file:
        compiled = pairs(read_mo(file))
    edited = pairs(catalogue.load(language))
    assert edited <= compiled, "run: python -m portal.web.catalogue compile"


@pytest.mark.parametrize(
    ("headers", "cookie", "spoken"),
    [
        ({}, "", "en"),
        ({"Accept-Language": "zh-CN,zh;q=0.9,en;q=0.8"}, "", "zh-Hans"),
        ({"Accept-Language": "fr, en-GB;q=0.7, zh;q=0.3"}, "", "en"),
        ({"Accept-Language": "de"}, "", "en"),
        ({"Accept-Language": "zh-TW"}, "en", "en"),
        ({"Accept-Language": "en"}, "zh", "zh-Hans"),
        ({"Accept-Language": "en"}, "xx", "en"),
    ],
)
def test_the_cookie_comes_first_then_the_browsers_wish(browse, headers, cookie, spoken):
    browser = browse()
    if cookie:
        browser.client.set_cookie("language", cookie)
    assert f'<html lang="{spoken}"' in browser.page("/login/", headers=headers)


def test_choosing_a_language_keeps_it_and_comes_back(browse):
    browser = browse("alice")
    answer = browser.post("/preferences/language", {"language": "zh", "next": "/jobs/?q=a"})
    assert (answer.status_code, answer.location) == (303, "/jobs/?q=a")
    assert "首页" in browser.page("/")


@pytest.mark.parametrize("fields", [{"language": "xx"}, {}])
def test_a_language_that_is_none_is_refused(browse, fields):
    assert browse().post("/preferences/language", fields).status_code == 400


def test_the_theme_is_right_in_the_first_answer(browse):
    browser = browse("alice")
    assert 'data-choice="system"' in browser.page("/")
    browser.post("/preferences/theme", {"theme": "dark"})
    assert 'data-choice="dark" data-theme="dark"' in browser.page("/")


ENGLISH = re.compile(r">([^<>]*[A-Za-z]{3,}[^<>]*)<")
NAMES = re.compile(
    r"^(Aoli|EN|SSH|Jupyter|TensorBoard|CLI|YAML|K8s|Esc|Enter|Id|CPU|GPU|NPU|cpu|lab|main"
    r"|platform|vision|alice|alice、role of alice"
    r"|role of \w+|python:3\.11|echo hello|train.*|huawei_npu_arm64"
    r"|sleep infinity|aoli job submit -f"
    r"|nvidia_gpu_amd64|node-\d|worker-\d|[\w./{}-]*/[\w./<>{}&;-]*|[0-9a-f-]{8,36}|[A-Z]{2,}=?.*)$"
)


@pytest.mark.parametrize("path", ["/", "/submit/", "/jobs/", "JOB", "JOB/console", "/nothing"])
def test_a_page_in_chinese_has_no_english_left(at_alices, web_house, path):
    job_id = run_job(web_house.house, device_type="nvidia_gpu_amd64", devices=2)
    at_alices.client.set_cookie("language", "zh")
    page = at_alices.get(path.replace("JOB", f"/jobs/{job_id}")).text
    body = re.sub(r"<(script|style|pre|textarea)\b.*?</\1>", "", page, flags=re.DOTALL)
    left = {text.strip() for text in ENGLISH.findall(body)}
    left = {text for text in left if not re.search(r"[一-鿿]", text) and not NAMES.match(text)}
    assert left == set()


def test_reasons_and_errors_are_translated(at_alices, web_house):
    run_job(web_house.house, device_type="huawei_npu_arm64", devices=8)
    job_id = submit_job(web_house.house, device_type="huawei_npu_arm64", devices=8)
    web_house.house.work()
    at_alices.client.set_cookie("language", "zh")
    page = at_alices.page(f"/jobs/{job_id}")
    assert "虚拟集群的配额已被占用" in page
    assert "队列第 1 位" in page


def test_every_state_has_a_word(web_house):
    with web_house.app.test_request_context(headers={"Accept-Language": "zh"}):
        for state in JobState:
            assert status_word(state.value) != state.value
