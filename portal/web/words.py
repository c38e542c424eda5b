"""Translation with types: flask-babel has none."""

from __future__ import annotations

import flask_babel


def gettext(text: str, **values: object) -> str:
    """``text`` in the reader's language, its ``%(name)s`` places filled."""
    return str(flask_babel.gettext(text, **values))


def pgettext(context: str, text: str, **values: object) -> str:
    """As :func:`gettext` for a word that means something else elsewhere; ``context`` says what."""
    return str(flask_babel.pgettext(context, text, **values))


def ngettext(one: str, many: str, num: int, **values: object) -> str:
    """``one`` or ``many`` by ``num``, in the reader's language; ``%(num)s`` is filled too."""
    return str(flask_babel.ngettext(one, many, num, **values))
