"""File systems that answer, that are not there, and that hang."""

from __future__ import annotations

import os
from threading import Event

from portal.services.cluster.storage import Storage, StorageUsage, StorageWatch, read_usage

PATIENT_S = 60.0


def test_each_file_system_once_and_none_for_a_folder_that_is_not_there(tmp_path):
    (tmp_path / "work").mkdir()
    watch = StorageWatch(wait_s=PATIENT_S)
    found = watch.usage({"root": str(tmp_path), "work": f"{tmp_path}/work", "no": "/no/such"})
    assert [one.path for one in found.found] == [str(tmp_path)]
    assert found.found[0].total >= found.found[0].used > 0
    assert found.silent == []


def test_nobody_waits_for_one_that_hangs_and_its_answer_counts_when_it_comes(tmp_path):
    release, asked = Event(), []

    def read(path: str) -> tuple[int, StorageUsage]:
        asked.append(path)
        release.wait()
        return 1, StorageUsage(path, 1, 2)

    watch = StorageWatch(read, wait_s=0)
    for _ in range(3):
        assert watch.usage({"root": "/hangs"}) == Storage([], ["/hangs"])
    assert asked == ["/hangs"], "one question is out, however many look"
    release.set()
    watch._asked["/hangs"].answered.wait()
    patient = StorageWatch(read, wait_s=PATIENT_S)
    assert patient.usage({"root": "/hangs"}).found == [StorageUsage("/hangs", 1, 2)]


def test_a_file_system_that_fails_is_silent_and_the_others_are_read(tmp_path):
    def read(path: str) -> tuple[int, StorageUsage]:
        if path == "/stale":
            raise OSError(os.strerror(116))
        return read_usage(path)

    found = StorageWatch(read, wait_s=PATIENT_S).usage({"a": "/stale", "b": str(tmp_path)})
    assert [one.path for one in found.found] == [str(tmp_path)]
    assert found.silent == ["/stale"]


def test_amber_and_red():
    assert [StorageUsage("/", used, 100).level for used in (84, 85, 95)] == ["", "warn", "dng"]
