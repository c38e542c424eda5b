"""What is wrong and why something is refused, in the reader's language."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

from flask import flash, redirect

from portal.domain.errors import (
    AoliError,
    Conflict,
    FieldError,
    Forbidden,
    InvalidSpec,
    PluginFailed,
)
from portal.http.redirects import next_or_home
from portal.web.base.words import gettext, sentences

View = TypeVar("View", bound=Callable[..., Any])
Errors = dict[str, list[str]]


def error_text(error: FieldError) -> str:
    """One error of a field."""
    return gettext(error.template, **error.params)


def errors_of(invalid: InvalidSpec, asks: Mapping[str, str] | None = None) -> Errors:
    """The errors by field; ``asks`` say it of fields that are empty."""
    asks = asks or {}
    return {
        name: [asks[name] if is_missing(e) and name in asks else error_text(e) for e in found]
        for name, found in invalid.errors.items()
    }


def is_missing(error: FieldError) -> bool:
    """Whether the field is only empty yet."""
    return error.template == "Required"


def plugin_words(error: PluginFailed) -> str:
    """Which plugin failed and what to do, in the reader's language."""
    if error.code == "plugin_slow":
        said = gettext("The plugin %(name)s does not answer.", name=error.name)
    else:
        said = gettext("The plugin %(name)s failed.", name=error.name)
    return sentences([said, gettext("Its state is on the page Plugins; tell an administrator.")])


def error_words(code: str, message: str) -> str:
    """What an error's code says; else its English message."""
    words = {
        "conflict": gettext("Its current state does not allow this."),
        "forbidden": gettext("Your permissions do not allow this."),
        "not_found": gettext("It does not exist, or you may not see it."),
        "too_many": gettext("Asked too often. Try again later."),
        "unavailable": gettext("A service did not answer. Try again in a moment."),
    }
    return words.get(code, message)


def refusal(error: AoliError) -> str:
    """Why something was refused."""
    if isinstance(error, InvalidSpec):
        return error_text(next(iter(error.errors.values()))[0])
    return error_text(error.words) if error.words else error_words(error.code, error.message)


def refusals_flashed(view: View) -> View:
    """A refused act leads back to the page it came from, which says why."""

    @functools.wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        try:
            return view(*args, **kwargs)
        except (Conflict, Forbidden, InvalidSpec) as error:
            flash(refusal(error), "danger")
            return redirect(next_or_home(), 303)

    return cast(View, guarded)
