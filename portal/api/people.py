"""Calls on users, groups and roles, for whoever administers them."""

from __future__ import annotations

from typing import Any

from flask import Response

from portal.api import reading, schemas
from portal.api.auth import actor, holders
from portal.api.calls import Parameter, call
from portal.api.jobs import PAGING
from portal.domain.errors import InvalidSpec, NotFound
from portal.domain.permission import Permission
from portal.people.account_fields import MAX_BATCH
from portal.people.administration import administration
from portal.people.directory import SORTS, UserQuery

MANAGERS = holders(Permission.MANAGE_USERS)
NAMES = schemas.array(schemas.TEXT)
PASSWORD = {**schemas.TEXT, "writeOnly": True}
_PERSON = {
    "nickname": {**schemas.TEXT, "maxLength": 64},
    "phone": {**schemas.TEXT, "maxLength": 32},
    "email": {**schemas.TEXT, "maxLength": 320},
}
_NEW = {
    "username": {**schemas.TEXT, "pattern": "^[A-Za-z0-9._-]{3,64}$"},
    "password": PASSWORD,
    **_PERSON,
}
_ORDERS = [key for name in SORTS for key in (name, f"-{name}")]
schemas.COMPONENTS.update(
    User=schemas.record(
        id=schemas.NUMBER,
        username=schemas.TEXT,
        **_PERSON,
        active=schemas.YES_NO,
        roles=NAMES,
        groups=NAMES,
        group_roles={**NAMES, "description": "Roles that come through groups"},
        created_at=schemas.or_null(schemas.TIME),
        last_seen=schemas.or_null(schemas.TIME),
    ),
    NewUser=schemas.closed(
        schemas.record(("phone", "email", "roles", "groups"), **_NEW, roles=NAMES, groups=NAMES)
    ),
    UserChange=schemas.closed(
        schemas.record(
            (*_PERSON, "active", "roles", "groups", "password"),
            **_PERSON,
            active=schemas.YES_NO,
            roles=NAMES,
            groups=NAMES,
            password=PASSWORD,
        )
    ),
    UserBatch=schemas.closed(
        schemas.record(
            users=schemas.array(
                schemas.closed(schemas.record(("phone", "email"), **_NEW)),
                minItems=1,
                maxItems=MAX_BATCH,
            ),
            roles={**NAMES, "minItems": 1},
        )
    ),
)


def number(text: str) -> int:
    """An id in a path; what is none is not there."""
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise NotFound("There is no such thing")
    return int(text)


def offset() -> int:
    """Where the page begins."""
    cursor = reading.text("cursor") or "0"
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 10):
        raise InvalidSpec("cursor", "Not a cursor of this list")
    return int(cursor)


@call(
    "GET",
    "/users",
    tag="Users",
    summary="List and search users",
    access=MANAGERS,
    query=(
        Parameter("q", schemas.TEXT, "Part of a name, phone or e-mail"),
        Parameter("role", schemas.TEXT, "Who hold this role, direct or through a group"),
        Parameter("group", schemas.TEXT, "Members of this group"),
        Parameter("sort", {"type": "string", "enum": _ORDERS, "default": "username"}, "Order"),
        *PAGING,
    ),
    answer=schemas.page(schemas.ref("User")),
    problems=(422,),
)
def list_users() -> Any:
    """By username unless ``sort`` says otherwise."""
    sort = reading.text("sort") or "username"
    if sort not in _ORDERS:
        raise InvalidSpec("sort", "Must be one of %(orders)s", orders=", ".join(_ORDERS))
    limit, begin = reading.limit(), offset()
    query = UserQuery(
        q=reading.text("q") or "",
        role=reading.text("role") or "",
        group=reading.text("group") or "",
        sort=sort,
        limit=limit,
        offset=begin,
    )
    found, total = administration().users.find(actor(), query)
    return {
        "items": [one.dump() for one in found],
        "next_cursor": str(begin + limit) if begin + limit < total else None,
        "total": total,
    }


@call(
    "POST",
    "/users",
    tag="Users",
    summary="Make a user",
    access=MANAGERS,
    body=schemas.ref("NewUser"),
    answer=schemas.ref("User"),
    status=201,
    problems=(409, 422),
)
def create_user() -> Any:
    """The password is never shown again."""
    return administration().users.create(actor(), reading.json_body()).dump()


@call(
    "POST",
    "/users/batch",
    tag="Users",
    summary="Make up to ten users, all of them or none",
    access=MANAGERS,
    body=schemas.ref("UserBatch"),
    answer=schemas.record(items=schemas.array(schemas.ref("User"))),
    status=201,
    problems=(409, 422),
)
def create_users() -> Any:
    """Errors name the row: ``users.2.username``."""
    made = administration().users.create_batch(actor(), reading.json_body())
    return {"items": [one.dump() for one in made]}


@call(
    "GET",
    "/users/<user_id>",
    tag="Users",
    summary="Show a user",
    access=MANAGERS,
    answer=schemas.ref("User"),
    problems=(404,),
)
def show_user(user_id: str) -> Any:
    """With his roles and groups."""
    return administration().users.get(actor(), number(user_id)).dump()


@call(
    "PATCH",
    "/users/<user_id>",
    tag="Users",
    summary="Change a user",
    access=MANAGERS,
    body=schemas.ref("UserChange"),
    answer=schemas.ref("User"),
    problems=(404, 409, 422),
)
def change_user(user_id: str) -> Any:
    """Only what is named. A new password and ``active: false`` end all his sessions."""
    body = reading.json_body()
    return administration().users.modify(actor(), number(user_id), body).dump()


@call(
    "DELETE",
    "/users/<user_id>",
    tag="Users",
    summary="Delete a user",
    access=MANAGERS,
    status=204,
    problems=(404, 409),
)
def delete_user(user_id: str) -> Any:
    """Not a System Admin, not oneself, not while his jobs have not ended."""
    administration().users.delete(actor(), number(user_id))
    return Response(status=204)
