"""Paths below the storage root; none leads out of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.job import AttemptRef
from portal.domain.storage_path import MAX_SUB_PATH, check_sub_path, join, log_path, roots

ROOT = "/dlwsdata/work/alice"


def test_the_roots_of_the_manual() -> None:
    submitted = datetime(2026, 3, 4, 23, 59, tzinfo=UTC)
    assert roots("/dlwsdata", "alice", "j1", submitted) == {
        "work": "/dlwsdata/work/alice",
        "data": "/dlwsdata/storage",
        "job": "/dlwsdata/jobs/260304/j1",
    }


def test_the_date_is_that_of_utc() -> None:
    morning_in_beijing = datetime(2026, 3, 5, 7, tzinfo=timezone(timedelta(hours=8)))
    assert roots("/s", "alice", "j1", morning_in_beijing)["job"] == "/s/jobs/260304/j1"


@pytest.mark.parametrize("storage", ["/dlwsdata/", "/dlwsdata"])
def test_a_slash_at_the_end_of_the_root_does_not_matter(storage: str) -> None:
    submitted = datetime(2026, 3, 4, tzinfo=UTC)
    assert roots(storage, "alice", "j1", submitted)["data"] == "/dlwsdata/storage"


@pytest.mark.parametrize(
    "good", ["", "test", "a/b/c", "a//b", "a/", ".hidden", "..x", "数据", "a b"]
)
def test_legal(good: str) -> None:
    assert check_sub_path(good) is None
    assert PurePosixPath(join(ROOT, good)).is_relative_to(ROOT)


@pytest.mark.parametrize(
    ("bad", "word"),
    [
        ("/etc", "relative"),
        ("//etc", "relative"),
        ("..", "Must not contain"),
        ("../bob", "Must not contain"),
        ("a/../../bob", "Must not contain"),
        ("a/..", "Must not contain"),
        (".", "Must not contain"),
        ("a/./b", "Must not contain"),
        ("a\\b", "character"),
        ("a\x00b", "character"),
        ("a\nb", "character"),
        ("a:b", "character"),
        ("a*", "character"),
        ("x" * (MAX_SUB_PATH + 1), "at most 255"),
    ],
)
def test_illegal(bad: str, word: str) -> None:
    error = check_sub_path(bad)
    assert error is not None
    assert word in str(error)
    with pytest.raises(ValueError, match=word):
        join(ROOT, bad)


def test_the_longest_legal_one() -> None:
    assert check_sub_path("x" * MAX_SUB_PATH) is None


@given(st.text(alphabet="ab./\\~$ \x00\n", max_size=30))
def test_whatever_is_allowed_stays_below_its_root(sub_path: str) -> None:
    if check_sub_path(sub_path) is None:
        path = PurePosixPath(join(ROOT, sub_path))
        assert path.is_relative_to(ROOT)
        assert ".." not in path.parts


def test_without_a_sub_path_the_root_itself() -> None:
    assert join(ROOT, "") == ROOT


def test_a_log_of_each_attempt_and_replica() -> None:
    assert log_path("/logs", AttemptRef("abc", 2), "worker-0") == "/logs/ab/abc/2-worker-0.log"
