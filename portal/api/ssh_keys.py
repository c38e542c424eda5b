"""Calls on one's own SSH keys."""

from __future__ import annotations

from typing import Any

from flask import Response
from pydantic import Field

from portal.api import reading
from portal.api.auth import ACCOUNT, actor, refuse_keys
from portal.api.calls import PAGING, call
from portal.api.schemas import Closed, Page, Shape, Time, about
from portal.http.services import services
from portal.services.people import ssh_keys


class SshKey(Shape):
    """A public key of yours."""

    id: int
    name: str
    type: str = about("Such as ssh-ed25519")
    key: str = about("The public key as in authorized_keys")
    fingerprint: str = about("SHA256:…, as ssh-keygen -l shows it")
    created_at: Time


class NewSshKey(Closed):
    """A public key to add."""

    name: str = Field(min_length=1, max_length=ssh_keys.MAX_NAME)
    key: str = about("One line of a .pub file")


@call(
    "GET",
    "/me/ssh-keys",
    tag="Account",
    summary="List your SSH keys",
    access=ACCOUNT,
    query=PAGING,
    answer=Page[SshKey],
    problems=(422,),
)
def list_ssh_keys() -> Any:
    """Newest first."""
    return reading.page_of(
        [SshKey.of(key, type=key.kind) for key in ssh_keys.listed(actor().user_id)]
    )


@call(
    "POST",
    "/me/ssh-keys",
    tag="Account",
    summary="Add a public SSH key",
    access=ACCOUNT,
    body=NewSshKey,
    answer=SshKey,
    status=201,
    problems=(403, 409, 422),
)
def create_ssh_key() -> Any:
    """It opens SSH endpoints of your jobs. Types: ed25519, ecdsa, rsa from 2048 bits."""
    refuse_keys()
    body = reading.json_object(("name", "key"))
    made = ssh_keys.add(actor(), body["name"], body["key"], services().clock())
    return SshKey.of(made, type=made.kind)


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
    ssh_keys.remove(actor(), reading.number(key_id), services().clock())
    return Response(status=204)
