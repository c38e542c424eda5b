"""A submission as YAML, from a file or out of the clipboard, into the form."""

from __future__ import annotations

from typing import Any

import yaml
from yaml.events import AliasEvent

from portal.domain.errors import InvalidSpec
from portal.domain.limits import MAX_YAML
from portal.services.submissions.template_body import shaped
from portal.settings.strict_yaml import StrictLoader


class _NoAliases(StrictLoader):
    """References can make a small text explode; a submission needs none."""

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
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        place = getattr(error, "problem_mark", None)
        line = place.line + 1 if place is not None else 1
        raise InvalidSpec("yaml", "Not valid YAML in line %(line)s", line=line) from None
    if not isinstance(body, dict) or not body:
        raise InvalidSpec("yaml", "Must be lines such as name: resnet50")
    return dict(shaped(body))
