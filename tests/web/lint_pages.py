"""What the other tools of ``make lint`` do not see in the pages' templates, scripts and styles.

    python tests/web/lint_pages.py

It prints each fault with its file and line; exit code 1 when there is one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

WEB = Path(__file__).parents[2] / "portal/web"
MOST = 140
"""Characters of a line."""
USED = re.compile(r"var\((--[\w-]+)")
DEFINED = re.compile(r"^\s*(--[\w-]+):", re.M)
DECLARATION = re.compile(r"^\s*([\w-]+):")
UNESCAPED = re.compile(r"""[\w-]+=(["'])\{\{[^{}]*\|tojson\s*\}\}\1""")

Fault = tuple[int, str]
"""Line, what is wrong."""


def long_lines(text: str) -> Iterator[Fault]:
    """Lines that nobody can read beside something else."""
    for number, line in enumerate(text.splitlines(), 1):
        if len(line) > MOST:
            yield number, f"{len(line)} characters, at most {MOST}"


def unescaped_json(text: str) -> Iterator[Fault]:
    """JSON in an attribute: its quotation marks would end the attribute."""
    for found in UNESCAPED.finditer(text):
        yield text.count("\n", 0, found.start()) + 1, "JSON in an attribute needs |forceescape"


def unknown_variables(text: str, known: set[str]) -> Iterator[Fault]:
    """Custom properties that no style sheet or script sets."""
    for number, line in enumerate(text.splitlines(), 1):
        for name in USED.findall(line):
            if name not in known:
                yield number, f"{name} is set nowhere"


def repeated_properties(text: str) -> Iterator[Fault]:
    """A property that a block sets twice: only the last of them counts."""
    blocks: list[set[str]] = [set()]
    for number, line in enumerate(text.splitlines(), 1):
        if line.endswith("{"):
            blocks.append(set())
        elif line.strip() == "}":
            blocks.pop()
        elif found := DECLARATION.match(line):
            name = found.group(1)
            if name in blocks[-1]:
                yield number, f"{name} is set twice in one block"
            blocks[-1].add(name)


def faults() -> Iterator[str]:
    """All of them, as ``file:line: what``."""
    scripts = sorted(WEB.glob("*/*.js"))
    sheets = sorted(WEB.glob("*/*.css"))
    templates = sorted(WEB.rglob("*.html"))
    texts = {path: path.read_text("utf-8") for path in (*scripts, *sheets, *templates)}
    known = {name for path in sheets for name in DEFINED.findall(texts[path])}
    known |= {name for text in texts.values() for name in re.findall(r"[\"'](--[\w-]+)[\"']", text)}
    known |= {name for path in templates for name in re.findall(r"(--[\w-]+):", texts[path])}
    for path, text in texts.items():
        found = list(long_lines(text))
        if path in templates:
            found += unescaped_json(text)
        if path in sheets:
            found += [*unknown_variables(text, known), *repeated_properties(text)]
        for number, what in sorted(found):
            yield f"{path.relative_to(WEB.parents[1])}:{number}: {what}"


def main() -> int:
    """Print what is wrong."""
    found = list(faults())
    print(*found, sep="\n", end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
