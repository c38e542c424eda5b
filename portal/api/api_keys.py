"""Calls on one's own API keys."""

from __future__ import annotations

from typing import Any

from flask import Response
from pydantic import Field

from portal.api import reading
from portal.api.auth import ACCOUNT, actor, refuse_keys
from portal.api.calls import PAGING, call
from portal.api.schemas import Closed, Page, Shape, Time, about
from portal.people import api_keys
from portal.people.administration import session


class ApiKey(Shape):
    """An API key of yours, without the key itself."""

    id: int
    name: str
    begins: str = about("The first characters of the key")
    created_at: Time | None
    expires_at: Time | None
    last_used_at: Time | None


class MadeApiKey(ApiKey):
    """A new API key."""

    key: str = about("The key; it is never shown again")


class NewApiKey(Closed):
    """An API key to make."""

    name: str = Field(min_length=1, max_length=64)
    expires_at: Time | None = None


@call(
    "GET",
    "/me/api-keys",
    tag="Account",
    summary="List your API keys",
    access=ACCOUNT,
    query=PAGING,
    answer=Page[ApiKey],
    problems=(422,),
)
def list_api_keys() -> Any:
    """Newest first, never the keys themselves."""
    return reading.page_of([ApiKey.of(key) for key in api_keys.listed(session(), actor().user_id)])


@call(
    "POST",
    "/me/api-keys",
    tag="Account",
    summary="Make an API key",
    access=ACCOUNT,
    body=NewApiKey,
    answer=MadeApiKey,
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
    return MadeApiKey.of(made, key=key)


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
    api_keys.revoke(session(), actor(), reading.number(key_id))
    return Response(status=204)
