"""config/portal.yaml lists every setting, with the default that the code has."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from urllib.parse import quote

import pytest
import yaml
from sqlalchemy import make_url

from portal.domain.job_state import JobState
from portal.domain.resources import Slot
from portal.models.db import open_database
from portal.people.engine import sqlalchemy_url
from portal.services.running.launching import build
from portal.settings import Settings, SettingsError, load_settings, places
from portal.spi.registry import load_registry
from portal.testing import FakeCluster, a_job, a_spec

FILE = Path(__file__).parents[2] / "config" / "portal.yaml"
SETTING = re.compile(r"^# ([a-z_]+): (.*)$", re.MULTILINE)


def listed() -> dict[str, object]:
    found = SETTING.findall(FILE.read_text("utf-8"))
    assert len({name for name, _ in found}) == len(found), "a setting is listed twice"
    return {name: yaml.safe_load(value) for name, value in found}


def test_the_file_as_shipped_changes_nothing() -> None:
    assert yaml.safe_load(FILE.read_text("utf-8")) is None


def test_every_setting_is_listed_and_no_other() -> None:
    assert set(listed()) == set(Settings.model_fields)


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_the_default_is_the_code_s(name: str) -> None:
    defaults = Settings()
    written = Settings.model_validate({name: listed()[name]})
    assert getattr(written, name) == getattr(defaults, name)


def test_a_line_without_its_comment_sign_is_read(tmp_path: Path) -> None:
    text = FILE.read_text("utf-8").replace("# port: 8420", "port: 9000")
    (tmp_path / "portal.yaml").write_text(text, "utf-8")
    assert load_settings({"AOLI_CONFIG_DIR": str(tmp_path)}).port == 9000


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("port: many\n", "port: Input should be a valid integer"),
        ("prot: 80\n", "prot: there is no such setting"),
        ("cluster: mesos\n", "cluster: Input should be 'local' or 'kubernetes'"),
        ("plugins:\n  regular: 3\n", "plugins.regular: Input should be a valid dictionary"),
        ("local_devices: many\n", "local_devices: Value error, expected NAME=COUNT"),
        ("port: 80\n  host: x\n", "not valid YAML in line 2: mapping values are not allowed here"),
        ("a: [1\n", "not valid YAML in line 2: expected ',' or ']'"),
        ("- port\n", "expected settings as 'name: value' lines"),
        ("80: port\n", "expected settings as 'name: value' lines"),
        ("database_url: mysql://x/y\n", "database_url: Value error, expected sqlite:///… or"),
        ("redis_url: localhost\n", "redis_url: Value error, expected redis://…"),
        ("public_url: aoli.example\n", "public_url: Value error, expected http://…"),
        ("host: ''\n", "host: String should have at least 1 character"),
    ],
)
def test_a_mistake_is_one_line_with_file_and_key(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "portal.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(SettingsError) as refused:
        load_settings({"AOLI_CONFIG_DIR": str(tmp_path)})
    assert str(refused.value).startswith(f"{path}: {said}")
    assert "\n" not in str(refused.value)


def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "portal.yaml"
    path.write_bytes(b"port: \xff\n")
    with pytest.raises(SettingsError, match=r"not a text in UTF-8$"):
        load_settings({"AOLI_CONFIG_DIR": str(tmp_path)})
    path.unlink()
    path.mkdir()
    with pytest.raises(SettingsError, match=r"portal.yaml: Is a directory$"):
        load_settings({"AOLI_CONFIG_DIR": str(tmp_path)})


def test_a_variable_is_named_and_so_is_the_file_of_a_secret(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"^AOLI_WEB_THREADS: web_threads: "):
        load_settings({"AOLI_WEB_THREADS": "1"})
    (tmp_path / "port").write_text("none")
    with pytest.raises(SettingsError, match=r"^AOLI_PORT_FILE: port: "):
        load_settings({"AOLI_PORT_FILE": str(tmp_path / "port")})
    with pytest.raises(SettingsError, match=r"^AOLI_SECRET_KEY_FILE: .*: No such file"):
        load_settings({"AOLI_SECRET_KEY_FILE": str(tmp_path / "none")})


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("AOLI_PROT", "AOLI_PROT: there is no such setting; did you mean AOLI_PORT?"),
        (
            "AOLI_WEB_THREADS_FILE_",
            "AOLI_WEB_THREADS_FILE_: there is no such setting; did you mean",
        ),
        ("AOLI_WEBTHREADS_FILE", "AOLI_WEBTHREADS_FILE: there is no such setting; did you mean"),
        ("AOLI_WECHAT_SECRETS", "AOLI_WECHAT_SECRETS: there is no such setting; did you mean"),
        ("aoli_port", "aoli_port: there is no such setting; did you mean AOLI_PORT?"),
        ("AOLI_ZZZZ", "AOLI_ZZZZ: there is no such setting"),
        ("AOLI_TOKEN", "AOLI_TOKEN: there is no such setting"),
    ],
)
def test_a_mistyped_variable_is_refused(name: str, said: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load_settings({name: "1"})
    assert str(refused.value).startswith(said)
    assert "\n" not in str(refused.value)


def test_a_mistyped_name_in_the_file_is_told_the_right_one(tmp_path: Path) -> None:
    (tmp_path / "portal.yaml").write_text("webthreads: 8\n")
    with pytest.raises(SettingsError, match=r"webthreads: there .*; did you mean web_threads\?$"):
        load_settings({"AOLI_CONFIG_DIR": str(tmp_path)})


def test_variables_of_jobs_the_client_and_kubernetes_are_not_ours() -> None:
    others = {
        "AOLI_URL": "http://x",
        "AOLI_API_KEY": "k",
        "AOLI_WEB_SERVICE_HOST": "10.0.0.1",
        "AOLI_WEB_SERVICE_PORT_HTTP": "80",
        "AOLI_WEB_PORT": "tcp://10.0.0.1:80",
        "AOLI_WEB_PORT_80_TCP_ADDR": "10.0.0.1",
        "AOLI_TEST_IMAGE": "x",
    }
    spec = a_spec(kind="distributed", nodes=2)
    slots = (Slot("n1"), Slot("n2"))
    job = a_job(JobState.SCHEDULING, spec=spec, placement=slots, attempt=1)
    replica = build(job, FakeCluster(), load_registry({}), "/dlwsdata", None).replicas[0]
    assert "AOLI_JOB_ID" in replica.env
    assert load_settings({**replica.env, **others}) == load_settings({})


def test_a_value_that_is_given_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("one\n")
    from_file = {"AOLI_SECRET_KEY_FILE": str(tmp_path / "key")}
    with pytest.raises(SettingsError, match=r"AOLI_SECRET_KEY.* are both set, differently"):
        load_settings({**from_file, "AOLI_SECRET_KEY": "two"})
    with pytest.raises(SettingsError, match=r"AOLI_WECHAT_.* are both set, differently"):
        load_settings({"AOLI_WECHAT_SECRET": "one", "AOLI_WECHAT_APP_SECRET": "two"})
    for same in ({}, {"AOLI_SECRET_KEY": ""}, {"AOLI_SECRET_KEY": "one"}):
        assert load_settings({**from_file, **same}).secret_key.get_secret_value() == "one"
        assert load_settings({**same, **from_file}).secret_key.get_secret_value() == "one"


def test_a_folder_that_is_named_in_vain_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"^AOLI_CONFIG_DIR: there is no folder .*/none; make"):
        load_settings({"AOLI_CONFIG_DIR": str(tmp_path / "none")})
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match=r"^AOLI_CONFIG_DIR: .*/file is no folder"):
        load_settings({"AOLI_CONFIG_DIR": str(tmp_path / "file")})
    assert load_settings({"AOLI_CONFIG_DIR": str(tmp_path)}).config_dir == tmp_path


def test_the_working_directory_chooses_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "portal.yaml").write_text("port: 9000\n")
    monkeypatch.chdir(tmp_path)
    settings = load_settings({})
    assert (settings.port, settings.config_dir) == (8420, FILE.parent)
    assert Settings().config_dir == FILE.parent
    (said,) = [record.getMessage() for record in caplog.records]
    assert said.startswith(f"{tmp_path}/config/portal.yaml is not read: ")
    assert f"settings are in {FILE.parent} (AOLI_CONFIG_DIR names" in said
    caplog.clear()
    assert load_settings({"AOLI_CONFIG_DIR": "config"}).port == 9000
    assert not caplog.records


def test_an_installed_portal_has_its_file_in_the_data_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "__file__", str(tmp_path / "site/portal/settings/places.py"))
    assert places.default_config_dir({"AOLI_DATA_DIR": "/srv/aoli"}) == Path("/srv/aoli/config")
    assert places.default_config_dir({}) == Path("~/.aoli/config").expanduser()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("port: 1\nhost: x\nport: 1\n", "not valid YAML in line 3: port is there twice"),
        (
            "plugins:\n  regular:\n    a: 1\n    a: 2\n",
            "not valid YAML in line 4: a is there twice",
        ),
        ("local_devices: {a: 1, a: 1}\n", "not valid YAML in line 1: a is there twice"),
    ],
)
def test_a_key_that_is_there_twice_is_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "portal.yaml").write_text(text)
    with pytest.raises(SettingsError, match=said):
        load_settings({"AOLI_CONFIG_DIR": str(tmp_path)})


def test_plugins_may_come_from_the_environment_and_go_before_the_file(tmp_path: Path) -> None:
    (tmp_path / "portal.yaml").write_text("plugins: {regular: {a: 1, b: 1}, other: {c: 1}}\n")
    place = {"AOLI_CONFIG_DIR": str(tmp_path)}
    found = load_settings({**place, "AOLI_PLUGINS": '{"regular": {"a": 2}}'})
    assert found.plugins == {"regular": {"a": 2, "b": 1}, "other": {"c": 1}}
    with pytest.raises(SettingsError, match=r"^AOLI_PLUGINS: plugins: expected JSON$"):
        load_settings({**place, "AOLI_PLUGINS": "regular"})


def test_devices_of_the_environment_replace_those_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "portal.yaml").write_text("local_devices: {a: 1, b: 1}\n")
    place = {"AOLI_CONFIG_DIR": str(tmp_path)}
    assert load_settings({**place, "AOLI_LOCAL_DEVICES": "c=2"}).local_devices == {"c": 2}


def test_settings_made_in_code_read_no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AOLI_PORT", "9000")
    monkeypatch.setenv("AOLI_port", "9000")
    assert Settings().port == 8420


@pytest.mark.parametrize("password", ["p@ss/w%rd", "a:b?c#d", "50%25off", "+ &=", "纯文本"])
def test_both_libraries_read_one_password(password: str) -> None:
    given = f"postgresql://us%40er:{quote(password, safe='')}@db.example:5433/aoli?sslmode=require"
    url = load_settings({"AOLI_DATABASE_URL": given}).database
    peewee = open_database(url).connect_params
    alchemy = make_url(sqlalchemy_url(url))
    assert (peewee["user"], peewee["password"]) == ("us@er", password)
    assert (alchemy.username, alchemy.password) == ("us@er", password)
    assert (peewee["host"], peewee["port"]) == (alchemy.host, alchemy.port) == ("db.example", 5433)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql:///aoli?host=/var/run/postgresql",
        "postgresql://aoli@[::1]:5432/aoli?application_name=a@b/c",
        "postgresql+psycopg2://aoli@db/aoli",
        "redis://:secret@cache:6379/0",
        "unix:///run/valkey.sock?db=1",
        "rediss://cache",
    ],
)
def test_other_ways_to_write_an_address(url: str) -> None:
    name = "database_url" if url.startswith("postgresql") else "redis_url"
    assert getattr(Settings.model_validate({name: url}), name) == url


def test_an_address_without_a_database_is_one_line() -> None:
    with pytest.raises(SettingsError, match=r"^AOLI_DATABASE_URL: .* name is missing: …HOST/NAME$"):
        load_settings({"AOLI_DATABASE_URL": "postgresql://aoli:secret@db"})


def test_a_driver_that_is_missing_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg2", None)
    with pytest.raises(SettingsError, match=r"not installed: pip install 'aoli\[postgres\]'$"):
        load_settings({"AOLI_DATABASE_URL": "postgresql://aoli@db/aoli"})
    assert load_settings({}).database.startswith("sqlite")
