"""config/portal.yaml lists every setting, with the default that the code has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from portal.settings import Settings, SettingsError, load_settings

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
