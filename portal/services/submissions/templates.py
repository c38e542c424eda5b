"""Templates: a submission kept under a name, without its secrets.

Scope ``user``: visible to its owner, in every VC. Scope ``team``: visible to everyone who
may use the VC, and only there.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from peewee import IntegrityError

from portal.domain.errors import Conflict, Forbidden, InvalidSpec, NotFound
from portal.domain.limits import MAX_TEMPLATE_NAME
from portal.domain.moment import rfc3339
from portal.domain.permission import Actor, Permission
from portal.domain.secret_words import secret_names
from portal.models import TemplateRow
from portal.models.db import database
from portal.services.submissions.template_body import template_body
from portal.services.vcs import reading as virtual_clusters

EMPTIED = "emptied fields"
"""Beside the fields of the kept body, where no field can be called so: what was emptied."""
SCOPES = ("user", "team")
_NAME = re.compile(r"\w[\w .()+:\-]*")


class TemplateService:
    """The use cases of templates."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock

    def visible(self, actor: Actor, vc: str | None) -> list[dict[str, Any]]:
        """The user's own templates, and the team's of ``vc`` if they may use it; by name."""
        places = (TemplateRow.scope == "user") & (TemplateRow.place == str(actor.user_id))
        if vc and vc in virtual_clusters.offers(actor):
            places = places | ((TemplateRow.scope == "team") & (TemplateRow.place == vc))
        rows = TemplateRow.select().where(places).order_by(TemplateRow.name, TemplateRow.scope)
        return [_dump(row, actor) for row in rows.limit(500)]

    def get(self, actor: Actor, scope: str, name: str, vc: str | None) -> dict[str, Any]:
        """One template; ``NotFound`` when there is none that they may see."""
        return _dump(self._row(actor, scope, name, vc), actor)

    def put(
        self, actor: Actor, scope: str, name: str, vc: str | None, body: Any, *, overwrite: bool
    ) -> tuple[dict[str, Any], bool]:
        """Keep ``body``; the template, and whether it is a new one.

        ``Conflict`` when the name is taken and ``overwrite`` is false, ``InvalidSpec`` when
        a field has a shape that no form could show. It may be incomplete. ``emptied`` of the
        template has the dotted names of what was not kept because it is secret.
        """
        if not actor.may(Permission.SUBMIT_JOB):
            raise Forbidden("Keeping templates needs the permission Submit training job")
        if len(name) > MAX_TEMPLATE_NAME:
            raise InvalidSpec(
                "name",
                "Must be at most %(max)s characters, has %(have)s",
                max=MAX_TEMPLATE_NAME,
                have=len(name),
            )
        if not _NAME.fullmatch(name):
            raise InvalidSpec("name", "Use letters, digits, spaces and . _ - ( ) + : only")
        checked, emptied = template_body(body)
        if emptied:
            checked[EMPTIED] = emptied
        place = self._place(actor, scope, vc)
        is_new = self._insert(actor, scope, place, name, checked)
        if not is_new:
            self._replace(actor, _key(scope, place, name), name, checked, overwrite=overwrite)
        return self.get(actor, scope, name, vc), is_new

    def _insert(self, actor: Actor, scope: str, place: str, name: str, body: Any) -> bool:
        """Write it unless the name is taken; of two at once one is first."""
        before = TemplateRow.select().where(_key(scope, place, name)).exists()
        if before:
            return False
        try:
            with database.atomic():
                TemplateRow.insert(
                    scope=scope,
                    place=place,
                    name=name,
                    owner_id=actor.user_id,
                    owner=actor.username,
                    body=body,
                    updated_at=self._clock(),
                ).execute()
        except IntegrityError:
            return False
        return True

    def _replace(self, actor: Actor, key: Any, name: str, body: Any, *, overwrite: bool) -> None:
        row = TemplateRow.get_or_none(key)
        if row is None or not overwrite:
            raise Conflict(f"There is a template named {name} already")
        if not _may_change(row, actor):
            raise Forbidden("Only its owner, or who may manage VCs, can replace this template")
        TemplateRow.update(body=body, updated_at=self._clock()).where(key).execute()

    def delete(self, actor: Actor, scope: str, name: str, vc: str | None) -> None:
        """Delete a template: one's own; a team's also by who may manage VCs."""
        row = self._row(actor, scope, name, vc)
        if not _may_change(row, actor):
            raise Forbidden("Only its owner, or who may manage VCs, can delete this template")
        TemplateRow.delete().where(_key(row.scope, row.place, row.name)).execute()

    def _row(self, actor: Actor, scope: str, name: str, vc: str | None) -> Any:
        row = TemplateRow.get_or_none(_key(scope, self._place(actor, scope, vc), name))
        if row is None:
            raise NotFound("There is no such template")
        return row

    def _place(self, actor: Actor, scope: str, vc: str | None) -> str:
        if scope not in SCOPES:
            raise InvalidSpec("scope", "Must be user or team")
        if scope == "user":
            return str(actor.user_id)
        current = virtual_clusters.current(actor) if not vc else None
        name = vc or (current.name if current else "")
        if name not in virtual_clusters.offers(actor):
            raise NotFound("There is no virtual cluster of this name that you may use")
        return name


def _may_change(row: Any, actor: Actor) -> bool:
    return row.owner_id == actor.user_id or actor.may(Permission.MANAGE_VC)


def _key(scope: str, place: str, name: str) -> Any:
    return (TemplateRow.scope == scope) & (TemplateRow.place == place) & (TemplateRow.name == name)


def _blank(body: dict[str, Any]) -> list[str]:
    """Secrets that a template kept earlier has emptied: their values must be entered too."""
    env = body.get("env") or {}
    secret = secret_names(env, body.get("secret_env") or ())
    return [f"env.{name}" for name, value in env.items() if name in secret and value == ""]


def _dump(row: Any, actor: Actor) -> dict[str, Any]:
    body = dict(row.body)
    emptied = body.pop(EMPTIED, [])
    return {
        "name": row.name,
        "scope": row.scope,
        "vc": row.place if row.scope == "team" else None,
        "owner": row.owner,
        "may_delete": _may_change(row, actor),
        "updated_at": rfc3339(row.updated_at),
        "job": body,
        "emptied": [*emptied, *(name for name in _blank(body) if name not in emptied)],
    }
