"""Rebuild ``portal/web/static/icons.svg`` from an unpacked ``lucide-static`` package.

Run it after a template asks for an icon that the sprite does not hold::

    npm pack lucide-static && tar xzf lucide-static-*.tgz
    python tests/web/build_icon_sprite.py package/icons
"""

import re
import sys
from pathlib import Path

SPRITE = Path(__file__).parents[2] / "portal/web/static/icons.svg"
ICONS = """
arrow-down arrow-down-to-line arrow-left arrow-up ban bell bookmark calendar
check chevron-down chevron-left chevron-right chevron-up chevrons-up
circle-alert circle-check circle-dashed circle-minus circle-pause circle-play
circle-x clipboard-paste clock cloud-off columns-3 copy copy-plus download eye
ellipsis-vertical grid-2x2 history hourglass house info key-round keyboard layers layout-dashboard
life-buoy link list list-filter loader lock log-in log-out mail messages-square
minus monitor moon octagon-minus panel-left pause pencil play plus puzzle radio-tower
refresh-cw scroll-text search search-x send server shield square-plus sun
terminal trash-2 triangle-alert unlink user user-plus users wrap-text x zap
"""
HEADER = "<!-- Lucide {version}, ISC licence: vendor/lucide-LICENSE.txt -->"


def symbol(folder: Path, name: str) -> tuple[str, str]:
    """One icon as a ``<symbol>``, and the Lucide version it came from."""
    source = (folder / f"{name}.svg").read_text()
    found = re.search(r"lucide-static (v[\d.]+)", source)
    inner = re.sub(r"\s+", " ", source[source.index(">", source.index("<svg")) + 1 :])
    body = inner.replace("</svg>", "").strip().replace(" />", "/>").replace("> <", "><")
    return (
        f'<symbol id="{name}" viewBox="0 0 24 24">{body}</symbol>',
        found.group(1) if found else "",
    )


def main(folder: Path) -> None:
    """Write the sprite."""
    made = [symbol(folder, name) for name in ICONS.split()]
    lines = [HEADER.format(version=made[0][1]), '<svg xmlns="http://www.w3.org/2000/svg">']
    SPRITE.write_text("\n".join([*lines, *(text for text, _ in made), "</svg>", ""]))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
