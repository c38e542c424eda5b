"""Calls on groups and roles, for whoever administers users."""

from __future__ import annotations

from typing import Any

from flask import Response

from portal.api import reading, schemas
from portal.api.auth import actor
from portal.api.calls import Parameter, call
from portal.api.jobs import PAGING
from portal.api.people import MANAGERS, NAMES, number
from portal.people.administration import administration
from portal.people.groups_and_roles import matching

SEARCH = Parameter("q", schemas.TEXT, "Part of the name or description")
_GROUP: dict[str, Any] = {
    "name": {**schemas.TEXT, "maxLength": 64},
    "description": {**schemas.TEXT, "maxLength": 512},
    "roles": NAMES,
    "users": {**NAMES, "description": "Usernames of the members"},
}
_ROLE: dict[str, Any] = {
    "name": {**schemas.TEXT, "maxLength": 64},
    "description": {**schemas.TEXT, "maxLength": 512},
    "permissions": {**NAMES, "minItems": 1},
}
schemas.COMPONENTS.update(
    Group=schemas.record(id=schemas.NUMBER, **_GROUP, created_at=schemas.or_null(schemas.TIME)),
    NewGroup=schemas.closed(schemas.record(("users",), **_GROUP)),
    GroupChange=schemas.closed(schemas.record(tuple(_GROUP), **_GROUP)),
    Role=schemas.record(
        id=schemas.NUMBER,
        name=schemas.TEXT,
        description=schemas.TEXT,
        permissions=NAMES,
        type={"type": "string", "enum": ["preset", "custom"]},
        users={**schemas.NUMBER, "description": "Holders, direct and through groups"},
    ),
    NewRole=schemas.closed(schemas.record(**_ROLE)),
    RoleChange=schemas.closed(schemas.record(tuple(_ROLE), **_ROLE)),
)


@call(
    "GET",
    "/groups",
    tag="Groups",
    summary="List groups",
    access=MANAGERS,
    query=(SEARCH, *PAGING),
    answer=schemas.page(schemas.ref("Group")),
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
    body=schemas.ref("NewGroup"),
    answer=schemas.ref("Group"),
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
    answer=schemas.ref("Group"),
    problems=(404,),
)
def show_group(group_id: str) -> Any:
    """With its roles and members."""
    return administration().groups.get(actor(), number(group_id)).dump()


@call(
    "PATCH",
    "/groups/<group_id>",
    tag="Groups",
    summary="Change a group",
    access=MANAGERS,
    body=schemas.ref("GroupChange"),
    answer=schemas.ref("Group"),
    problems=(404, 409, 422),
)
def change_group(group_id: str) -> Any:
    """Only what is named; ``users`` is the whole membership."""
    body = reading.json_body()
    return administration().groups.modify(actor(), number(group_id), body).dump()


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
    administration().groups.delete(actor(), number(group_id))
    return Response(status=204)


@call(
    "GET",
    "/roles",
    tag="Roles",
    summary="List roles",
    access=MANAGERS,
    query=(SEARCH, *PAGING),
    answer=schemas.page(schemas.ref("Role")),
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
    body=schemas.ref("NewRole"),
    answer=schemas.ref("Role"),
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
    answer=schemas.ref("Role"),
    problems=(404,),
)
def show_role(role_id: str) -> Any:
    """With its permissions."""
    return administration().roles.get(actor(), number(role_id)).dump()


@call(
    "PATCH",
    "/roles/<role_id>",
    tag="Roles",
    summary="Change a custom role",
    access=MANAGERS,
    body=schemas.ref("RoleChange"),
    answer=schemas.ref("Role"),
    problems=(404, 409, 422),
)
def change_role(role_id: str) -> Any:
    """Holders have the new permissions at once. Presets are fixed."""
    body = reading.json_body()
    return administration().roles.modify(actor(), number(role_id), body).dump()


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
    administration().roles.delete(actor(), number(role_id))
    return Response(status=204)
