"""Administering users (G2, G3): make, change, delete; all or nothing, each with its audit entry."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from flask_appbuilder.security.sqla.models import Group, Role, User
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from portal.domain.errors import Conflict, FieldError, InvalidSpec, WrongValue
from portal.domain.fields import Fields, boolean, line
from portal.domain.permission import Actor
from portal.people import account_fields as fields
from portal.people import account_rows as rows_of
from portal.people import account_rules as rules
from portal.people import directory, memberships
from portal.people.account_fields import MAX_BATCH
from portal.people.crud import Crud, Values
from portal.people.directory import Account
from portal.people.grants import HIDDEN_ROLES
from portal.people.groups_and_roles import ADMIN_ROLE
from portal.people.passwords import PasswordPolicy, hash_password
from portal.services.records import traces as people

NEW = ("username", "nickname", "password", "phone", "email")
CHANGES = ("nickname", "phone", "email", "active", "roles", "groups", "password")


class Accounts(Crud[Account]):
    """The use cases of whoever administers users."""

    noun = "user"

    def __init__(self, session: Callable[[], Session], policy: PasswordPolicy) -> None:
        super().__init__(session, directory.USERS)
        self.policy = policy

    def find(self, actor: Actor, query: directory.PeopleQuery) -> tuple[list[Account], int]:
        """A page of users, and how many there are."""
        rules.check_administrator(actor)
        return directory.find(query)

    def create_batch(self, actor: Actor, body: Any) -> list[Account]:
        """Make up to ten users with the same roles, all of them or none."""
        rows, roles = self.check_batch(actor, body)
        return self._add(actor, [{**row, "roles": roles} for row in rows])

    def check_batch(
        self, actor: Actor, body: Any, *, need_roles: bool = True
    ) -> tuple[list[dict[str, Any]], list[str]]:
        """The rows and the roles of a batch; ``InvalidSpec`` names every wrong row."""
        rules.check_administrator(actor)
        whole = Fields(body, ("users", "roles"))
        roles = memberships.present(self._session(), Role.name, some=need_roles)
        whole.take("roles", roles, required=need_roles)
        rows: list[dict[str, Any]] = []
        for number, one in enumerate(whole.take("users", _some_rows, [])):
            with whole.noting(f"users.{number}"):
                row = Fields(one, NEW, place="")
                self._read_new(row)
                rows.append({**row.values, "at": f"users.{number}."})
                row.done()
        whole.wrong += rows_of.clashes(self._session(), rows)
        return rows, whole.done().get("roles", [])

    def _read_new(self, taken: Fields) -> None:
        name = taken.take("username", fields.username, required=True)
        taken.take("nickname", line(64), required=True)
        taken.take("password", fields.password(self.policy, name or ""), required=True)
        taken.take("phone", fields.phone)
        taken.take("email", fields.email)

    def _new(self, body: Any) -> Values:
        taken = Fields(body, (*NEW, "roles", "groups"))
        self._read_new(taken)
        self._take_places(taken)
        taken.wrong += rows_of.clashes(self._session(), [taken.values])
        return taken.done()

    def _take_places(self, taken: Fields) -> None:
        taken.take("roles", memberships.present(self._session(), Role.name))
        taken.take("groups", memberships.present(self._session(), Group.name))

    def _add(self, actor: Actor, values: Sequence[Values]) -> list[Account]:
        hashed = [{**one, "password": hash_password(one["password"])} for one in values]
        try:
            return super()._add(actor, hashed)
        except IntegrityError:  # somebody took a name or an address meanwhile
            errors = rows_of.clashes(self._session(), values)
            if errors:
                raise InvalidSpec.of(errors) from None
            raise

    def _pre_add(self, actor: Actor, values: Sequence[Values]) -> list[User]:
        session, shared = self._session(), values[0]
        roles = memberships.roles_to_give(actor, session, shared.get("roles", ()))
        groups = memberships.groups_to_join(actor, session, shared.get("groups", ()))
        made = [rows_of.new_user(row, row["password"]) for row in values]
        for user in made:
            user.roles, user.groups = list(roles), list(groups)
        return made

    def _changes(self, key: int, body: Any) -> Values:
        """A password is hashed before the transaction begins: that takes its time."""
        name = self._read(key).username
        taken = Fields(body, CHANGES)
        taken.take("nickname", line(64))
        taken.take("phone", fields.phone)
        taken.take("email", fields.email)
        taken.take("active", boolean)
        self._take_places(taken)
        taken.take("password", fields.password(self.policy, name))
        taken.wrong += rows_of.email_clash(self._session(), taken.values, name)
        values = taken.done()
        return values | (
            {"password": hash_password(values["password"])} if "password" in values else {}
        )

    def _read(self, key: int) -> Account:
        return directory.account(self._session(), key)

    def _pre_update(
        self, actor: Actor, before: Account, item: User, values: Values, admins: set[int]
    ) -> None:
        session = self._session()
        held = rules.check_reach(actor, session, before.id)
        _check_self(actor, before, values)
        if values.get("active") is False:
            rules.check_not_last(session, before.id)
            admins.discard(before.id)
        if "roles" in values:
            if ADMIN_ROLE in held.roles and set(values["roles"]) != set(before.roles):
                raise Conflict(FieldError("The role of a System Admin cannot be changed"))
            hidden = [role for role in item.roles if role.name in HIDDEN_ROLES]
            given = memberships.roles_to_give(actor, session, values["roles"], before.roles)
            item.roles = hidden + given
        if "groups" in values:
            item.groups = memberships.groups_to_join(
                actor, session, values["groups"], before.groups
            )
        rows_of.write(item, values)
        if values.get("active") is False:
            rows_of.remove_keys(session, item)

    def _post_update(self, actor: Actor, before: Account, after: Account, values: Values) -> None:
        act = "password" if set(values) == {"password"} else "modify"
        noted = {**after.facts(), **({"password": "changed"} if "password" in values else {})}
        self._note(actor, act, after.name, before=before.facts(), after=noted)

    def _pre_delete(self, actor: Actor, found: Account) -> None:
        """Refused for oneself, System Admins, and owners of open jobs."""
        if found.id == actor.user_id:
            raise Conflict(FieldError("You cannot delete your own account"))
        if ADMIN_ROLE in (*found.roles, *found.group_roles):
            raise Conflict(FieldError("A System Admin cannot be deleted"))
        rules.check_reach(actor, self._session(), found.id)
        jobs = people.unfinished_jobs(found.username)
        if jobs:
            raise Conflict(FieldError("This user has %(n)s jobs that have not ended", {"n": jobs}))
        rows_of.remove_belongings(self._session(), found.id)


def _some_rows(value: Any) -> list[Any]:
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_BATCH:
        raise WrongValue("From 1 to %(max)s users", max=MAX_BATCH)
    return value


def _check_self(actor: Actor, before: Account, values: Mapping[str, Any]) -> None:
    if before.id != actor.user_id:
        return
    if values.get("active") is False:
        raise Conflict(FieldError("You cannot disable your own account"))
    if "password" in values:
        raise Conflict(FieldError("Change your own password under Account info"))
