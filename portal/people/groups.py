"""Administering groups (G4): their name, description, roles and members."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from flask_appbuilder.security.sqla.models import Group, Role, User, assoc_user_group
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.domain.errors import Conflict, FieldError
from portal.domain.fields import Fields, line
from portal.domain.permission import Actor
from portal.people import account_rules as rules
from portal.people import groups_and_roles as collectives
from portal.people import memberships
from portal.people.crud import Collective, Values
from portal.people.groups_and_roles import GroupFacts
from portal.people.rows import Rows
from portal.services.records import traces as people

NAMES = ("name", "description", "roles", "users")


class Groups(Collective[GroupFacts]):
    """The use cases of whoever administers groups."""

    noun = "group"

    def __init__(self, session: Callable[[], Session]) -> None:
        super().__init__(session, Rows(Group))

    def newest(self, actor: Actor) -> str:
        """The name of the newest; empty when there is none."""
        rules.check_administrator(actor)
        query = select(Group.name).where(Group.created_on.is_not(None))
        newest = query.order_by(Group.created_on.desc(), Group.id.desc()).limit(1)
        return self._session().scalar(newest) or ""

    def check(self, actor: Actor, body: Any, *, need_roles: bool = True) -> Values:
        """The fields of a new group; ``InvalidSpec`` when some are wrong."""
        rules.check_administrator(actor)
        taken = self._fields(body, new=True, need_roles=need_roles)
        if self._is_taken(taken):
            taken.note("name", "This name is taken")
        return taken.done()

    def _fields(self, body: Any, *, new: bool, need_roles: bool = True) -> Fields:
        session, need = self._session(), new and need_roles
        taken = Fields(body, NAMES)
        taken.take("name", line(64), required=new)
        taken.take("description", line(512), required=new)
        taken.take("roles", memberships.present(session, Role.name, some=need), required=need)
        taken.take("users", memberships.present(session, User.username))
        return taken

    def _all(self, only: int | None = None) -> list[GroupFacts]:
        return collectives.groups(self._session(), only=only)

    def _detailed(self, some: Sequence[GroupFacts]) -> list[GroupFacts]:
        return collectives.with_members(self._session(), some)

    def _taken(self, name: str) -> FieldError:
        return FieldError("There is a group %(name)s already", {"name": name[:64]})

    def _noted(self, found: GroupFacts, act: str) -> dict[str, Any]:
        return {**found.facts(), "users": list(found.usernames)}

    def _pre_add(self, actor: Actor, values: Sequence[Values]) -> list[Group]:
        (one,) = values
        self._check_free(one["name"])
        roles = memberships.roles_to_give(actor, self._session(), one["roles"])
        one["users"] = memberships.user_ids(self._session(), one.get("users", []))
        return [
            Group(
                name=one["name"],
                label=one["name"],
                description=one["description"],
                created_on=datetime.now(UTC).replace(tzinfo=None),
                roles=roles,
            )
        ]

    def _post_add(self, actor: Actor, item: Group, values: Values) -> GroupFacts:
        _change_members(self._session(), item.id, set(values["users"].values()), set())
        return super()._post_add(actor, item, values)

    def _pre_update(
        self, actor: Actor, before: GroupFacts, item: Group, values: Values, admins: set[int]
    ) -> None:
        session = self._session()
        self._check_reach(actor, before)
        if values.get("name", before.name) != before.name:
            self._check_free(values["name"], before.id)
            _check_unused(before.name)
        if "roles" in values:
            item.roles = memberships.roles_to_give(actor, session, values["roles"])
        if "users" in values:
            _set_members(session, before, values["users"])
        self._put(item, values)

    def _post_update(
        self, actor: Actor, before: GroupFacts, after: GroupFacts, values: Values
    ) -> None:
        """Of the members only those who came and went: a group may be large."""
        was, now = set(before.usernames), set(after.usernames)
        gone, come = sorted(was - now), sorted(now - was)
        old = {**before.facts(), **({"users": gone} if gone else {})}
        new = {**after.facts(), **({"users": come} if come else {})}
        if old != new:
            self._note(actor, "modify", after.name, before=old, after=new)

    def change_members(
        self, actor: Actor, group_id: int, add: Sequence[int], drop: Sequence[int]
    ) -> GroupFacts:
        """Put users into a group and take others out, by id."""
        rules.check_administrator(actor)
        with self._turn():
            before = self._read(group_id)
            self._check_reach(actor, before)
            _change_members(self._session(), group_id, set(add), set(drop))
            after = self._read(group_id)
            self._post_update(actor, before, after, {})
        return after

    def _pre_delete(self, actor: Actor, found: GroupFacts) -> None:
        """Refused while a virtual cluster lists it."""
        self._check_reach(actor, found)
        _check_unused(found.name)

    def _check_reach(self, actor: Actor, group: GroupFacts) -> None:
        """A group whose roles the actor could not give is not theirs to change."""
        memberships.roles_to_give(actor, self._session(), group.roles)


def _check_unused(name: str) -> None:
    """Without its group a virtual cluster could be left open to everybody."""
    vcs = people.vcs_of_group(name)
    if vcs:
        raise Conflict(
            FieldError("It is a member of the virtual cluster %(vc)s", {"vc": ", ".join(vcs[:5])})
        )


def _set_members(session: Session, before: GroupFacts, names: Sequence[str]) -> None:
    wanted = memberships.user_ids(session, names)
    gone = memberships.user_ids(session, sorted(set(before.usernames) - set(names)))
    new = {one for name, one in wanted.items() if name not in before.usernames}
    _change_members(session, before.id, new, set(gone.values()))


def _change_members(session: Session, group_id: int, add: set[int], drop: set[int]) -> None:
    memberships.change(session, assoc_user_group, {"group_id": group_id}, "user_id", add, drop)
