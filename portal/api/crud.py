"""The five calls on users, on groups and on roles: list, create, show, change, delete."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flask import Response
from pydantic import BaseModel

from portal.api import reading
from portal.api.auth import actor, holders
from portal.api.calls import PAGING, Parameter, call
from portal.api.schemas import Page, Shape
from portal.domain.permission import Permission
from portal.people.directory import PeopleQuery

MANAGERS = holders(Permission.MANAGE_USERS)


@dataclass(frozen=True, slots=True)
class CrudCalls:
    """The calls on one kind of thing.

    ``item``, ``new``, ``change``: its shapes. ``service``: gives its use cases. ``query``: what
    a list may be narrowed by, which ``narrow`` reads beyond ``q``.
    """

    item: type[Shape]
    new: type[BaseModel]
    change: type[BaseModel]
    service: Callable[[], Any]
    query: tuple[Parameter, ...]
    narrow: Callable[[], dict[str, Any]] = dict

    def add(self, texts: Mapping[str, str]) -> None:
        """Add them; ``texts``: what to know of each by its name, below its summary."""
        item, kind = self.item, self.item.__name__
        one = kind.lower()
        many, thing = f"/{one}s", f"/{one}s/<{one}_id>"
        made = {"body": self.new, "answer": item, "status": 201}
        changed = {"body": self.change, "answer": item}
        page = {"query": (*self.query, *PAGING), "answer": Page[item]}  # type: ignore[valid-type]
        acts: tuple[tuple[str, str, Callable[..., Any], dict[str, Any], tuple[int, ...]], ...] = (
            (f"list_{one}s", f"GET {many}", self._list, page, (422,)),
            (f"create_{one}", f"POST {many}", self._create, made, (409, 422)),
            (f"show_{one}", f"GET {thing}", self._show, {"answer": item}, (404,)),
            (f"change_{one}", f"PATCH {thing}", self._change, changed, (404, 409, 422)),
            (f"delete_{one}", f"DELETE {thing}", self._delete, {"status": 204}, (404, 409)),
        )
        for name, route, act, more, problems in acts:
            method, path = route.split()
            summary, _, about = texts[name.partition("_")[0]].partition(": ")
            more |= {"tag": f"{kind}s", "summary": summary, "access": MANAGERS}
            call(method, path, problems=problems, **more)(_view(name, about, act))

    def _list(self) -> Any:
        more, size, begin = self.narrow(), reading.limit(), reading.cursor() or 0
        query = PeopleQuery(q=reading.text("q") or "", limit=size, offset=begin, **more)
        found, total = self.service().find(actor(), query)
        return {
            "items": [self.item.of(one) for one in found],
            "next_cursor": str(begin + size) if begin + size < total else None,
            "total": total,
        }

    def _create(self) -> Any:
        return self.item.of(self.service().create(actor(), reading.json_body()))

    def _show(self, key: str) -> Any:
        return self.item.of(self.service().get(actor(), reading.number(key)))

    def _change(self, key: str) -> Any:
        body = reading.json_body()
        return self.item.of(self.service().modify(actor(), reading.number(key), body))

    def _delete(self, key: str) -> Any:
        self.service().delete(actor(), reading.number(key))
        return Response(status=204)


def _view(name: str, about: str, act: Callable[..., Any]) -> Callable[..., Any]:
    """A view of that name, which takes the id in its path by whatever name."""

    def view(**place: str) -> Any:
        return act(*place.values())

    view.__name__, view.__doc__ = name, about
    return view
