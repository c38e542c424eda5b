"""Translation with types: flask-babel has none."""

from __future__ import annotations

from collections.abc import Iterable

import flask_babel


def gettext(text: str, /, **values: object) -> str:
    """``text`` in the reader's language, its ``%(name)s`` places filled."""
    return str(flask_babel.gettext(text, **values))


def pgettext(context: str, text: str, /, **values: object) -> str:
    """As :func:`gettext` for a word that means something else elsewhere; ``context`` says what."""
    return str(flask_babel.pgettext(context, text, **values))


def ngettext(one: str, many: str, num: int, /, **values: object) -> str:
    """``one`` or ``many`` by ``num``, in the reader's language; ``%(num)s`` is filled too."""
    return str(flask_babel.ngettext(one, many, num, **values))


def listed(items: Iterable[object]) -> str:
    """Things in a row: ``a, b, c``, in 中文 ``a、b、c``."""
    return gettext(", ").join(str(item) for item in items)


def clauses(parts: Iterable[object]) -> str:
    """Statements in a row: ``7 active, 1 queued``, in 中文 with its comma."""
    return pgettext("clauses", ", ").join(str(part) for part in parts)


def told(name: object, text: object) -> str:
    """A name and what is said of it: ``Status: paused``."""
    return gettext("%(name)s: %(text)s", name=name, text=text)


def sentences(parts: Iterable[object]) -> str:
    """Whole sentences in a row; 中文 has no space between them."""
    return " ".join(str(part) for part in parts if part).replace("。 ", "。")
