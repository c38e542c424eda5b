"""Who calls: a bearer token (JWT or API key), or else the browser's session with its CSRF token.

A request that bears a token is judged by it alone. No other site can make a browser send one, so
such a request, and no other, needs no CSRF token.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import current_app, g, request
from flask_jwt_extended import get_jwt, verify_jwt_in_request
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Forbidden, Unauthorized

from portal.domain.permission import Actor, Permission
from portal.http import access

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Access:
    """Who may make a call; what they may do with the single thing is the service's business.

    ``any_of``: holders of one of these. ``member``: holders of any permission at all.
    """

    signed_in: bool = True
    member: bool = False
    any_of: tuple[Permission, ...] = ()


EVERYONE = Access(signed_in=False)
ACCOUNT = Access()
MEMBER = Access(member=True)


def holders(*permissions: Permission) -> Access:
    """Those who hold one of ``permissions``."""
    return Access(any_of=permissions)


def actor() -> Actor:
    """The one who calls, as the services know them."""
    return access.actor()


def admit(wanted: Access) -> None:
    """Let the request in, or raise ``Unauthorized`` (401) or ``Forbidden`` (403)."""
    if not wanted.signed_in:
        return
    if _bears_token():
        _identify_by_header()
    elif not access.signed_in():
        raise Unauthorized("Sign in, or send a bearer token", www_authenticate=_challenge())
    elif request.method not in SAFE_METHODS:
        current_app.extensions["csrf"].protect()
    _check_permission(wanted, actor())


def _bears_token() -> bool:
    return request.authorization is not None and request.authorization.type == "bearer"


def _identify_by_header() -> None:
    """Take the caller from the header, forgetting whoever the session's cookie names."""
    for name in ("actor", "grants"):
        g.pop(name, None)
    manager: Any = current_app.appbuilder.sm  # type: ignore[attr-defined]
    if current_app.config.get("FAB_API_KEY_ENABLED"):
        key = manager.extract_api_key_from_request()
        if key is not None:
            if manager.validate_api_key(key) is None:
                raise Unauthorized("The API key is not valid", www_authenticate=_challenge())
            g.by_api_key = True
            return
    verify_jwt_in_request()


def refuse_keys() -> None:
    """A key makes no other key: that one would go on when the first is revoked or has ended.

    Raises ``Forbidden``.
    """
    if g.get("by_api_key"):
        raise Forbidden("An API key cannot make another key; sign in, or use a bearer token")


def _challenge() -> WWWAuthenticate:
    return WWWAuthenticate("bearer", {"realm": "aoli"})


def _check_permission(wanted: Access, caller: Actor) -> None:
    if wanted.member and not caller.anything:
        raise Forbidden("Your account has no role yet; ask an administrator to give you one")
    if wanted.any_of and not any(access.allowed(permission) for permission in wanted.any_of):
        names = " or ".join(str(permission) for permission in wanted.any_of)
        raise Forbidden(f"This needs the permission {names}")


def recheck() -> Callable[[], Actor | None]:
    """A question to ask again later, outside the request: who is this caller now?

    ``None`` when they may nothing any more: see :func:`access.recheck`. A key that was revoked
    and a token from before a change of the password are worthless too; a token that has only
    grown old is not: what it opened goes on.
    """
    if not _bears_token():
        return access.recheck()
    key = current_app.appbuilder.sm.extract_api_key_from_request()  # type: ignore[attr-defined]
    if key is not None:
        return access.recheck(lambda manager: manager.validate_api_key(key))
    claims = get_jwt()
    return access.recheck(lambda manager: manager.load_user_jwt({}, claims))
