"""Folders behind mounts never lead out of the storage."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from portal.adapters.local.folders import prepare
from portal.domain.errors import PermanentFailure
from portal.testing import a_mount


@pytest.fixture
def storage(tmp_path: Path) -> Path:
    (tmp_path / "outside").mkdir()
    root = tmp_path / "storage"
    root.mkdir()
    return root


def test_a_missing_folder_is_made(storage: Path) -> None:
    folder = prepare(a_mount(str(storage / "work" / "alice" / "new")), storage)
    assert folder == storage / "work" / "alice" / "new"
    assert folder.is_dir()


def test_links_inside_of_the_storage_are_followed(storage: Path) -> None:
    (storage / "real").mkdir()
    (storage / "link").symlink_to("real")
    assert prepare(a_mount(str(storage / "link" / "x")), storage) == storage / "real" / "x"


def test_the_storage_itself_may_be_a_link(storage: Path, tmp_path: Path) -> None:
    (tmp_path / "other-name").symlink_to(storage)
    mount = a_mount(str(tmp_path / "other-name" / "x"))
    assert prepare(mount, tmp_path / "other-name") == storage / "x"


@pytest.mark.parametrize("target", ["../outside", "/", "../outside/missing", "../storage-2"])
def test_links_out_of_the_storage_are_refused(storage: Path, target: str) -> None:
    (storage / "link").symlink_to(target)
    with pytest.raises(PermanentFailure, match="leads out"):
        prepare(a_mount(str(storage / "link" / "x")), storage)
    assert os.listdir(storage.parent / "outside") == []


def test_a_link_to_itself_is_refused(storage: Path) -> None:
    (storage / "link").symlink_to("link")
    with pytest.raises(PermanentFailure):
        prepare(a_mount(str(storage / "link" / "x")), storage)


def test_a_file_in_the_way_is_refused(storage: Path) -> None:
    (storage / "file").write_text("x")
    with pytest.raises(PermanentFailure, match="not a folder"):
        prepare(a_mount(str(storage / "file" / "x")), storage)


@pytest.mark.parametrize("source", ["relative", "/a/../b"])
def test_odd_paths_are_refused(storage: Path, source: str) -> None:
    with pytest.raises(PermanentFailure, match="absolute"):
        prepare(a_mount(source), storage)


def test_a_missing_folder_that_is_not_to_be_made_is_refused(storage: Path) -> None:
    with pytest.raises(PermanentFailure, match="does not exist"):
        prepare(a_mount(str(storage / "x"), create=False), storage)


def test_folders_of_the_machine_are_used_but_never_made(storage: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    assert prepare(a_mount(str(outside), create=False), storage) == outside
    assert prepare(a_mount(str(outside / "x"), create=False), storage) is None
    with pytest.raises(PermanentFailure, match="outside"):
        prepare(a_mount(str(outside / "x")), storage)


def test_a_sub_path_stays_below_its_own_mount(storage: Path) -> None:
    alice, bob = storage / "work" / "alice", storage / "work" / "bob"
    alice.mkdir(parents=True)
    bob.mkdir()
    (alice / "out").symlink_to(bob)
    mount = a_mount(str(alice), sub_path="new/one")
    assert prepare(mount, storage) == alice / "new" / "one"
    with pytest.raises(PermanentFailure, match="leads out"):
        prepare(a_mount(str(alice), sub_path="out"), storage)
    with pytest.raises(PermanentFailure, match="not a path below"):
        prepare(a_mount(str(alice), sub_path="../bob"), storage)
