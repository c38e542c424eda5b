"""``docs/plugins.md`` says what is so: its tables and its code are held against the portal."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from portal.settings import Settings
from portal.spi import DeviceType, JobKind
from portal.spi.registry import GROUPS, load_registry
from portal.testing.device_type_contract import DeviceTypeContract
from portal.testing.job_kind_contract import JobKindContract
from portal.testing.plugin_words import PluginContract

GUIDE = (Path(__file__).parents[2] / "docs" / "plugins.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)


def section(title: str) -> str:
    return GUIDE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def table(text: str) -> list[list[str]]:
    """The rows of the first table, without its head."""
    rows = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows[2:]]


def public(thing: type) -> set[str]:
    names = {*vars(thing), *inspect.get_annotations(thing)}
    return {name for name in names if not name.startswith("_")}


@pytest.mark.parametrize(
    ("title", "base"), [("A device type", DeviceType), ("A job kind", JobKind)]
)
def test_the_tables_name_every_member_and_no_other(title: str, base: type[Any]) -> None:
    rows = {row[0].strip("`"): row[2] for row in table(section(title))}
    assert {name.partition("(")[0] for name in rows} == public(base) | {"settings"}
    for name, kept in rows.items():
        member = getattr(base, name.partition("(")[0], None)
        if "(" in name:
            assert member
            told = name.partition("(")[2].rstrip(")").split(", ")
            parameters = list(inspect.signature(member).parameters)[1:]
            assert [word for word in told if word] == parameters, name
        required = name in ("name", "title", "spi_version") or getattr(
            member, "__isabstractmethod__", False
        )
        assert (kept == "required") == required, name


def test_the_groups_and_what_is_built_in() -> None:
    rows = {row[0].strip("`"): row for row in table(GUIDE.partition("\n## ")[0])}
    assert set(rows) == set(GROUPS)
    for group, (_, base, names) in rows.items():
        assert base.strip("`") == f"portal.spi.{GROUPS[group].__name__}"
        own = {p.name for p in load_registry({}).plugins if p.group == group}
        assert set(re.findall(r"`(\w+)`", names)) == own


def test_the_attributes_of_the_contracts() -> None:
    rows = {row[0].strip("`"): row[1] for row in table(section("Its tests"))}
    owners = {
        "both": PluginContract,
        "`DeviceTypeContract`": DeviceTypeContract,
        "`JobKindContract`": JobKindContract,
    }
    told = {(name, owners[owner]) for name, owner in rows.items()}
    given = {
        (name, owner)
        for owner in owners.values()
        for name in inspect.get_annotations(owner)
        if name not in ("group", "base")
    }
    assert told == given


def test_the_code_runs_and_keeps_the_contracts() -> None:
    made: dict[str, Any] = {}
    for language, text in BLOCKS:
        if language == "python":
            exec(compile(text, "docs/plugins.md", "exec"), made)
    for name, contract in (("AcmeNpu", DeviceTypeContract), ("Probe", JobKindContract)):
        kept = type(f"Test{name}", (contract,), {"plugin": made[name], "good": {"devices": 0}})()
        for test in (member for member in dir(kept) if member.startswith("test_")):
            # It is no installed file, and a job of its kind never has devices.
            if test not in (
                "test_it_is_announced",
                "test_it_imports_the_interface_alone",
                "test_more_devices_than_the_quota_are_refused",
            ):
                getattr(kept, test)()
    shown = made["TestDistributed"]()
    shown.test_wrong_submissions_are_refused_at_their_field()


def test_the_settings_are_taken() -> None:
    (text,) = [text for language, text in BLOCKS if language == "yaml"]
    settings = Settings.model_validate(yaml.safe_load(text))
    statuses = load_registry(settings.plugins).plugins
    assert {plugin.status for plugin in statuses} == {"ok"}
    assert load_registry(settings.plugins).device_types["nvidia_gpu_amd64"].shape.per_node == 16
