"""Administering roles (G5, G6): presets are fixed, custom ones hold permissions one by one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from flask_appbuilder.security.sqla.models import (
    Group,
    PermissionView,
    Role,
    User,
    ViewMenu,
    assoc_group_role,
    assoc_permissionview_role,
    assoc_user_role,
)
from flask_appbuilder.security.sqla.models import (
    Permission as PermissionRow,
)
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session

from portal.domain.errors import Conflict, FieldError
from portal.domain.permission import Actor
from portal.people import account_fields as fields
from portal.people import account_rules as rules
from portal.people import groups_and_roles as collectives
from portal.people import memberships
from portal.people.account_fields import Fields
from portal.people.grants import PERMISSION_VIEW, PREFIX
from portal.people.groups_and_roles import RoleFacts
from portal.people.trail import note

NAMES = ("name", "description", "permissions")


class Roles:
    """The use cases; ``session`` gives the request's session."""

    def __init__(self, session: Callable[[], Session]) -> None:
        self._session = session

    def listed(self, actor: Actor) -> list[RoleFacts]:
        """All roles, presets first; their holders are not counted."""
        rules.check_administrator(actor)
        return collectives.roles(self._session())

    def counted(self, actor: Actor, some: Sequence[RoleFacts]) -> list[RoleFacts]:
        """Some of them, with their holders counted."""
        rules.check_administrator(actor)
        return collectives.counted(self._session(), some)

    def names(self, actor: Actor) -> list[str]:
        """The names of all roles."""
        rules.check_administrator(actor)
        return collectives.role_names(self._session())

    def get(self, actor: Actor, role_id: int) -> RoleFacts:
        """One role; raises ``NotFound``."""
        rules.check_administrator(actor)
        return collectives.role(self._session(), role_id)

    def codes(self, actor: Actor) -> list[str]:
        """Every permission that a role may hold."""
        rules.check_administrator(actor)
        return collectives.known_codes(self._session())

    def create(self, actor: Actor, body: Any) -> RoleFacts:
        """Make a custom role; ``Conflict`` when the name is taken."""
        rules.check_administrator(actor)
        session = self._session()
        values = _read(body, required=True)
        with rules.turn(session):
            _check_free(session, values["name"])
            _check_codes(actor, session, values["permissions"])
            row = {"name": values["name"], "description": values["description"]}
            session.execute(insert(Role), [row])
            role_id = _id_of(session, values["name"]) or 0
            _set_codes(session, role_id, values["permissions"])
            after = collectives.role(session, role_id)
            note(session, actor, "role.create", after.name, after=after.facts())
        return after

    def modify(self, actor: Actor, role_id: int, body: Any) -> RoleFacts:
        """Change a custom role."""
        rules.check_administrator(actor)
        session = self._session()
        values = _read(body, required=False)
        with rules.turn(session):
            before = collectives.role(session, role_id)
            rules.check_not_preset(before)
            rules.check_role_reach(actor, before)
            if values.get("name", before.name).lower() != before.name.lower():
                _check_free(session, values["name"])
            if "permissions" in values:
                _check_codes(actor, session, values["permissions"])
                _set_codes(session, role_id, values["permissions"])
            columns = {
                column: values[name]
                for name, column in (("name", Role.name), ("description", Role.description))
                if name in values
            }
            if columns:
                session.execute(update(Role).where(Role.id == role_id).values(columns))
            after = collectives.role(session, role_id)
            was, now = before.facts(), after.facts()
            note(session, actor, "role.modify", after.name, before=was, after=now)
        return after

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
        with rules.turn(session):
            role = collectives.role(session, role_id)
            rules.check_gift(actor, [role])
            admins = rules.system_admins(session)
            if kind == "users":
                for user_id in (*add, *drop):
                    rules.check_reach(actor, session, user_id)
                memberships.change_holders(session, role_id, set(add), set(drop))
            else:
                memberships.change_role_groups(session, role_id, set(add), set(drop))
            rules.check_admins_kept(session, admins)
            taken, given = _names(session, kind, drop), _names(session, kind, add)
            was, now = {kind: taken}, {kind: given}
            note(session, actor, "role.relate", role.name, before=was, after=now)
        return role

    def delete(self, actor: Actor, role_id: int) -> None:
        """Delete a custom role; its holders lose it."""
        rules.check_administrator(actor)
        session = self._session()
        with rules.turn(session):
            found = collectives.role(session, role_id)
            rules.check_not_preset(found)
            rules.check_role_reach(actor, found)
            for table, column in (
                (assoc_permissionview_role, assoc_permissionview_role.c.role_id),
                (assoc_user_role, assoc_user_role.c.role_id),
                (assoc_group_role, assoc_group_role.c.role_id),
                (Role, Role.id),
            ):
                session.execute(delete(table).where(column == role_id))
            noted = {**found.facts(), "users": found.users}
            note(session, actor, "role.delete", found.name, before=noted)


def _read(body: Any, *, required: bool) -> dict[str, Any]:
    taken = Fields(body, NAMES)
    taken.take("name", fields.filled(64), required=required)
    taken.take("description", fields.filled(512), required=required)
    taken.take("permissions", fields.some_names, required=required)
    return taken.done()


def _id_of(session: Session, name: str) -> int | None:
    found: int | None = session.scalar(select(Role.id).where(func.lower(Role.name) == name.lower()))
    return found


def _check_free(session: Session, name: str) -> None:
    if _id_of(session, name) is not None:
        raise _taken(name)


def _taken(name: str) -> Conflict:
    return rules.NotNow(FieldError("There is a role %(name)s already", {"name": name}))


def _check_codes(actor: Actor, session: Session, codes: Sequence[str]) -> None:
    """Only permissions that exist, and that the actor has."""
    known = dict.fromkeys(collectives.known_codes(session))
    memberships.check_known(codes, known, "permissions")
    given: Mapping[str, Any] = {"id": 0, "name": "", "description": ""}
    rules.check_gift(actor, [RoleFacts(**given, permissions=frozenset(codes))])


def _set_codes(session: Session, role_id: int, codes: Sequence[str]) -> None:
    """Give a role exactly these of the platform's permissions; what else it holds stays."""
    ours = (
        select(PermissionView.id)
        .join(ViewMenu, ViewMenu.id == PermissionView.view_menu_id)
        .where(ViewMenu.name == PERMISSION_VIEW)
    )
    table = assoc_permissionview_role
    session.execute(
        delete(table).where(table.c.role_id == role_id, table.c.permission_view_id.in_(ours))
    )
    wanted = ours.join(PermissionRow, PermissionRow.id == PermissionView.permission_id).where(
        PermissionRow.name.in_([f"{PREFIX}{code}" for code in codes])
    )
    rows = [{"role_id": role_id, "permission_view_id": one} for one in session.scalars(wanted)]
    session.execute(insert(table), rows)


def _names(session: Session, kind: str, ids: Sequence[int]) -> list[str]:
    name, key = (User.username, User.id) if kind == "users" else (Group.name, Group.id)
    return sorted(session.scalars(select(name).where(key.in_(ids))))
