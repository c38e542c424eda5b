"""The five calls on users, on groups and on roles: list, create, show, change, delete."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flask import Response

from portal.api import reading, schemas
from portal.api.auth import actor, holders
from portal.api.calls import Parameter, call
from portal.api.jobs import PAGING
from portal.domain.errors import NotFound
from portal.domain.permission import Permission
from portal.people.directory import PeopleQuery

MANAGERS = holders(Permission.MANAGE_USERS)


def number(text: str) -> int:
    """An id in a path; what is none is not there."""
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise NotFound("There is no such thing")
    return int(text)


@dataclass(frozen=True, slots=True)
class CrudCalls:
    """The calls on one kind of thing.

    ``one``: its name. ``service``: gives its use cases. ``query``: what a list may be narrowed
    by, which ``narrow`` reads beyond ``q``.
    """

    one: str
    service: Callable[[], Any]
    query: tuple[Parameter, ...]
    narrow: Callable[[], dict[str, Any]] = dict

    def add(self, texts: Mapping[str, str]) -> None:
        """Add them; ``texts``: what to know of each by its name, below its summary."""
        kind, many, thing = self.one.title(), f"/{self.one}s", f"/{self.one}s/<{self.one}_id>"
        item = schemas.ref(kind)
        made = {"body": schemas.ref(f"New{kind}"), "answer": item, "status": 201}
        changed = {"body": schemas.ref(f"{kind}Change"), "answer": item}
        page = {"query": (*self.query, *PAGING), "answer": schemas.page(item)}
        acts: tuple[tuple[str, str, Callable[..., Any], dict[str, Any], tuple[int, ...]], ...] = (
            (f"list_{self.one}s", f"GET {many}", self._list, page, (422,)),
            (f"create_{self.one}", f"POST {many}", self._create, made, (409, 422)),
            (f"show_{self.one}", f"GET {thing}", self._show, {"answer": item}, (404,)),
            (f"change_{self.one}", f"PATCH {thing}", self._change, changed, (404, 409, 422)),
            (f"delete_{self.one}", f"DELETE {thing}", self._delete, {"status": 204}, (404, 409)),
        )
        for name, route, act, more, problems in acts:
            method, path = route.split()
            summary, _, about = texts[name.partition("_")[0]].partition(": ")
            more |= {"tag": f"{kind}s", "summary": summary, "access": MANAGERS}
            call(method, path, problems=problems, **more)(_view(name, about, act))

    def _list(self) -> Any:
        more, size, begin = self.narrow(), reading.limit(), reading.offset()
        query = PeopleQuery(q=reading.text("q") or "", limit=size, offset=begin, **more)
        found, total = self.service().find(actor(), query)
        return {
            "items": [one.dump() for one in found],
            "next_cursor": str(begin + size) if begin + size < total else None,
            "total": total,
        }

    def _create(self) -> Any:
        return self.service().create(actor(), reading.json_body()).dump()

    def _show(self, key: str) -> Any:
        return self.service().get(actor(), number(key)).dump()

    def _change(self, key: str) -> Any:
        body = reading.json_body()
        return self.service().modify(actor(), number(key), body).dump()

    def _delete(self, key: str) -> Any:
        self.service().delete(actor(), number(key))
        return Response(status=204)


def _view(name: str, about: str, act: Callable[..., Any]) -> Callable[..., Any]:
    """A view of that name, which takes the id in its path by whatever name."""

    def view(**place: str) -> Any:
        return act(*place.values())

    view.__name__, view.__doc__ = name, about
    return view
