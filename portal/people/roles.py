"""Administering roles (G5, G6): presets are fixed, custom ones hold permissions one by one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from flask_appbuilder.security.sqla.models import (
    Group,
    PermissionView,
    Role,
    User,
    assoc_group_role,
    assoc_user_role,
)
from flask_appbuilder.security.sqla.models import (
    Permission as PermissionRow,
)
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from portal.domain.errors import FieldError
from portal.domain.fields import Fields, line
from portal.domain.permission import Actor
from portal.people import account_rules as rules
from portal.people import groups_and_roles as collectives
from portal.people import memberships
from portal.people.account_fields import some_names
from portal.people.crud import Collective, Values
from portal.people.grants import PERMISSION_VIEW, PREFIX
from portal.people.groups_and_roles import RoleFacts
from portal.people.rows import Rows

NAMES = ("name", "description", "permissions")
PAIRS = {"users": (assoc_user_role, "user_id"), "groups": (assoc_group_role, "group_id")}
"""Who may have a role: the table of pairs, and the column beside the role's."""


class Roles(Collective[RoleFacts]):
    """The use cases of whoever administers roles."""

    noun = "role"

    def __init__(self, session: Callable[[], Session]) -> None:
        super().__init__(session, Rows(Role))

    def codes(self, actor: Actor) -> list[str]:
        """Every permission that a role may hold."""
        rules.check_administrator(actor)
        return collectives.known_codes(self._session())

    def _fields(self, body: Any, *, new: bool) -> Fields:
        taken = Fields(body, NAMES)
        taken.take("name", line(64), required=new)
        taken.take("description", line(512), required=new)
        taken.take("permissions", self._codes, required=new)
        return taken

    def _codes(self, value: Any) -> list[str]:
        wanted = some_names(value)
        memberships.check_known(wanted, set(collectives.known_codes(self._session())), "")
        return wanted

    def _all(self, only: int | None = None) -> list[RoleFacts]:
        return collectives.roles(self._session(), only=only)

    def _detailed(self, some: Sequence[RoleFacts]) -> list[RoleFacts]:
        return collectives.counted(self._session(), some)

    def _taken(self, name: str) -> FieldError:
        return FieldError("There is a role %(name)s already", {"name": name})

    def _pre_add(self, actor: Actor, values: Sequence[Values]) -> list[Role]:
        (one,) = values
        session = self._session()
        self._check_free(one["name"])
        return [Role(**{**one, "permissions": _to_hold(actor, session, one["permissions"])})]

    def _pre_update(
        self, actor: Actor, before: RoleFacts, item: Role, values: Values, admins: set[int]
    ) -> None:
        session = self._session()
        rules.check_not_preset(before)
        rules.check_role_reach(actor, before)
        self._check_free(values.get("name", before.name), before.id)
        if "permissions" in values:
            others = [one for one in item.permissions if one.view_menu.name != PERMISSION_VIEW]
            item.permissions = others + _to_hold(actor, session, values["permissions"])
        self._put(item, values)

    def _pre_delete(self, actor: Actor, found: RoleFacts) -> None:
        """Its holders lose it, however many they are: deleting the row would load them all."""
        rules.check_not_preset(found)
        rules.check_role_reach(actor, found)
        holders = assoc_user_role.c.role_id == found.id
        self._session().execute(delete(assoc_user_role).where(holders))

    def _noted(self, found: RoleFacts, act: str) -> dict[str, Any]:
        return found.facts() | ({"users": found.users} if act == "delete" else {})

    def relate(
        self,
        actor: Actor,
        role_id: int,
        kind: str,
        add: Sequence[int],
        drop: Sequence[int],
    ) -> RoleFacts:
        """Give a role to ``users`` or ``groups`` (``kind``) and take it from others, by id."""
        rules.check_administrator(actor)
        session = self._session()
        with self._turn():
            role = self._read(role_id)
            rules.check_gift(actor, [role])
            if kind == "users":
                for user_id in (*add, *drop):
                    rules.check_reach(actor, session, user_id)
            pairs, many = PAIRS[kind]
            memberships.change(session, pairs, {"role_id": role_id}, many, set(add), set(drop))
            was, now = {kind: _names(session, kind, drop)}, {kind: _names(session, kind, add)}
            self._note(actor, "relate", role.name, before=was, after=now)
        return role


def _to_hold(actor: Actor, session: Session, codes: Sequence[str]) -> list[PermissionView]:
    """The rows of some of the platform's permissions, which exist and which the actor has."""
    memberships.check_known(codes, set(collectives.known_codes(session)), "permissions")
    rules.check_gift(actor, [RoleFacts(0, "", "", frozenset(codes))])
    names = [f"{PREFIX}{code}" for code in codes]
    query = collectives.platform_permissions(PermissionView).where(PermissionRow.name.in_(names))
    return list(session.scalars(query))


def _names(session: Session, kind: str, ids: Sequence[int]) -> list[str]:
    name, key = (User.username, User.id) if kind == "users" else (Group.name, Group.id)
    return sorted(session.scalars(select(name).where(key.in_(ids))))
