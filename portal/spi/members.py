"""What the members of a plugin must be that are read without asking its functions.

They are read when the portal starts, so that one that fails, or is of a wrong kind, is found
then and leaves out that plugin, instead of breaking a page for everybody.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from portal.domain.job import SUBMISSION_FIELDS
from portal.domain.resources import DeviceShape

_FIELD = re.compile(r"[a-z][a-z0-9_]{0,63}")

Check = Callable[[Any], str | None]
"""What a value should have been, in words; ``None`` if it is right."""


def _is(kind: type, words: str) -> Check:
    return lambda value: None if isinstance(value, kind) else words


def _text(value: Any) -> str | None:
    return None if isinstance(value, str) and value.strip() else "a name"


def _texts(value: Any) -> str | None:
    good = isinstance(value, (tuple, list)) and all(isinstance(one, str) for one in value)
    return None if good else "a tuple of names"


def _fields(value: Any) -> str | None:
    """Further fields stand beside those that all kinds share, in one body."""
    if not isinstance(value, tuple) or _texts(value) is not None:
        return "a tuple of names"
    for name in value:
        if not _FIELD.fullmatch(name):
            return f"names of a-z, 0-9 and _, a letter first (not {name!r})"
        if name in SUBMISSION_FIELDS:
            return f"names that no job has already (not {name})"
    return None if len(set(value)) == len(value) else "each name once"


def _words(value: Any) -> bool:
    return isinstance(value, Mapping) and all(
        isinstance(key, str) and isinstance(word, str) for key, word in value.items()
    )


def _labels(value: Any) -> str | None:
    return None if _words(value) else "a mapping of labels to values"


def _titles(value: Any) -> str | None:
    return None if _words(value) else "a mapping of fields to titles"


def _choices(value: Any) -> str | None:
    good = isinstance(value, Mapping) and all(
        isinstance(field, str) and _words(choices) and choices for field, choices in value.items()
    )
    return None if good else "a mapping of fields to a mapping of values to titles"


MEMBERS: dict[str, dict[str, Check]] = {
    "portal.job_kinds": {
        "title": _text,
        "fields": _fields,
        "field_titles": _titles,
        "field_choices": _choices,
        "multi_node": _is(bool, "True or False"),
    },
    "portal.device_types": {
        "title": _text,
        "shape": _is(DeviceShape, "a DeviceShape"),
        "resource_name": _text,
        "node_labels": _labels,
        "notes": _texts,
    },
}
"""By entry-point group."""
