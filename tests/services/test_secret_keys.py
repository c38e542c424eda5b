"""Secret keys: a newer one beside the old, and machines that have different ones."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from house import BOTH_DATABASES, House, make_house
from pydantic import SecretStr

from portal.models import KeyPrintRow
from portal.models.db import session
from portal.services.records.key_print import compare, fingerprint
from portal.services.records.vault import split_keys
from portal.settings import Settings, SettingsError
from portal.wiring.keys import secret_keys

LOGIN = {"server": "registry.example", "username": "u", "password": "p"}
NEW = "a newer key of tests long enough for HMAC"
NOW = datetime(2026, 11, 23, 6, 32, tzinfo=UTC)


def with_keys(house: House, *keys: str) -> House:
    changed = {"secret_key": SecretStr(",".join(keys))}
    return make_house(house.settings.model_copy(update=changed))


def test_a_waiting_job_starts_after_a_newer_key_came(house: House) -> None:
    job_id = house.submit(registry=LOGIN)
    old = house.settings.secret_key.get_secret_value()
    rotated = with_keys(house, NEW, old)
    second = rotated.submit(registry=LOGIN)
    rotated.queue.enqueue("admit")
    rotated.work()
    assert [launch.registry.password for launch in rotated.cluster.launches] == ["p", "p"]
    assert {rotated.state(job_id), rotated.state(second)} == {"scheduling"}


def test_the_newest_key_seals(house: House) -> None:
    old = house.settings.secret_key.get_secret_value()
    job_id = with_keys(house, NEW, old).submit(registry=LOGIN)
    alone = with_keys(house, NEW)
    alone.queue.enqueue("admit")
    alone.work()
    assert alone.state(job_id) == "scheduling"


@pytest.mark.parametrize("given", ["one,two", "one\ntwo\n", " one , two,", ["one", "two"]])
def test_keys_come_as_a_list_as_lines_or_with_commas(given: object) -> None:
    settings = Settings.model_validate({"secret_key": given})
    assert split_keys(settings.secret_key.get_secret_value()) == ("one", "two")


def test_the_key_of_the_first_start_is_kept_and_may_have_an_older_one_below(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    made = secret_keys(settings)
    assert (len(made), secret_keys(settings)) == (1, made)
    (tmp_path / "secret_key").write_text(f"newer\n{made[0]}\n")
    assert secret_keys(settings) == ("newer", made[0])
    (tmp_path / "secret_key").write_text("\n")
    with pytest.raises(SettingsError, match=r"secret_key: there is no key in it; bring it back"):
        secret_keys(settings)


@BOTH_DATABASES
def test_a_machine_with_another_key_is_told(house: House) -> None:
    with session():
        assert compare(["one"], "a", NOW) == ""
        assert compare(["one"], "b", NOW) == ""
        said = compare(["two"], "b", NOW)
        assert said.startswith(f"the secret key of b ({fingerprint('two')}) is not the portal's")
        assert f"({fingerprint('one')}, left by a at 2026-11-23 06:32 UTC)" in said
        assert compare(["one"], "a", NOW) == "", "who is wrong must not win"


@BOTH_DATABASES
def test_a_newer_key_beside_the_old_is_adopted_and_the_old_alone_is_told(house: House) -> None:
    with session():
        assert compare(["old"], "a", NOW) == ""
        assert compare(["old", "new"], "a", NOW) == ""
        assert compare(["new", "old"], "a", NOW) == ""
        assert KeyPrintRow.select().count() == 1
        assert compare(["new"], "b", NOW) == ""
        assert "is not the portal's" in compare(["old"], "c", NOW)


@BOTH_DATABASES
def test_the_init_step_decides(house: House) -> None:
    with session():
        assert compare(["one"], "a", NOW) == ""
        assert "is not the portal's" in compare(["two"], "a", NOW, adopt=True)
        assert compare(["two"], "b", NOW) == ""
        assert "is not the portal's" in compare(["one"], "a", NOW)


def test_fingerprints_tell_keys_apart_and_not_what_they_are() -> None:
    assert len(fingerprint("one")) == 12
    assert fingerprint("one") != fingerprint("two")
    assert fingerprint("one") == fingerprint("one")
