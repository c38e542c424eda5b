"""Administering users (G2, G3): make, change, delete; all or nothing, each with its audit entry."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from portal.domain.errors import FieldError, InvalidSpec
from portal.domain.permission import Actor
from portal.people import account_fields as fields
from portal.people import account_rows as rows_of
from portal.people import account_rules as rules
from portal.people import directory, memberships
from portal.people import groups_and_roles as collectives
from portal.people.account_fields import MAX_BATCH, Fields
from portal.people.directory import Account
from portal.people.groups_and_roles import ADMIN_ROLE, RoleFacts
from portal.people.passwords import PasswordPolicy, hash_password
from portal.people.trail import note
from portal.services.records import traces as people

NEW = ("username", "nickname", "password", "phone", "email")
CHANGES = ("nickname", "phone", "email", "active", "roles", "groups", "password")


class Accounts:
    """The use cases of whoever administers users; ``session`` gives the request's session."""

    def __init__(self, session: Callable[[], Session], policy: PasswordPolicy) -> None:
        self._session = session
        self.policy = policy

    def find(self, actor: Actor, query: directory.UserQuery) -> tuple[list[Account], int]:
        """A page of users, and how many there are."""
        rules.check_administrator(actor)
        return directory.find(query)

    def get(self, actor: Actor, user_id: int) -> Account:
        """One user; raises ``NotFound``."""
        rules.check_administrator(actor)
        return directory.account(self._session(), user_id)

    def create(self, actor: Actor, body: Any) -> Account:
        """Make one user, with roles and groups if they are given."""
        rules.check_administrator(actor)
        taken = Fields(body, (*NEW, "roles", "groups"))
        self._read_new(taken)
        taken.take("roles", fields.names)
        taken.take("groups", fields.names)
        values = taken.done()
        roles, groups = values.pop("roles", []), values.pop("groups", [])
        return self._make(actor, [values], roles, groups, lambda row: "")[0]

    def create_batch(self, actor: Actor, body: Any) -> list[Account]:
        """Make up to ten users with the same roles, all of them or none."""
        rules.check_administrator(actor)
        rows, roles = self.check_batch(actor, body)
        return self._make(actor, rows, roles, [], lambda row: f"users.{row}.")

    def check_batch(
        self, actor: Actor, body: Any, *, need_roles: bool = True
    ) -> tuple[list[dict[str, Any]], list[str]]:
        """The rows and the roles of a batch; ``InvalidSpec`` names every wrong row."""
        rules.check_administrator(actor)
        whole = Fields(body, ("users", "roles"))
        whole.take("roles", fields.some_names if need_roles else fields.names, required=need_roles)
        given = body.get("users") if isinstance(body, Mapping) else None
        rows: list[dict[str, Any]] = []
        if not isinstance(given, list) or not 1 <= len(given) <= MAX_BATCH:
            whole.wrong("users", FieldError("From 1 to %(max)s users", {"max": MAX_BATCH}))
        else:
            for number, one in enumerate(given):
                row = Fields(one, NEW, f"users.{number}.")
                self._read_new(row)
                whole.errors += row.errors
                rows.append(row.values)
        whole.errors += rows_of.clashes(self._session(), rows, lambda row: f"users.{row}.")
        return rows, whole.done().get("roles", [])

    def _read_new(self, taken: Fields) -> None:
        name = taken.take("username", fields.username, required=True)
        taken.take("nickname", fields.filled(64), required=True)
        taken.take("password", fields.password(self.policy, name or ""), required=True)
        taken.take("phone", fields.phone)
        taken.take("email", fields.email)

    def _make(
        self,
        actor: Actor,
        rows: Sequence[dict[str, Any]],
        roles: Sequence[str],
        groups: Sequence[str],
        prefix: Callable[[int], str],
    ) -> list[Account]:
        session = self._session()
        _refuse(rows_of.clashes(session, rows, prefix))
        made = [rows_of.new_user(row, hash_password(row["password"])) for row in rows]
        try:
            with rules.turn(session):
                gifts = memberships.roles_named(session, roles)
                rules.check_gift(actor, gifts)
                into = memberships.group_ids(session, groups)
                rules.check_gift(actor, _roles_of(session, into.values()))
                session.add_all(made)
                session.flush()
                for user in made:
                    memberships.set_roles(session, user.id, [role.id for role in gifts])
                    memberships.set_groups(session, user.id, into.values())
                ids = [user.id for user in made]
                for one in directory.accounts(session, ids):
                    note(session, actor, "user.create", one.username, after=one.facts())
        except IntegrityError:  # somebody took a name or an address meanwhile
            _refuse(rows_of.clashes(session, rows, prefix))
            raise
        return directory.accounts(session, ids)

    def modify(self, actor: Actor, user_id: int, body: Any) -> Account:
        """Change a user; only what ``body`` names."""
        rules.check_administrator(actor)
        session = self._session()
        before = directory.account(session, user_id)
        values = self._read_changes(body, before.username)
        hashed = hash_password(values["password"]) if "password" in values else ""
        with rules.turn(session):
            before = directory.account(session, user_id)
            held = rules.check_reach(actor, session, user_id)
            admins = rules.system_admins(session)
            _check_self(actor, before, values)
            if "active" in values and not values["active"]:
                rules.check_not_last(session, user_id)
                admins.discard(user_id)
            if "roles" in values:
                if ADMIN_ROLE in held.roles and set(values["roles"]) != set(before.roles):
                    raise rules.NotNow(FieldError("The role of a System Admin cannot be changed"))
                self._give_roles(actor, session, before, values["roles"])
            if "groups" in values:
                self._join_groups(actor, session, before, values["groups"])
            rows_of.write_changes(session, before, values, hashed)
            rules.check_admins_kept(session, admins)
            after = directory.account(session, user_id)
            action = "user.password" if set(values) == {"password"} else "user.modify"
            noted = {**after.facts(), **({"password": "changed"} if hashed else {})}
            note(session, actor, action, after.username, before=before.facts(), after=noted)
        return after

    def check_changes(self, actor: Actor, user_id: int, body: Any) -> None:
        """``InvalidSpec`` when fields of a change are wrong, before anything is done."""
        rules.check_administrator(actor)
        self._read_changes(body, directory.account(self._session(), user_id).username)

    def _read_changes(self, body: Any, name: str) -> dict[str, Any]:
        taken = Fields(body, CHANGES)
        taken.take("nickname", fields.filled(64))
        taken.take("phone", fields.phone)
        taken.take("email", fields.email)
        taken.take("active", fields.yes_no)
        taken.take("roles", fields.names)
        taken.take("groups", fields.names)
        taken.take("password", fields.password(self.policy, name))
        values = taken.done()
        if values.get("email"):
            taken.errors += rows_of.email_clash(self._session(), values["email"], name)
        return taken.done()

    def _give_roles(
        self, actor: Actor, session: Session, before: Account, wanted: Sequence[str]
    ) -> None:
        roles = memberships.roles_named(session, wanted)
        rules.check_gift(actor, [role for role in roles if role.name not in before.roles])
        memberships.set_roles(session, before.id, [role.id for role in roles])

    def _join_groups(
        self, actor: Actor, session: Session, before: Account, wanted: Sequence[str]
    ) -> None:
        into = memberships.group_ids(session, wanted)
        new = [one for name, one in into.items() if name not in before.groups]
        rules.check_gift(actor, _roles_of(session, new))
        memberships.set_groups(session, before.id, into.values())

    def delete(self, actor: Actor, user_id: int) -> None:
        """Delete a user for good; refused for oneself, System Admins, and owners of open jobs."""
        rules.check_administrator(actor)
        session = self._session()
        found = directory.account(session, user_id)
        if found.id == actor.user_id:
            raise rules.NotNow(FieldError("You cannot delete your own account"))
        jobs = people.unfinished_jobs(found.username)
        with rules.turn(session):
            found = directory.account(session, user_id)
            if ADMIN_ROLE in (*found.roles, *found.group_roles):
                raise rules.NotNow(FieldError("A System Admin cannot be deleted"))
            rules.check_reach(actor, session, user_id)
            if jobs:
                raise rules.NotNow(
                    FieldError("This user has %(n)s jobs that have not ended", {"n": jobs})
                )
            rows_of.remove_user(session, user_id)
            note(session, actor, "user.delete", found.username, before=found.facts())


def _refuse(errors: fields.Errors) -> None:
    if errors:
        raise InvalidSpec.of(errors)


def _check_self(actor: Actor, before: Account, values: Mapping[str, Any]) -> None:
    if before.id != actor.user_id:
        return
    if values.get("active") is False:
        raise rules.NotNow(FieldError("You cannot disable your own account"))
    if "password" in values:
        raise rules.NotNow(FieldError("Change your own password under Account info"))


def _roles_of(session: Session, groups: Any) -> list[RoleFacts]:
    wanted = set(groups)
    if not wanted:
        return []
    names = {role for one in collectives.groups(session) if one.id in wanted for role in one.roles}
    return memberships.roles_named(session, sorted(names))
