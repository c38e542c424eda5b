"""Cut ``portal/web/static/fonts/`` out of the unpacked ``@fontsource-variable`` packages.

What stays: every character, the weights in use, and the features that show (kerning, tabular
figures; of Inter also its contextual alternates). What goes: other weights and the ligatures
of JetBrains Mono, which the pages switch off. The files are a third as large as before.

    pip install fonttools brotli
    npm pack @fontsource-variable/inter @fontsource-variable/jetbrains-mono  # and unpack both
    python tests/web/build_fonts.py FOLDER_OF_THE_WOFF2_FILES
"""

import sys
from pathlib import Path

from fontTools import subset  # type: ignore[import-not-found]
from fontTools.ttLib import TTFont  # type: ignore[import-not-found]
from fontTools.varLib import instancer  # type: ignore[import-not-found]

FONTS = Path(__file__).parents[2] / "portal/web/static/fonts"
KEPT = ["kern", "mark", "mkmk", "ccmp", "locl"]
CUTS = {
    "inter-latin-wght-normal": (650, [*KEPT, "tnum", "calt"]),
    "inter-latin-ext-wght-normal": (650, [*KEPT, "tnum", "calt"]),
    "jetbrains-mono-latin-wght-normal": (600, KEPT),
}
"""Heaviest weight in use, and features; the lightest is 400."""


def cut(source: Path, heaviest: int, features: list[str]) -> None:
    """Write one font."""
    font = TTFont(source)
    options = subset.Options(layout_features=features, name_IDs=["*"], notdef_outline=True)
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=list(font.getBestCmap()))
    subsetter.subset(font)
    font = instancer.instantiateVariableFont(font, {"wght": (400, 400, heaviest)})
    font["post"].formatType = 3.0
    font.flavor = "woff2"
    font.save(FONTS / source.name)


def main(folder: Path) -> None:
    """Write all."""
    for name, (heaviest, features) in CUTS.items():
        cut(folder / f"{name}.woff2", heaviest, features)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
