"""Tables for spreadsheets: UTF-8 with the mark that Excel needs, cells that nothing runs."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

MARK = "\ufeff"
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""A cell that begins so is run by spreadsheets, not shown."""


def line(cells: Iterable[object]) -> str:
    """One line of the table; text that would be run as a formula gets an apostrophe."""
    text = io.StringIO()
    csv.writer(text).writerow([harmless(cell) for cell in cells])
    return text.getvalue()


def harmless(cell: object) -> object:
    """The cell as a spreadsheet shows it; ``None`` is empty, numbers stay numbers."""
    if cell is None:
        return ""
    if isinstance(cell, str) and cell != "-" and cell.lstrip(" ").startswith(FORMULA):
        return f"'{cell}"
    return cell
