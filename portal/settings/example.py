"""``portal.yaml`` as it is shipped: every setting with its default and unit."""

from __future__ import annotations

from pathlib import Path

EXAMPLE = "example.yaml"
"""What the file of the source tree is called in an installed portal (see ``setup.py``)."""


def example_text() -> str:
    """The text, from the installed portal, else from the source tree that runs."""
    here = Path(__file__).parent
    shipped = here / EXAMPLE
    path = shipped if shipped.is_file() else here.parents[1] / "config" / "portal.yaml"
    return path.read_text("utf-8")
