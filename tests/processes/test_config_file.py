"""config/portal.yaml lists every setting, with the default that the code has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from portal.settings import Settings, load_settings

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
