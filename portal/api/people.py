"""Calls on users, groups and roles, for whoever administers them."""

from __future__ import annotations

from typing import Any

from portal.api import reading, schemas
from portal.api.auth import actor
from portal.api.calls import Parameter, call
from portal.api.crud import MANAGERS, CrudCalls
from portal.domain.errors import InvalidSpec
from portal.people.account_fields import MAX_BATCH
from portal.people.administration import administration
from portal.people.directory import SORTS

_NAMES = schemas.array(schemas.TEXT)
_PASSWORD = {**schemas.TEXT, "writeOnly": True}
_PERSON = {
    "nickname": {**schemas.TEXT, "maxLength": 64},
    "phone": {**schemas.TEXT, "maxLength": 32},
    "email": {**schemas.TEXT, "maxLength": 320},
}
_NEW = {
    "username": {**schemas.TEXT, "pattern": "^[A-Za-z0-9._-]{3,64}$"},
    "password": _PASSWORD,
    **_PERSON,
}
_CHANGE = {
    **_PERSON,
    "active": schemas.YES_NO,
    "roles": _NAMES,
    "groups": _NAMES,
    "password": _PASSWORD,
}
_NAMED = {
    "name": {**schemas.TEXT, "maxLength": 64},
    "description": {**schemas.TEXT, "maxLength": 512},
}
_GROUP = {
    **_NAMED,
    "roles": _NAMES,
    "users": {**_NAMES, "description": "Usernames of the members"},
}
_ROLE = {**_NAMED, "permissions": {**_NAMES, "minItems": 1}}
_ORDERS = [key for name in SORTS for key in (name, f"-{name}")]


def _closed(optional: Any, **properties: Any) -> schemas.Schema:
    return schemas.closed(schemas.record(tuple(optional), **properties))


schemas.COMPONENTS.update(
    User=schemas.record(
        id=schemas.NUMBER,
        username=schemas.TEXT,
        **_PERSON,
        active=schemas.YES_NO,
        roles=_NAMES,
        groups=_NAMES,
        group_roles={**_NAMES, "description": "Roles that come through groups"},
        created_at=schemas.or_null(schemas.TIME),
        last_seen=schemas.or_null(schemas.TIME),
    ),
    NewUser=_closed(("phone", "email", "roles", "groups"), **_NEW, roles=_NAMES, groups=_NAMES),
    UserChange=_closed(_CHANGE, **_CHANGE),
    UserBatch=_closed(
        (),
        users=schemas.array(_closed(("phone", "email"), **_NEW), minItems=1, maxItems=MAX_BATCH),
        roles={**_NAMES, "minItems": 1},
    ),
    Group=schemas.record(id=schemas.NUMBER, **_GROUP, created_at=schemas.or_null(schemas.TIME)),
    NewGroup=_closed(("users",), **_GROUP),
    GroupChange=_closed(_GROUP, **_GROUP),
    Role=schemas.record(
        id=schemas.NUMBER,
        name=schemas.TEXT,
        description=schemas.TEXT,
        permissions=_NAMES,
        type={"type": "string", "enum": ["preset", "custom"]},
        users={**schemas.NUMBER, "description": "Holders, direct and through groups"},
    ),
    NewRole=_closed((), **_ROLE),
    RoleChange=_closed(_ROLE, **_ROLE),
)


def _narrow() -> dict[str, Any]:
    sort = reading.text("sort") or "username"
    if sort not in _ORDERS:
        raise InvalidSpec("sort", "Must be one of %(orders)s", orders=", ".join(_ORDERS))
    return {"role": reading.text("role") or "", "group": reading.text("group") or "", "sort": sort}


_USERS = (
    Parameter("q", schemas.TEXT, "Part of a name, phone or e-mail"),
    Parameter("role", schemas.TEXT, "Who hold this role, direct or through a group"),
    Parameter("group", schemas.TEXT, "Members of this group"),
    Parameter("sort", {"type": "string", "enum": _ORDERS, "default": "username"}, "Order"),
)
_SEARCH = (Parameter("q", schemas.TEXT, "Part of the name or description"),)

CrudCalls("user", lambda: administration().users, _USERS, narrow=_narrow).add(
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
CrudCalls("group", lambda: administration().groups, _SEARCH).add(
    {
        "list": "List groups: By name, with their members.",
        "create": "Make a group: Its roles count for its members.",
        "show": "Show a group: With its roles and members.",
        "change": "Change a group: Only what is named; ``users`` is the whole membership.",
        "delete": "Delete a group: Its members lose its roles. Refused while a virtual cluster"
        " lists it.",
    }
)
CrudCalls("role", lambda: administration().roles, _SEARCH).add(
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
    body=schemas.ref("UserBatch"),
    answer=schemas.record(items=schemas.array(schemas.ref("User"))),
    status=201,
    problems=(409, 422),
)
def create_users() -> Any:
    """Errors name the row: ``users.2.username``."""
    made = administration().users.create_batch(actor(), reading.json_body())
    return {"items": [one.dump() for one in made]}
