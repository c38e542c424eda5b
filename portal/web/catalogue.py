"""The catalogue of translations: ``python -m portal.web.catalogue update|compile|check``.

``update`` brings every text of the product into the ``.po`` files, ``compile`` makes the
``.mo`` files that the portal reads, ``check`` prints what is not translated (exit code 1).
Texts are: ``gettext`` in code and templates, the errors of fields, the reasons of jobs, and
the titles of the built-in job kinds and of their fields.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from portal.domain.planning import REMEDIES
from portal.domain.reason import TEMPLATES, VARIANTS
from portal.spi.registry import load_registry

ROOT = Path(__file__).parents[2]
FOLDER = Path(__file__).parent / "translations"
LANGUAGES = ("zh",)
Words = Mapping[str, tuple[int | tuple[int, str], ...] | None]
WEB_WORDS: Words = {
    "_": None,
    "gettext": None,
    "lazy_gettext": None,
    "ngettext": (1, 2),
    "pgettext": ((1, "c"), 2),
    "FieldError": None,
}
ERROR_WORDS: Words = {"FieldError": None, "WrongValue": None, "InvalidSpec": (2,), "note": (2,)}
SOURCES: dict[str, Words] = {
    "portal/web": WEB_WORDS,
    "portal/http": WEB_WORDS,
    "portal/services": ERROR_WORDS,
    "portal/domain": ERROR_WORDS,
    "portal/people": {**WEB_WORDS, **ERROR_WORDS},
    "portal/spi": ERROR_WORDS,
    "plugins": ERROR_WORDS,
    "device_plugins": ERROR_WORDS,
}
"""Folder and the calls in it that hold a text."""
METHODS = [("**.py", "python"), ("**.html", "jinja2")]
_PLACE = re.compile(r"%\((\w+)\)s")

Text = str | tuple[str, ...]


def texts() -> Iterator[tuple[Text, str | None, str]]:
    """Every text, with its context (mostly none) and the file it is in."""
    for folder, words in SOURCES.items():
        found = extract_from_dir(
            str(ROOT / folder),
            METHODS,
            keywords=words,
            options_map={"**.html": {"silent": "false"}},
        )
        for name, _line, text, _comments, context in found:
            if text and text != ("",):
                yield text, context, f"{folder}/{name}"
    for template in (*TEMPLATES.values(), *VARIANTS.values()):
        yield template, None, "portal/domain/reason.py"
    for remedy in REMEDIES.values():
        yield remedy, None, "portal/domain/planning/wait.py"
    for kind in load_registry({}).job_kinds.values():
        yield kind.title, None, "job kinds"
        for title in kind.field_titles.values():
            yield title, None, "job kinds"
        for choices in kind.field_choices.values():
            for word in choices.values():
                yield word, None, "job kinds"


def template() -> Catalog:
    """The catalogue without translations, in a stable order and without line numbers."""
    catalogue = Catalog(project="Aoli", charset="utf-8", fuzzy=False)
    for text, context, name in sorted(texts(), key=lambda item: (item[2], str(item[0]))):
        catalogue.add(text, context=context, locations=[(name, 0)])
    return catalogue


def po_path(language: str) -> Path:
    """The translations of a language, to edit."""
    return FOLDER / language / "LC_MESSAGES" / "messages.po"


def load(language: str) -> Catalog:
    """The translations that there are."""
    path = po_path(language)
    if not path.exists():
        return Catalog(locale=language)
    with path.open("rb") as file:
        return read_po(file, locale=language)


def update(language: str) -> None:
    """Take new texts in and old ones out; translations that still fit stay."""
    catalogue = load(language)
    catalogue.update(template(), no_fuzzy_matching=True)
    catalogue.obsolete.clear()
    path = po_path(language)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        write_po(file, catalogue, width=100, omit_header=False, include_lineno=False)


def compile_(language: str) -> None:
    """Write what the portal reads."""
    with po_path(language).with_suffix(".mo").open("wb") as file:
        write_mo(file, load(language))


def problems(language: str) -> list[str]:
    """Texts that are not translated, or whose places differ from the original's."""
    known = load(language)
    found = []
    for message in template():
        if not message.id:
            continue
        translated = known.get(message.id, message.context)
        if translated is None or not _filled(translated):
            found.append(f"not translated: {message.id!r}")
        elif _places(message.id) != _places(translated.string):
            found.append(f"other places than the original: {message.id!r}")
    return found


def _filled(message: Message) -> bool:
    strings = message.string if isinstance(message.string, tuple) else (message.string,)
    return bool(strings) and all(strings) and not message.fuzzy


def _places(text: object) -> set[str]:
    whole = " ".join(text) if isinstance(text, (tuple, list)) else str(text)
    return set(_PLACE.findall(whole))


def main(action: str) -> int:
    """Do ``action`` for every language."""
    for language in LANGUAGES:
        if action == "update":
            update(language)
        elif action == "compile":
            compile_(language)
        found = problems(language)
        for problem in found:
            sys.stdout.write(f"{language}: {problem}\n")
        if found and action == "check":
            return 1
    return 0


if __name__ == "__main__":
    if sys.argv[1:] not in (["update"], ["compile"], ["check"]):
        raise SystemExit(__doc__)
    raise SystemExit(main(sys.argv[1]))
