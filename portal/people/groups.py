"""Administering groups (G4): their name, description, roles and members."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from flask_appbuilder.security.sqla.models import Group, assoc_group_role, assoc_user_group
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session

from portal.domain.errors import Conflict, FieldError
from portal.domain.permission import Actor
from portal.people import account_fields as fields
from portal.people import account_rules as rules
from portal.people import groups_and_roles as collectives
from portal.people import memberships
from portal.people.account_fields import Fields
from portal.people.groups_and_roles import GroupFacts
from portal.people.trail import note
from portal.services.records import traces as people

NAMES = ("name", "description", "roles", "users")


class Groups:
    """The use cases; ``session`` gives the request's session."""

    def __init__(self, session: Callable[[], Session]) -> None:
        self._session = session

    def listed(self, actor: Actor) -> list[GroupFacts]:
        """All groups, without their members' names."""
        rules.check_administrator(actor)
        return collectives.groups(self._session())

    def with_members(self, actor: Actor, some: Sequence[GroupFacts]) -> list[GroupFacts]:
        """Some of them, with their members' names."""
        rules.check_administrator(actor)
        return collectives.with_members(self._session(), some)

    def names(self, actor: Actor) -> list[str]:
        """The names of all groups."""
        rules.check_administrator(actor)
        return collectives.group_names(self._session())

    def newest(self, actor: Actor) -> str:
        """The name of the newest; empty when there is none."""
        rules.check_administrator(actor)
        return collectives.newest_group(self._session())

    def get(self, actor: Actor, group_id: int) -> GroupFacts:
        """One group with its members; raises ``NotFound``."""
        rules.check_administrator(actor)
        return collectives.group(self._session(), group_id)

    def check(self, actor: Actor, body: Any, *, need_roles: bool = True) -> dict[str, Any]:
        """The fields of a new group; ``InvalidSpec`` when some are wrong."""
        rules.check_administrator(actor)
        taken = Fields(body, NAMES)
        taken.take("name", fields.filled(64), required=True)
        taken.take("description", fields.filled(512), required=True)
        taken.take("roles", fields.some_names if need_roles else fields.names, required=need_roles)
        taken.take("users", fields.names)
        name = taken.values.get("name")
        if name and _id_of(self._session(), name) is not None:
            taken.wrong("name", FieldError("This name is taken"))
        return taken.done()

    def create(self, actor: Actor, body: Any) -> GroupFacts:
        """Make a group; ``Conflict`` when the name is taken."""
        rules.check_administrator(actor)
        session = self._session()
        _refuse_taken(session, body)
        values = self.check(actor, body)
        with rules.turn(session):
            if _id_of(session, values["name"]) is not None:
                raise _taken(values["name"])
            roles = memberships.roles_named(session, values["roles"])
            rules.check_gift(actor, roles)
            users = memberships.user_ids(session, values.get("users", []))
            row = {
                "name": values["name"],
                "label": values["name"],
                "description": values["description"],
                "created_on": datetime.now(UTC).replace(tzinfo=None),
            }
            session.execute(insert(Group), [row])
            group_id = _id_of(session, values["name"]) or 0
            memberships.set_group_roles(session, group_id, [role.id for role in roles])
            memberships.change_members(session, group_id, set(users.values()), set())
            after = collectives.group(session, group_id)
            noted = {**after.facts(), "users": list(after.usernames)}
            note(session, actor, "group.create", after.name, after=noted)
        return after

    def modify(self, actor: Actor, group_id: int, body: Any) -> GroupFacts:
        """Change what ``body`` names; ``users`` is the whole membership."""
        rules.check_administrator(actor)
        values = _read_changes(body)
        session = self._session()
        with rules.turn(session):
            before = collectives.group(session, group_id)
            admins = rules.system_admins(session)
            self._check_reach(actor, session, before)
            if values.get("name", before.name) != before.name:
                _check_rename(session, before, values["name"])
            if "roles" in values:
                roles = memberships.roles_named(session, values["roles"])
                rules.check_gift(actor, roles)
                memberships.set_group_roles(session, group_id, [role.id for role in roles])
            if "users" in values:
                _set_members(session, before, values["users"])
            columns = {
                column: values[name]
                for name, column in (("name", Group.name), ("description", Group.description))
                if name in values
            }
            if columns:
                session.execute(update(Group).where(Group.id == group_id).values(columns))
            rules.check_admins_kept(session, admins)
            after = collectives.group(session, group_id)
            _note_changes(session, actor, before, after)
        return after

    def change_members(
        self, actor: Actor, group_id: int, add: Sequence[int], drop: Sequence[int]
    ) -> GroupFacts:
        """Put users into a group and take others out, by id."""
        rules.check_administrator(actor)
        session = self._session()
        with rules.turn(session):
            before = collectives.group(session, group_id)
            admins = rules.system_admins(session)
            self._check_reach(actor, session, before)
            memberships.change_members(session, group_id, set(add), set(drop))
            rules.check_admins_kept(session, admins)
            after = collectives.group(session, group_id)
            _note_changes(session, actor, before, after)
        return after

    def delete(self, actor: Actor, group_id: int) -> None:
        """Delete a group; refused while a virtual cluster lists it."""
        rules.check_administrator(actor)
        session = self._session()
        with rules.turn(session):
            found = collectives.group(session, group_id)
            admins = rules.system_admins(session)
            self._check_reach(actor, session, found)
            _check_unused(found.name)
            for table, column in (
                (assoc_group_role, assoc_group_role.c.group_id),
                (assoc_user_group, assoc_user_group.c.group_id),
                (Group, Group.id),
            ):
                session.execute(delete(table).where(column == group_id))
            rules.check_admins_kept(session, admins)
            noted = {**found.facts(), "users": list(found.usernames)}
            note(session, actor, "group.delete", found.name, before=noted)

    def _check_reach(self, actor: Actor, session: Session, group: GroupFacts) -> None:
        """A group whose roles the actor could not give is not his to change."""
        rules.check_gift(actor, memberships.roles_named(session, group.roles))


def _read_changes(body: Any) -> dict[str, Any]:
    taken = Fields(body, NAMES)
    taken.take("name", fields.filled(64))
    taken.take("description", fields.filled(512))
    taken.take("roles", fields.names)
    taken.take("users", fields.names)
    return taken.done()


def _id_of(session: Session, name: str) -> int | None:
    found: int | None = session.scalar(
        select(Group.id).where(func.lower(Group.name) == name.lower())
    )
    return found


def _taken(name: str) -> Conflict:
    return rules.NotNow(FieldError("There is a group %(name)s already", {"name": name}))


def _refuse_taken(session: Session, body: Any) -> None:
    """A name that exists is a conflict, not a wrong field, for whoever creates."""
    name = body.get("name") if isinstance(body, Mapping) else None
    if isinstance(name, str) and _id_of(session, fields.storable(name.strip())) is not None:
        raise _taken(name.strip()[:64])


def _check_rename(session: Session, before: GroupFacts, name: str) -> None:
    if _id_of(session, name) not in (None, before.id):
        raise _taken(name)
    _check_unused(before.name)


def _check_unused(name: str) -> None:
    """Without its group a virtual cluster could be left open to everybody."""
    vcs = people.vcs_of_group(name)
    if vcs:
        raise rules.NotNow(
            FieldError("It is a member of the virtual cluster %(vc)s", {"vc": ", ".join(vcs[:5])})
        )


def _set_members(session: Session, before: GroupFacts, names: Sequence[str]) -> None:
    wanted = memberships.user_ids(session, names)
    gone = memberships.user_ids(session, sorted(set(before.usernames) - set(names)))
    new = {one for name, one in wanted.items() if name not in before.usernames}
    memberships.change_members(session, before.id, new, set(gone.values()))


def _note_changes(session: Session, actor: Actor, before: GroupFacts, after: GroupFacts) -> None:
    """Of the members only those who came and went: a group may be large."""
    was, now = set(before.usernames), set(after.usernames)
    gone, come = sorted(was - now), sorted(now - was)
    sides = (
        {**before.facts(), **({"users": gone} if gone else {})},
        {**after.facts(), **({"users": come} if come else {})},
    )
    if sides[0] != sides[1]:
        note(session, actor, "group.modify", after.name, before=sides[0], after=sides[1])
