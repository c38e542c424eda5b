"""Calls on one's own SSH keys."""

from __future__ import annotations

from typing import Any

from flask import Response

from portal.api import reading, schemas
from portal.api.auth import ACCOUNT, actor, refuse_keys
from portal.api.calls import call
from portal.api.jobs import PAGING
from portal.api.people import number
from portal.http.services import services
from portal.services.people import ssh_keys

schemas.COMPONENTS.update(
    SshKey=schemas.record(
        id=schemas.NUMBER,
        name=schemas.TEXT,
        type={**schemas.TEXT, "description": "Such as ssh-ed25519"},
        key={**schemas.TEXT, "description": "The public key as in authorized_keys"},
        fingerprint={**schemas.TEXT, "description": "SHA256:…, as ssh-keygen -l shows it"},
        created_at=schemas.TIME,
    ),
    NewSshKey=schemas.closed(
        schemas.record(
            name={**schemas.TEXT, "minLength": 1, "maxLength": ssh_keys.MAX_NAME},
            key={**schemas.TEXT, "description": "One line of a .pub file"},
        )
    ),
)


@call(
    "GET",
    "/me/ssh-keys",
    tag="Account",
    summary="List your SSH keys",
    access=ACCOUNT,
    query=PAGING,
    answer=schemas.page(schemas.ref("SshKey")),
    problems=(422,),
)
def list_ssh_keys() -> Any:
    """Newest first."""
    return reading.page_of([key.dump() for key in ssh_keys.listed(actor().user_id)])


@call(
    "POST",
    "/me/ssh-keys",
    tag="Account",
    summary="Add a public SSH key",
    access=ACCOUNT,
    body=schemas.ref("NewSshKey"),
    answer=schemas.ref("SshKey"),
    status=201,
    problems=(403, 409, 422),
)
def create_ssh_key() -> Any:
    """It opens SSH endpoints of your jobs. Types: ed25519, ecdsa, rsa from 2048 bits."""
    refuse_keys()
    body = reading.json_object(("name", "key"))
    return ssh_keys.add(actor(), body["name"], body["key"], services().clock()).dump()


@call(
    "DELETE",
    "/me/ssh-keys/<key_id>",
    tag="Account",
    summary="Delete an SSH key",
    access=ACCOUNT,
    status=204,
    problems=(404,),
)
def delete_ssh_key(key_id: str) -> Any:
    """It opens nothing new from now on."""
    ssh_keys.remove(actor(), number(key_id), services().clock())
    return Response(status=204)
