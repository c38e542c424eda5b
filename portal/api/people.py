"""Calls on users, groups and roles, for whoever administers them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from flask import Response
from pydantic import BaseModel, Field

from portal.api import reading
from portal.api.auth import actor, holders
from portal.api.calls import PAGING, Parameter, call
from portal.api.schemas import Closed, OrLeftOut, Page, Password, Shape, about, choice
from portal.domain.permission import Permission
from portal.people.account_fields import MAX_BATCH
from portal.people.administration import administration
from portal.people.directory import SORTS, UserQuery

MANAGERS = holders(Permission.MANAGE_USERS)
_ORDERS = [key for name in SORTS for key in (name, f"-{name}")]


Nickname = Annotated[str, Field(max_length=64)]
Phone = Annotated[str, Field(max_length=32)]
Email = Annotated[str, Field(max_length=320)]


class _Person(BaseModel):
    phone: OrLeftOut[Phone] = None
    email: OrLeftOut[Email] = None


class User(_Person):
    """An account."""

    id: int
    username: str
    nickname: Nickname
    phone: Phone
    email: Email
    active: bool
    roles: list[str]
    groups: list[str]
    group_roles: list[str] = about("Roles that come through groups")
    created_at: datetime | None
    last_seen: datetime | None


class NewPerson(_Person, extra="forbid"):
    """One of several users to make."""

    username: str = Field(pattern="^[A-Za-z0-9._-]{3,64}$")
    nickname: Nickname
    password: Password


class NewUser(NewPerson):
    """A user to make."""

    roles: OrLeftOut[list[str]] = None
    groups: OrLeftOut[list[str]] = None


class UserChange(_Person, extra="forbid"):
    """What is to be changed of a user."""

    nickname: OrLeftOut[Nickname] = None
    active: OrLeftOut[bool] = None
    roles: OrLeftOut[list[str]] = None
    groups: OrLeftOut[list[str]] = None
    password: OrLeftOut[Password] = None


class UserBatch(Closed):
    """Users to make with the same roles."""

    users: list[NewPerson] = Field(min_length=1, max_length=MAX_BATCH)
    roles: list[str] = Field(min_length=1)


class Users(Shape):
    """The users that were made."""

    items: list[User]


@call(
    "GET",
    "/users",
    tag="Users",
    summary="List and search users",
    access=MANAGERS,
    query=(
        Parameter("q", str, "Part of a name, phone or e-mail"),
        Parameter("role", str, "Who hold this role, direct or through a group"),
        Parameter("group", str, "Members of this group"),
        Parameter("sort", choice(_ORDERS, default="username"), "Order"),
        *PAGING,
    ),
    answer=Page[User],
    problems=(422,),
)
def list_users() -> Any:
    """By username unless ``sort`` says otherwise."""
    limit, begin = reading.limit(), reading.cursor() or 0
    query = UserQuery(
        q=reading.text("q") or "",
        role=reading.text("role") or "",
        group=reading.text("group") or "",
        sort=reading.one_of("sort", _ORDERS),
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
    body=NewUser,
    answer=User,
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
    body=UserBatch,
    answer=Users,
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
    answer=User,
    problems=(404,),
)
def show_user(user_id: str) -> Any:
    """With his roles and groups."""
    return administration().users.get(actor(), reading.number(user_id)).dump()


@call(
    "PATCH",
    "/users/<user_id>",
    tag="Users",
    summary="Change a user",
    access=MANAGERS,
    body=UserChange,
    answer=User,
    problems=(404, 409, 422),
)
def change_user(user_id: str) -> Any:
    """Only what is named. A new password and ``active: false`` end all his sessions."""
    body = reading.json_body()
    return administration().users.modify(actor(), reading.number(user_id), body).dump()


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
    administration().users.delete(actor(), reading.number(user_id))
    return Response(status=204)
