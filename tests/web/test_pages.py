"""The pages that a list names under itself."""

from __future__ import annotations

import pytest
from web_pages import submit_job

from portal.web.base.pager import NoSuchPage, Pager
from portal.web.base.table_address import TableAddress

ROWS = 15


def pager(here, total, rows=ROWS, more=True):
    return Pager.of(TableAddress("/list", number=here), rows, total, more)


def shown(pages):
    return " ".join(
        f"[{link.number}]" if link and link.current else str(link.number) if link else "…"
        for link in pages.links
    )


@pytest.mark.parametrize(
    ("here", "last", "seen"),
    [
        (1, 1, "[1]"),
        (1, 4, "[1] 2 3 4"),
        (3, 7, "1 2 [3] 4 5 6 7"),
        (1, 40, "[1] 2 3 4 5 … 40"),
        (4, 8, "1 2 3 [4] 5 … 8"),
        (5, 8, "1 … 4 [5] 6 7 8"),
        (5, 9, "1 … 4 [5] 6 … 9"),
        (6, 40, "1 … 5 [6] 7 … 40"),
        (40, 40, "1 … 36 37 38 39 [40]"),
    ],
)
def test_many_pages_are_shortened_around_the_one_shown(here, last, seen):
    assert shown(pager(here, last * ROWS)) == seen


@pytest.mark.parametrize(
    ("here", "more", "seen"),
    [
        (1, True, "[1] 2 …"),
        (4, True, "1 2 3 [4] 5 …"),
        (700, True, "1 … 699 [700] 701 …"),
        (700, False, "1 … 699 [700]"),
    ],
)
def test_where_nobody_counted_only_the_next_page_is_known(here, more, seen):
    assert shown(pager(here, None, more=more)) == seen


def test_the_first_page_has_no_number_in_its_address():
    links = [link.url for link in pager(2, 3 * ROWS).links]
    assert links == ["/list", "/list?page=2", "/list?page=3"]


@pytest.mark.parametrize(("total", "url"), [(31, "/list?page=3"), (0, "/list"), (None, "/list")])
def test_behind_the_end_is_the_last_page(total, url):
    with pytest.raises(NoSuchPage) as caught:
        pager(9, total, rows=0, more=False)
    assert caught.value.url == url
    assert shown(pager(1, 0, rows=0, more=False)) == "[1]"


def test_a_list_that_became_shorter_leads_to_its_last_page(at_alices, web_house):
    for _ in range(ROWS + 1):
        submit_job(web_house.house)
    answer = at_alices.get("/jobs/?page=3&sort=name")
    assert (answer.status_code, answer.location) == (302, "/jobs/?sort=name&page=2")
    page = at_alices.page(answer.location)
    assert 'aria-label="Page 2" aria-current="page">2</a>' in page


@pytest.mark.parametrize("path", ["users/", "groups/", "roles/", "audit/"])
def test_so_do_the_lists_of_people(path, browse):
    answer = browse("root").get(f"/dashboard/{path}?page=99")
    assert (answer.status_code, answer.location) == (302, f"/dashboard/{path}")
