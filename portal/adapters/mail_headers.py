"""Headers of a mail as they travel: every header that we write is written here.

Python's ``EmailMessage`` first reads what it is given, encoded words of RFC 2047 included, and
writes what it understood. What somebody typed as ``=?utf-8?Q?x=0D=0AFrom:...?=`` then becomes
lines of its own, after every check. So nothing is read here: a text is either plain, or is
encoded as a whole and arrives as exactly the text that it was.
"""

from __future__ import annotations

import base64
import re
import textwrap
from collections.abc import Iterable, Iterator

from portal.domain.mail import without_control

LINE_CHARACTERS = 76
"""A line is folded there; RFC 5322 wishes for at most 78."""
_WORD_BYTES = 39
"""In an encoded word (64 characters); the longest name of a header fits in front of it."""
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,30}")
_PLAIN = re.compile(r"[\x21-\x7e]+(?: [\x21-\x7e]+)*")
_TOKEN = re.compile(r"[\x21-\x7e]{1,900}")


def text_header(name: str, text: str) -> bytes:
    """A header for people (a subject, a name), folded, with its line break.

    Control characters and line breaks arrive as blanks, half of a pair as U+FFFD.
    """
    text = without_control(text)
    return _line(name, "\r\n ".join(_plain(name, text) or _encoded(text)))


def token_header(name: str, tokens: Iterable[str], separator: str = ",") -> bytes:
    """A header for machines: addresses, an id, a word; a line for each where one is too long.

    Raises ``ValueError`` for a token with blanks, with what is not ASCII, or with what a reader
    could take for an encoded word.
    """
    given = list(tokens)
    for token in given:
        if not _TOKEN.fullmatch(token) or "=?" in token:
            raise ValueError(f"{token!r} is no word of a header")
    whole = f"{separator} ".join(given)
    fits = len(name) + 2 + len(whole) <= LINE_CHARACTERS
    return _line(name, whole if fits else f"{separator}\r\n ".join(given))


def _line(name: str, value: str) -> bytes:
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name of a header")
    return f"{name}: {value}\r\n".encode("ascii")


def _plain(name: str, text: str) -> list[str]:
    """The lines of a text that needs no encoding; none if it does."""
    if not _PLAIN.fullmatch(text) or "=?" in text:
        return []
    lines = textwrap.wrap(
        text,
        LINE_CHARACTERS,
        initial_indent=" " * (len(name) + 2),
        break_long_words=False,
        break_on_hyphens=False,
    )
    if max(map(len, lines)) > LINE_CHARACTERS:
        return []
    return [line.strip() for line in lines]


def _encoded(text: str) -> Iterator[str]:
    """Encoded words; a character is never cut in two."""
    word = b""
    for one in text:
        octets = one.encode()
        if len(word) + len(octets) > _WORD_BYTES:
            yield _word(word)
            word = b""
        word += octets
    if word:
        yield _word(word)


def _word(octets: bytes) -> str:
    return f"=?utf-8?b?{base64.b64encode(octets).decode()}?="
