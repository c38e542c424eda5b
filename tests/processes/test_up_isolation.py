"""``aoli up`` says at its start when jobs run as its own user; who may sign up by default."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from portal.settings import Settings, load_settings
from portal.testing.running import RunningPortal
from portal.wiring.cluster import private_paths

WARNING = "jobs run as the portal's own user"
root_only = pytest.mark.skipif(os.getuid() != 0, reason="needs root")


@root_only
@pytest.mark.parametrize(("base", "warned"), [("0", True), ("1900000000", False)])
def test_the_start_says_when_jobs_reach_the_portal(tmp_path: Path, base: str, warned: bool) -> None:
    running = RunningPortal(tmp_path, AOLI_LOCAL_UID_BASE=base)
    running.start()
    said = running.said()
    assert running.stop() == 0
    assert (f"  warning   {WARNING}" in said) is warned


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, True),
        ({"host": "localhost"}, True),
        ({"host": "::1"}, True),
        ({"host": "0.0.0.0"}, False),
        ({"host": "::"}, False),
        ({"host": "portal.example.org"}, False),
        ({"host": "0.0.0.0", "sign_up": True}, True),
        ({"sign_up": False}, False),
        ({"host": "0.0.0.0", "cluster": "kubernetes"}, True),
    ],
)
def test_sign_up_is_off_beyond_this_machine(values: dict[str, object], expected: bool) -> None:
    assert Settings.model_validate(values).may_sign_up is expected


def test_sign_up_is_set_by_the_environment(tmp_path: Path) -> None:
    place = {"AOLI_CONFIG_DIR": str(tmp_path), "AOLI_HOST": "0.0.0.0"}
    assert not load_settings(place).may_sign_up
    assert load_settings({**place, "AOLI_SIGN_UP": "true"}).may_sign_up


def test_whatever_holds_a_secret_is_private(tmp_path: Path) -> None:
    settings = Settings.model_validate(
        {
            "config_dir": tmp_path / "config",
            "database_url": f"sqlite:///{tmp_path}/else/aoli.db",
            "redis_url": f"unix://{tmp_path}/redis.sock?db=0",
            "kubeconfig": str(tmp_path / "kube"),
        }
    )
    tmp_path.chmod(0o755)
    found = private_paths(settings, {"AOLI_SECRET_KEY_FILE": "/run/key", "HOME": "/x"})
    names = ("config/portal.yaml", "kube", "else/aoli.db", "else/aoli.db-wal", "redis.sock")
    assert {tmp_path / name for name in names} | {Path("/run/key")} <= set(found)
    tmp_path.chmod(0o700)
    assert tmp_path in private_paths(settings, {})
