"""Errors of the file system: what waiting can mend, and what it cannot."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from portal.adapters.local.folders import prepare
from portal.adapters.local.trouble import failure_of
from portal.domain.errors import PermanentFailure, TemporaryFailure
from portal.testing import a_mount

FOR_GOOD = (
    *(errno.ENAMETOOLONG, errno.ELOOP, errno.EINVAL, errno.EILSEQ, errno.ENOTDIR),
    *(errno.EACCES, errno.EPERM),
)
FOR_NOW = (
    *(errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.ESTALE, errno.EROFS, errno.ENOMEM),
    *(errno.EAGAIN, errno.EBUSY, errno.ETIMEDOUT, errno.EMFILE, errno.ENOENT),
)


def meant(number: int, root: Path) -> type[Exception]:
    error = OSError(number, os.strerror(number), "alice")
    failure = failure_of(error, str(root / "work" / "alice"), root)
    assert os.strerror(number) in failure.message
    assert str(root) in failure.message
    return type(failure)


@pytest.mark.parametrize("number", FOR_GOOD, ids=errno.errorcode.get)
def test_what_is_wrong_with_the_path_is_wrong_for_good(tmp_path: Path, number: int) -> None:
    assert meant(number, tmp_path) is PermanentFailure


@pytest.mark.parametrize("number", FOR_NOW, ids=errno.errorcode.get)
def test_what_is_wrong_with_the_machine_passes(tmp_path: Path, number: int) -> None:
    assert meant(number, tmp_path) is TemporaryFailure


def test_a_root_that_is_closed_or_away_is_the_operators_affair(tmp_path: Path) -> None:
    assert meant(errno.EACCES, tmp_path / "not-mounted") is TemporaryFailure


@pytest.mark.parametrize("unit", ["训", "🚀", "x"])
def test_a_name_that_is_too_long_in_bytes_is_refused_for_good(tmp_path: Path, unit: str) -> None:
    longest = unit * (255 // len(unit.encode()))
    assert prepare(a_mount(str(tmp_path / longest)), tmp_path) == tmp_path / longest
    for owner in (None, os.getuid()):
        with pytest.raises(PermanentFailure, match="File name too long"):
            prepare(a_mount(str(tmp_path), sub_path=f"{longest}{unit}/x"), tmp_path, owner)


def test_a_loop_of_links_is_refused_for_good(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(PermanentFailure):
        prepare(a_mount(str(tmp_path), sub_path="a/x"), tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_is_closed_below_the_root_is_refused_for_good(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0o500)
    with pytest.raises(PermanentFailure, match="Permission denied"):
        prepare(a_mount(str(tmp_path), sub_path="closed/x"), tmp_path)
