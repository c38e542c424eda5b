"""From ``aoli plugins new`` to a job that runs on somebody else's plugins (K2)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from portal.cli.main import cli
from portal.testing.running import RunningPortal
from portal.testing.waiting import eventually

pytestmark = pytest.mark.timeout(240)

Run = Callable[..., str]


@pytest.fixture
def run(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Run a module with what was installed below ``tmp_path``; what it printed."""

    config = tmp_path_factory.mktemp("config")

    def call(module: str, *words: object, code: int = 0) -> str:
        done = subprocess.run(
            [sys.executable, "-m", module, *map(str, words)],
            cwd=tmp_path,
            env={
                **{name: value for name, value in os.environ.items() if name[:5] != "AOLI_"},
                "AOLI_DATA_DIR": str(tmp_path / "data"),
                "AOLI_CONFIG_DIR": str(config),
                "PYTHONPATH": str(tmp_path / "site"),
            },
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    return call


def install(run: Run, *folders: Path) -> None:
    """``pip install``, into a folder of its own and without a network."""
    options = ["--quiet", "--no-build-isolation", "--no-deps", "--no-index", "--target", "site"]
    run("pip", "install", *options, "--disable-pip-version-check", *folders)


def statuses(run: Run) -> dict[str, tuple[str, str]]:
    rows = json.loads(run("portal.cli", "plugins", "list", "--json"))
    return {row["name"]: (row["distribution"], row["status"]) for row in rows}


def test_a_new_plugin_installs_keeps_its_contract_and_runs_jobs(run: Run, tmp_path: Path) -> None:
    for kind, name in (("device-type", "acme_npu"), ("job-kind", "again")):
        assert f"pip install -e aoli-plugin-{name.replace('_', '-')}" in run(
            "portal.cli", "plugins", "new", kind, name
        )
    device, again = tmp_path / "aoli-plugin-acme-npu", tmp_path / "aoli-plugin-again"
    broken = tmp_path / "aoli-plugin-broken"
    run("portal.cli", "plugins", "new", "job-kind", "broken")
    (broken / "aoli_plugin_broken" / "__init__.py").write_text("import no_such_library\n")

    install(run, device, again, broken)
    for folder in (device, again):
        said = run("pytest", "-q", "-p", "no:cacheprovider", "--rootdir", folder, folder)
        assert "failed" not in said
        assert "passed" in said
    found = statuses(run)
    assert found["acme_npu"] == ("aoli-plugin-acme-npu", "ok")
    assert found["again"] == ("aoli-plugin-again", "ok")
    assert found["broken"] == ("aoli-plugin-broken", "failed")
    assert found["regular"] == ("aoli", "ok")
    said = run("portal.cli", "plugins", "check", code=1)
    assert "portal.job_kinds broken: cannot be imported" in said
    assert "install what it lacks" in said

    check_in_a_portal(tmp_path)


def check_in_a_portal(tmp_path: Path) -> None:
    settings = {"PYTHONPATH": str(tmp_path / "site"), "AOLI_LOCAL_DEVICES": "acme_npu=2"}
    with RunningPortal(tmp_path, **settings) as portal:
        page = portal.call("GET", "/plugins")
        (left_out,) = [p for p in page["items"] if p["status"] != "ok"]
        assert left_out["name"] == "broken"
        assert "No module named 'no_such_library'" in left_out["reason"]
        job = portal.submit(
            'echo "$ACME_NPU_VISIBLE_DEVICES"',
            kind="again",
            device_type="acme_npu",
            devices=2,
            rounds=3,
        )
        eventually(lambda: portal.call("GET", f"/jobs/{job}")["status"] == "finished", 60)
        (kept,) = [path for path in (tmp_path / "data" / "logs").rglob("*") if path.is_file()]
        assert [line.split()[1] for line in kept.read_text().splitlines()] == ["0,1"] * 3
    assert "plugin broken (portal.job_kinds) is left out: cannot be imported" in portal.said()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("device-type", "Acme-NPU"), "Acme-NPU: a plugin's name has a-z, 0-9 and _"),
        (("job-kind", "regular"), "regular is a plugin of aoli"),
        (("device-type", "twice"), "aoli-plugin-twice exists already"),
    ],
)
def test_what_cannot_be_made_is_one_line(
    run: Run, tmp_path: Path, words: tuple[str, str], said: str
) -> None:
    (tmp_path / "aoli-plugin-twice").mkdir()
    answer = run("portal.cli", "plugins", "new", *words, code=1)
    assert said in answer
    assert answer.startswith("aoli: ")
    assert answer.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["aoli-plugin-twice"]


def test_every_kind_of_plugin_can_be_made() -> None:
    """A new entry-point group is not forgotten here."""
    from portal.cli.new_plugin import KINDS
    from portal.spi.registry import GROUPS

    assert set(KINDS.values()) == set(GROUPS)
    choice = cli.commands["plugins"].commands["new"].params[0].type  # type: ignore[attr-defined]
    assert set(choice.choices) == set(KINDS)
