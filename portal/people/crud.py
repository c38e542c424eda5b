"""How users, groups and roles are read, made, changed and deleted.

The order is that of Flask-AppBuilder's own views: our rules in ``pre_*``, then its data model
interface writes the row, then our audit entry in ``post_*``. Unlike there all of it is one
transaction, and whoever was System Admin before is so afterwards.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

from flask_appbuilder.security.sqla.models import Role
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.domain.errors import Conflict, FieldError, NotFound
from portal.domain.fields import Fields
from portal.domain.permission import Actor
from portal.people import account_rules as rules
from portal.people.directory import Account, PeopleQuery
from portal.people.grants import HIDDEN_ROLES
from portal.people.groups_and_roles import GroupFacts, RoleFacts
from portal.people.rows import Rows
from portal.people.trail import note

Values = dict[str, Any]


Found = TypeVar("Found", Account, GroupFacts, RoleFacts)
Some = TypeVar("Some", GroupFacts, RoleFacts)


class Crud(ABC, Generic[Found]):
    """One table's use cases; ``session`` gives the request's session."""

    noun = ""

    def __init__(self, session: Callable[[], Session], rows: Rows) -> None:
        self._session = session
        self._rows = rows

    def get(self, actor: Actor, key: int) -> Found:
        """One of them; raises ``NotFound``."""
        rules.check_administrator(actor)
        return self._read(key)

    def create(self, actor: Actor, body: Any) -> Found:
        """Make one; ``Conflict`` when the name is taken."""
        rules.check_administrator(actor)
        return self._add(actor, [self._new(body)])[0]

    def modify(self, actor: Actor, key: int, body: Any) -> Found:
        """Change what ``body`` names."""
        rules.check_administrator(actor)
        values = self._changes(key, body)
        with self._turn() as admins:
            before, item = self._read(key), self._rows.get(key)
            self._pre_update(actor, before, item, values, admins)
            self._rows.edit(item, commit=False)  # sends what was put into it
            after = self._read(key)
            self._post_update(actor, before, after, values)
        return after

    def delete(self, actor: Actor, key: int) -> None:
        """Delete one for good."""
        rules.check_administrator(actor)
        with self._turn():
            found = self._read(key)
            self._pre_delete(actor, found)
            self._rows.delete(self._rows.get(key), commit=False)
            self._session().flush()
            self._note(actor, "delete", found.name, before=self._noted(found, "delete"))

    def _add(self, actor: Actor, values: Sequence[Values]) -> list[Found]:
        """Make some, all or none."""
        with self._turn():
            items = self._pre_add(actor, values)
            for item in items:
                self._rows.add(item, commit=False)
            self._session().flush()
            return [self._post_add(actor, *one) for one in zip(items, values, strict=True)]

    @contextmanager
    def _turn(self) -> Iterator[set[int]]:
        """One change; gives the ids of those who must be System Admins at its end."""
        with rules.turn(self._session()):
            admins = rules.system_admins(self._session())
            yield admins
            rules.check_admins_kept(self._session(), admins)

    def _note(self, actor: Actor, act: str, name: str, **sides: Mapping[str, Any]) -> None:
        note(self._session(), actor, f"{self.noun}.{act}", name, **sides)

    @abstractmethod
    def _read(self, key: int) -> Found: ...

    @abstractmethod
    def _new(self, body: Any) -> Values: ...

    @abstractmethod
    def _changes(self, key: int, body: Any) -> Values: ...

    @abstractmethod
    def _pre_add(self, actor: Actor, values: Sequence[Values]) -> list[Any]: ...

    def _post_add(self, actor: Actor, item: Any, values: Values) -> Found:
        made = self._read(item.id)
        self._note(actor, "create", made.name, after=self._noted(made, "create"))
        return made

    @abstractmethod
    def _pre_update(
        self, actor: Actor, before: Found, item: Any, values: Values, admins: set[int]
    ) -> None: ...

    def _post_update(self, actor: Actor, before: Found, after: Found, values: Values) -> None:
        self._note(actor, "modify", after.name, before=before.facts(), after=after.facts())

    @abstractmethod
    def _pre_delete(self, actor: Actor, found: Found) -> None: ...

    def _noted(self, found: Found, act: str) -> dict[str, Any]:
        return found.facts()


class Collective(Crud[Some]):
    """Groups or roles: lists so short that they are read whole, and known by their names."""

    def listed(self, actor: Actor) -> list[Some]:
        """All of them, without who belongs to them."""
        rules.check_administrator(actor)
        return self._all()

    def find(
        self, actor: Actor, query: PeopleQuery, *, detailed: bool = True
    ) -> tuple[list[Some], int]:
        """A page of those with a text in their name or description, whatever the capitals; and
        how many there are. ``detailed``: with who belongs to them.
        """
        word = query.q.lower()
        found = [
            one
            for one in self.listed(actor)
            if word in one.name.lower() or word in one.description.lower()
        ]
        some = found[query.offset : query.offset + query.limit]
        return self._detailed(some) if detailed else some, len(found)

    def names(self, actor: Actor) -> list[str]:
        """The names of all."""
        rules.check_administrator(actor)
        name = self._rows.obj.name
        hidden = HIDDEN_ROLES if self._rows.obj is Role else ()
        return list(self._session().scalars(select(name).where(name.not_in(hidden)).order_by(name)))

    def _read(self, key: int) -> Some:
        for found in self._detailed(self._all(key)):
            return found
        raise NotFound(f"There is no such {self.noun}")

    def _holder(self, name: str) -> int | None:
        """Who has a name, in whatever capitals."""
        model = self._rows.obj
        query = select(model.id).where(func.lower(model.name) == name.lower())
        found: int | None = self._session().scalar(query)
        return found

    def _new(self, body: Any) -> Values:
        return self._told(self._fields(body, new=True))

    def _changes(self, key: int, body: Any) -> Values:
        return self._told(self._fields(body, new=False), key)

    def _told(self, taken: Fields, owner: int | None = None) -> Values:
        """A name that exists is a conflict; beside other mistakes it is one of them."""
        if taken.wrong and self._is_taken(taken, owner):
            taken.note("name", "This name is taken")
        return taken.done()

    def _is_taken(self, taken: Fields, owner: int | None = None) -> bool:
        name = taken.values.get("name")
        return name is not None and self._holder(name) not in (None, owner)

    def _check_free(self, name: str, owner: int | None = None) -> None:
        if self._holder(name) not in (None, owner):
            raise Conflict(self._taken(name))

    @staticmethod
    def _put(item: Any, values: Values) -> None:
        for name in values.keys() & {"name", "description"}:
            setattr(item, name, values[name])

    @abstractmethod
    def _all(self, only: int | None = None) -> list[Some]: ...

    @abstractmethod
    def _detailed(self, some: Sequence[Some]) -> list[Some]: ...

    @abstractmethod
    def _fields(self, body: Any, *, new: bool) -> Fields: ...

    @abstractmethod
    def _taken(self, name: str) -> FieldError: ...
