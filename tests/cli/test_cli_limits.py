"""Every text and name at its limit in bytes, through the client."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import limit_texts
import pytest
import yaml

if TYPE_CHECKING:
    from conftest import Shell

BASE = ("job", "submit", "--image", "python:3.11", "--vc", "vision")
UNITS = pytest.mark.parametrize("unit", limit_texts.UNITS.values(), ids=limit_texts.UNITS)


def options(asked: dict[str, Any]) -> list[str]:
    words = ["--name", asked["name"], "--mount", f"work={asked['mounts']['work']['sub_path']}"]
    for name, value in asked["env"].items():
        words += ["--env", f"{name}={value}"]
    return [*words, "--", asked["command"]]


def same(made: dict[str, Any], asked: dict[str, Any]) -> None:
    for key in ("name", "command", "env"):
        assert made[key] == asked[key], key
    assert made["mounts"]["work"]["sub_path"] == asked["mounts"]["work"]["sub_path"]


@UNITS
def test_at_the_limit_by_options_and_again_by_the_exported_file(
    shell: Shell, tmp_path: Path, unit: str
) -> None:
    asked: dict[str, Any] = limit_texts.whole(unit)
    made = shell.json(*BASE, *options(asked))
    same(made, asked)
    file = tmp_path / "job.yaml"
    file.write_text(shell.ok("job", "export", made["id"]), encoding="utf-8")
    same(shell.json("job", "submit", "-f", str(file)), asked)


@UNITS
def test_one_over_is_refused_at_its_field(shell: Shell, tmp_path: Path, unit: str) -> None:
    file = tmp_path / "job.yaml"
    for field, wrong in limit_texts.over(unit):
        job = {"name": "x", "image": "python:3", "command": "x", "vc": "vision", **wrong}
        file.write_text(yaml.safe_dump(job, allow_unicode=True), encoding="utf-8")
        refused = shell.run("job", "submit", "-f", str(file))
        assert refused.exit_code == 1
        assert f"{field}: " in refused.stderr
        assert "at most" in refused.stderr
