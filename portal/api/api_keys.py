"""Calls on one's own API keys."""

from __future__ import annotations

from typing import Any

from flask import Response

from portal.api import reading, schemas
from portal.api.auth import ACCOUNT, actor, refuse_keys
from portal.api.calls import call
from portal.api.jobs import PAGING
from portal.api.people import number
from portal.people import api_keys
from portal.people.administration import session

_KEY: dict[str, Any] = {
    "id": schemas.NUMBER,
    "name": schemas.TEXT,
    "begins": {**schemas.TEXT, "description": "The first characters of the key"},
    "created_at": schemas.or_null(schemas.TIME),
    "expires_at": schemas.or_null(schemas.TIME),
    "last_used_at": schemas.or_null(schemas.TIME),
}
schemas.COMPONENTS.update(
    ApiKey=schemas.record(**_KEY),
    MadeApiKey=schemas.record(
        **_KEY, key={**schemas.TEXT, "description": "The key; it is never shown again"}
    ),
    NewApiKey=schemas.closed(
        schemas.record(
            ("expires_at",),
            name={**schemas.TEXT, "minLength": 1, "maxLength": 64},
            expires_at=schemas.or_null(schemas.TIME),
        )
    ),
)


@call(
    "GET",
    "/me/api-keys",
    tag="Account",
    summary="List your API keys",
    access=ACCOUNT,
    query=PAGING,
    answer=schemas.page(schemas.ref("ApiKey")),
    problems=(422,),
)
def list_api_keys() -> Any:
    """Newest first, never the keys themselves."""
    return reading.page_of([key.dump() for key in api_keys.listed(session(), actor().user_id)])


@call(
    "POST",
    "/me/api-keys",
    tag="Account",
    summary="Make an API key",
    access=ACCOUNT,
    body=schemas.ref("NewApiKey"),
    answer=schemas.ref("MadeApiKey"),
    status=201,
    problems=(403, 409, 422),
)
def create_api_key() -> Any:
    """Send it as ``Authorization: Bearer <key>``. It may do whatever you may, but make keys."""
    refuse_keys()
    body = reading.json_body()
    if isinstance(body, dict) and body.get("expires_at", 1) is None:
        del body["expires_at"]
    made, key = api_keys.create(session(), actor(), body)
    return {**made.dump(), "key": key}


@call(
    "DELETE",
    "/me/api-keys/<key_id>",
    tag="Account",
    summary="Revoke an API key",
    access=ACCOUNT,
    status=204,
    problems=(404,),
)
def revoke_api_key(key_id: str) -> Any:
    """It is worthless at once."""
    api_keys.revoke(session(), actor(), number(key_id))
    return Response(status=204)
