"""Calls on groups and roles, for whoever administers users."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from flask import Response
from pydantic import Field

from portal.api import reading
from portal.api.auth import actor
from portal.api.calls import PAGING, Parameter, call
from portal.api.people import MANAGERS
from portal.api.schemas import Closed, OrLeftOut, Page, Shape, about
from portal.people.administration import administration
from portal.people.groups_and_roles import matching

SEARCH = Parameter("q", str, "Part of the name or description")

Name = Annotated[str, Field(max_length=64)]
Description = Annotated[str, Field(max_length=512)]
Permissions = Annotated[list[str], Field(min_length=1)]


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
    name: Name
    description: Description
    roles: list[str]
    users: list[str] = about("Usernames of the members")
    created_at: datetime | None


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


@call(
    "GET",
    "/groups",
    tag="Groups",
    summary="List groups",
    access=MANAGERS,
    query=(SEARCH, *PAGING),
    answer=Page[Group],
    problems=(422,),
)
def list_groups() -> Any:
    """By name, with their members."""
    service = administration().groups
    page = reading.page_of(matching(service.listed(actor()), reading.text("q") or ""))
    groups = service.with_members(actor(), page["items"])
    return {**page, "items": [group.dump() for group in groups]}


@call(
    "POST",
    "/groups",
    tag="Groups",
    summary="Make a group",
    access=MANAGERS,
    body=NewGroup,
    answer=Group,
    status=201,
    problems=(409, 422),
)
def create_group() -> Any:
    """Its roles count for its members."""
    return administration().groups.create(actor(), reading.json_body()).dump()


@call(
    "GET",
    "/groups/<group_id>",
    tag="Groups",
    summary="Show a group",
    access=MANAGERS,
    answer=Group,
    problems=(404,),
)
def show_group(group_id: str) -> Any:
    """With its roles and members."""
    return administration().groups.get(actor(), reading.number(group_id)).dump()


@call(
    "PATCH",
    "/groups/<group_id>",
    tag="Groups",
    summary="Change a group",
    access=MANAGERS,
    body=GroupChange,
    answer=Group,
    problems=(404, 409, 422),
)
def change_group(group_id: str) -> Any:
    """Only what is named; ``users`` is the whole membership."""
    body = reading.json_body()
    return administration().groups.modify(actor(), reading.number(group_id), body).dump()


@call(
    "DELETE",
    "/groups/<group_id>",
    tag="Groups",
    summary="Delete a group",
    access=MANAGERS,
    status=204,
    problems=(404, 409),
)
def delete_group(group_id: str) -> Any:
    """Its members lose its roles. Refused while a virtual cluster lists it."""
    administration().groups.delete(actor(), reading.number(group_id))
    return Response(status=204)


@call(
    "GET",
    "/roles",
    tag="Roles",
    summary="List roles",
    access=MANAGERS,
    query=(SEARCH, *PAGING),
    answer=Page[Role],
    problems=(422,),
)
def list_roles() -> Any:
    """Presets first."""
    service = administration().roles
    page = reading.page_of(matching(service.listed(actor()), reading.text("q") or ""))
    roles = service.counted(actor(), page["items"])
    return {**page, "items": [role.dump() for role in roles]}


@call(
    "POST",
    "/roles",
    tag="Roles",
    summary="Make a custom role",
    access=MANAGERS,
    body=NewRole,
    answer=Role,
    status=201,
    problems=(409, 422),
)
def create_role() -> Any:
    """Only permissions that you have yourself."""
    return administration().roles.create(actor(), reading.json_body()).dump()


@call(
    "GET",
    "/roles/<role_id>",
    tag="Roles",
    summary="Show a role",
    access=MANAGERS,
    answer=Role,
    problems=(404,),
)
def show_role(role_id: str) -> Any:
    """With its permissions."""
    return administration().roles.get(actor(), reading.number(role_id)).dump()


@call(
    "PATCH",
    "/roles/<role_id>",
    tag="Roles",
    summary="Change a custom role",
    access=MANAGERS,
    body=RoleChange,
    answer=Role,
    problems=(404, 409, 422),
)
def change_role(role_id: str) -> Any:
    """Holders have the new permissions at once. Presets are fixed."""
    body = reading.json_body()
    return administration().roles.modify(actor(), reading.number(role_id), body).dump()


@call(
    "DELETE",
    "/roles/<role_id>",
    tag="Roles",
    summary="Delete a custom role",
    access=MANAGERS,
    status=204,
    problems=(404, 409),
)
def delete_role(role_id: str) -> Any:
    """Its holders lose it."""
    administration().roles.delete(actor(), reading.number(role_id))
    return Response(status=204)
