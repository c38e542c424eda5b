"""A submission as YAML, from a file or out of the clipboard, into the form."""

from __future__ import annotations

from typing import Any

import yaml
from yaml.events import AliasEvent

from portal.domain.errors import InvalidSpec
from portal.domain.limits import MAX_YAML
from portal.services.submissions.template_body import shaped
from portal.settings.strict_yaml import StrictLoader

MAX_DEPTH = 16
"""The deepest field of a submission is at three; each further level costs more than the last."""


class _TooDeep(yaml.YAMLError):
    """More levels than any submission has."""


class _NoAliases(StrictLoader):
    """References can make a small text explode, levels a slow one; a submission needs neither."""

    def fetch_flow_collection_start(self, TokenClass: Any) -> None:  # noqa: N803 - its name
        """``[`` or ``{``; seen before anything is parsed."""
        if self.flow_level >= MAX_DEPTH:
            raise _TooDeep
        super().fetch_flow_collection_start(TokenClass)

    def add_indent(self, column: int) -> bool:
        """A further level by indentation."""
        if len(self.indents) >= MAX_DEPTH:
            raise _TooDeep
        return bool(super().add_indent(column))

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(AliasEvent):
            raise yaml.YAMLError("references (*name) are not taken")
        return super().compose_node(parent, index)


def read_yaml(text: str) -> dict[str, Any]:
    """The body in ``text`` (YAML or JSON); ``InvalidSpec`` when it cannot fill a form.

    What a submission requires is not asked: the form says it.
    """
    if len(text) > MAX_YAML:
        raise InvalidSpec("yaml", "Must be at most %(max)s characters", max=MAX_YAML)
    try:
        body = yaml.load(text, Loader=_NoAliases)  # noqa: S506 - a safe loader, and stricter
    except _TooDeep:
        raise InvalidSpec("yaml", "Must have at most %(max)s levels", max=MAX_DEPTH) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        place = getattr(error, "problem_mark", None)
        line = place.line + 1 if place is not None else 1
        raise InvalidSpec("yaml", "Not valid YAML in line %(line)s", line=line) from None
    if not isinstance(body, dict) or not body:
        raise InvalidSpec("yaml", "Must be lines such as name: resnet50")
    return dict(shaped(body))
