"""Calls on users, groups and roles, for whoever administers them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from portal.api import reading
from portal.api.auth import actor
from portal.api.calls import Parameter, call
from portal.api.crud import MANAGERS, CrudCalls
from portal.api.schemas import Closed, OrLeftOut, Password, Shape, Time, about, choice
from portal.people.account_fields import MAX_BATCH
from portal.people.administration import administration
from portal.people.directory import SORTS
from portal.people.groups_and_roles import GroupFacts, RoleFacts

_ORDERS = [key for name in SORTS for key in (name, f"-{name}")]
Nickname = Annotated[str, Field(max_length=64)]
Phone = Annotated[str, Field(max_length=32)]
Email = Annotated[str, Field(max_length=320)]
Name = Annotated[str, Field(max_length=64)]
Description = Annotated[str, Field(max_length=512)]
Permissions = Annotated[list[str], Field(min_length=1)]


class _Person(Shape):
    phone: OrLeftOut[Phone] = None
    email: OrLeftOut[Email] = None


class User(Shape):
    """An account."""

    id: int
    username: str
    nickname: str
    phone: str
    email: str
    active: bool
    roles: list[str]
    groups: list[str]
    group_roles: list[str] = about("Roles that come through groups")
    created_at: Time | None
    last_seen: Time | None


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


class NewGroup(Closed):
    """A group to make."""

    name: Name
    description: Description
    roles: list[str]
    users: OrLeftOut[list[str]] = about("Usernames of the members", default=None)


class GroupChange(Closed):
    """What is to be changed of a group."""

    name: OrLeftOut[Name] = None
    description: OrLeftOut[Description] = None
    roles: OrLeftOut[list[str]] = None
    users: OrLeftOut[list[str]] = about("Usernames of the members", default=None)


class Group(Shape):
    """A group."""

    id: int
    name: str
    description: str
    roles: list[str]
    users: list[str] = about("Usernames of the members")
    created_at: Time | None

    @classmethod
    def of(cls, thing: GroupFacts, **more: Any) -> dict[str, Any]:
        """With its members by name."""
        return super().of(thing, users=thing.usernames, **more)


class NewRole(Closed):
    """A custom role to make."""

    name: Name
    description: Description
    permissions: Permissions


class RoleChange(Closed):
    """What is to be changed of a role."""

    name: OrLeftOut[Name] = None
    description: OrLeftOut[Description] = None
    permissions: OrLeftOut[Permissions] = None


class Role(Shape):
    """A role."""

    id: int
    name: str
    description: str
    permissions: list[str]
    type: Literal["preset", "custom"]
    users: int = about("Holders, direct and through groups")

    @classmethod
    def of(cls, thing: RoleFacts, **more: Any) -> dict[str, Any]:
        """With its kind in a word."""
        kind = "preset" if thing.preset else "custom"
        return super().of(thing, type=kind, permissions=thing.codes, **more)


def _narrow() -> dict[str, Any]:
    texts = {name: reading.text(name) or "" for name in ("role", "group")}
    return {**texts, "sort": reading.one_of("sort", _ORDERS)}


_USERS = (
    Parameter("q", str, "Part of a name, phone or e-mail"),
    Parameter("role", str, "Who hold this role, direct or through a group"),
    Parameter("group", str, "Members of this group"),
    Parameter("sort", choice(_ORDERS, default="username"), "Order"),
)
_SEARCH = (Parameter("q", str, "Part of the name or description"),)

CrudCalls(User, NewUser, UserChange, lambda: administration().users, _USERS, narrow=_narrow).add(
    {
        "list": "List and search users: By username unless ``sort`` says otherwise.",
        "create": "Make a user: The password is never shown again.",
        "show": "Show a user: With his roles and groups.",
        "change": "Change a user: Only what is named. A new password and ``active: false`` end all"
        " his sessions.",
        "delete": "Delete a user: Not a System Admin, not oneself, not while his jobs have not"
        " ended.",
    }
)
CrudCalls(Group, NewGroup, GroupChange, lambda: administration().groups, _SEARCH).add(
    {
        "list": "List groups: By name, with their members.",
        "create": "Make a group: Its roles count for its members.",
        "show": "Show a group: With its roles and members.",
        "change": "Change a group: Only what is named; ``users`` is the whole membership.",
        "delete": "Delete a group: Its members lose its roles. Refused while a virtual cluster"
        " lists it.",
    }
)
CrudCalls(Role, NewRole, RoleChange, lambda: administration().roles, _SEARCH).add(
    {
        "list": "List roles: Presets first.",
        "create": "Make a custom role: Only permissions that you have yourself.",
        "show": "Show a role: With its permissions.",
        "change": "Change a custom role: Holders have the new permissions at once. Presets are"
        " fixed.",
        "delete": "Delete a custom role: Its holders lose it.",
    }
)


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
    return {"items": [User.of(one) for one in made]}
