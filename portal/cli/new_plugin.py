"""``aoli plugins new``: a package that installs, keeps its contract, and waits to be filled."""

from __future__ import annotations

import re
from pathlib import Path
from string import Template

from portal.spi.registry import GROUPS

SKELETONS = Path(__file__).parent / "skeletons"
NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
KINDS = {"device-type": "portal.device_types", "job-kind": "portal.job_kinds"}
"""What can be made, and the entry-point group it belongs to."""
SETTINGS = {"device-type": "devices_per_node: 8", "job-kind": "# this kind has no settings"}
assert set(KINDS.values()) <= set(GROUPS)


class Refused(Exception):
    """Why nothing was made, in one line."""


def write(kind: str, name: str, parent: Path) -> Path:
    """Make the folder ``aoli-plugin-NAME`` below ``parent``; the folder.

    Raises :class:`Refused`. Whole or not at all: an existing folder is left alone.
    """
    if not NAME.fullmatch(name):
        raise Refused(f"{name}: a plugin's name has a-z, 0-9 and _, at most 40, a letter first")
    words = _words(kind, name)
    folder = parent / words["package"]
    if folder.exists():
        raise Refused(f"{folder} exists already")
    files = {
        "pyproject.toml": "both/pyproject.toml.in",
        "README.md": "both/README.md.in",
        f"{words['module']}/__init__.py": f"{kind}/plugin.py.in",
        f"tests/test_{name}.py": f"{kind}/test.py.in",
    }
    try:
        for target, source in files.items():
            path = folder / target
            path.parent.mkdir(parents=True, exist_ok=True)
            text = Template((SKELETONS / source).read_text("utf-8")).substitute(words)
            path.write_text(text, "utf-8")
    except OSError as error:
        raise Refused(f"{error.filename}: {error.strerror}") from error
    return folder


def _words(kind: str, name: str) -> dict[str, str]:
    """What the skeletons are filled with."""
    parts = [part for part in name.split("_") if part]
    return {
        "name": name,
        "words": kind.replace("-", " "),
        "group": KINDS[kind],
        "package": f"aoli-plugin-{'-'.join(parts)}",
        "module": f"aoli_plugin_{'_'.join(parts)}",
        "class_name": "".join(part.capitalize() for part in parts),
        "title": " ".join(part.capitalize() for part in parts)[:24].strip(),
        "dashed": "-".join(parts),
        "upper": name.upper(),
        "setting": SETTINGS[kind],
    }
