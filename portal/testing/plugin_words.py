"""What the contracts of all kinds of plugins share."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from portal.spi.version import SPI_VERSION

Refused = TypeVar("Refused", bound=Exception)

NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class PluginContract:
    """What every plugin must keep. Subclasses name the plugin and what it is to be given."""

    group: ClassVar[str]
    """The entry-point group (the contract of each kind of plugin sets it)."""
    base: ClassVar[type[Any]]
    """The class that plugins of the group derive from (set there, too)."""
    plugin: ClassVar[type[Any]]
    """The class under test."""
    settings: ClassVar[Mapping[str, Any]] = {}
    """Settings that it works with, as ``plugins.<name>`` in ``portal.yaml`` has them."""
    wrong_settings: ClassVar[Mapping[str, Any]] = {}
    """For each setting a value that must be refused."""

    def made(self) -> Any:
        """The plugin, as the registry makes it."""
        return self.plugin(self.settings)

    def test_it_is_a_whole_plugin(self) -> None:
        """Derived from its base, everything defined, written for this interface."""
        assert issubclass(self.plugin, self.base), f"derive it from {self.base.__name__}"
        missing = sorted(getattr(self.plugin, "__abstractmethods__", ()))
        assert not missing, f"not defined: {', '.join(missing)}"
        stated = getattr(self.plugin, "spi_version", None)
        assert stated == SPI_VERSION, f"spi_version = {stated!r}: expected {SPI_VERSION}"

    def test_its_names(self) -> None:
        """What users write is plain; what tables show is short."""
        assert NAME.fullmatch(self.plugin.name), f"name: {self.plugin.name!r}: a-z, 0-9 and _"
        assert isinstance(self.plugin.title, str), "title: expected a word"
        assert 0 < len(self.plugin.title) <= 24, f"title: {self.plugin.title!r}: 1 to 24 letters"

    def test_it_is_announced(self) -> None:
        """The entry point of the installed package leads to the class, under its name."""
        found = [p for p in entry_points(group=self.group) if p.name == self.plugin.name]
        assert found, (
            f"no entry point {self.plugin.name} in {self.group}:"
            " install the package (pip install -e .), then run the tests again"
        )
        assert len(found) == 1, f"several packages announce {self.plugin.name}"
        assert found[0].load() is self.plugin, f"{found[0].value} is another class"

    def test_it_imports_the_interface_alone(self) -> None:
        """Of the portal's modules only ``portal.spi`` stays as it is between versions."""
        for name in _imports(Path(inspect.getfile(self.plugin))):
            inside = name == "portal" or name.startswith("portal.")
            assert not inside or name.startswith("portal.spi"), f"{name}: import portal.spi only"

    def test_it_works_with_its_settings_and_without_any(self) -> None:
        """A plugin that was just installed has no settings yet."""
        assert self.plugin(self.settings)
        assert self.plugin({})

    def test_wrong_settings_are_named(self) -> None:
        """The administrator reads the text: it must say which setting is meant."""
        for key, value in self.wrong_settings.items():
            error = refusal(ValueError, self.plugin, {**self.settings, key: value})
            assert error, f"{key}: {value!r} was taken; raise ValueError"
            assert key in str(error), f"the error for {key} does not name it: {error}"


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module or ""


def refusal(kind: type[Refused], call: Callable[..., object], *arguments: object) -> Refused | None:
    """The error of that kind with which ``call`` answers, ``None`` when it does not."""
    try:
        call(*arguments)
    except kind as error:
        return error
    return None


def check_environment(found: object, where: str) -> None:
    """Assert that ``found`` can be a process's environment."""
    assert isinstance(found, Mapping), f"{where}: expected a mapping, got {found!r}"
    for name, value in found.items():
        assert isinstance(name, str), f"{where}: {name!r}: names must be text"
        assert VARIABLE.fullmatch(name), f"{where}: {name!r} cannot be a variable's name"
        assert isinstance(value, str), f"{where}: {name}: {value!r} must be text"
        assert "\0" not in value, f"{where}: {name}: holds a NUL"
