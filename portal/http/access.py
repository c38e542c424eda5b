"""Who is asking and what they may do: one query a request, kept in ``g``."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar, cast

from flask import Flask, abort, current_app, g, has_request_context, redirect, request, url_for

from portal.domain.permission import Actor, Permission, with_implied
from portal.people.grants import PERMISSION_VIEW, PREFIX, Grants, load_grants

View = TypeVar("View", bound=Callable[..., Any])


def signed_in() -> bool:
    """Whether somebody is signed in."""
    user = getattr(g, "user", None)
    return user is not None and bool(user.is_authenticated)


def grants() -> Grants:
    """What the one who asks may do."""
    if not signed_in():
        return Grants()
    if "grants" not in g:
        g.grants = load_grants(current_app.appbuilder.session, g.user.id)  # type: ignore[attr-defined]
    return cast(Grants, g.grants)


def actor() -> Actor:
    """The one who asks, as the services know them; only for those who are signed in."""
    if "actor" not in g:
        given = grants()
        g.actor = Actor(
            user_id=g.user.id,
            username=g.user.username,
            permissions=given.codes,
            groups=given.groups,
            nickname=g.user.nickname or "",
            roles=given.roles,
            address=(request.remote_addr or "") if has_request_context() else "",
        )
    return cast(Actor, g.actor)


def recheck(look: Callable[[Any], Any] | None = None) -> Callable[[], Actor | None]:
    """A question to ask again later, outside the request: who is this reader now?

    ``None`` when the account was disabled, its sessions were ended, or its roles give nothing
    any more. ``look`` finds the user by the security manager, for whoever did not come with a
    session.
    """
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    session_id = str(g.user.get_id())

    def ask() -> Actor | None:
        with app.app_context():
            manager: Any = app.appbuilder.sm  # type: ignore[attr-defined]
            g.user = look(manager) if look is not None else manager.load_user(session_id)
            found = actor() if g.user is not None else None
            return found if found is not None and found.anything else None

    return ask


def has_access(permission_name: str, view_name: str) -> bool:
    """Flask-AppBuilder's question (``@protect``, ``@has_access``), by its names.

    The platform's permissions are answered as the services do: managing all jobs includes
    seeing them.
    """
    if view_name == PERMISSION_VIEW and permission_name.startswith(PREFIX):
        return permission_name.removeprefix(PREFIX) in with_implied(grants().codes)
    return (permission_name, view_name) in grants().pairs


def allowed(permission: Permission) -> bool:
    """Whether somebody is signed in who has a platform permission; Flask-AppBuilder is asked."""
    manager: Any = current_app.appbuilder.sm  # type: ignore[attr-defined]
    return signed_in() and bool(manager.has_access(f"{PREFIX}{permission}", PERMISSION_VIEW))


def sign_in_required(view: View) -> View:
    """Send whoever is not signed in to the sign-in page."""

    @functools.wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        return view(*args, **kwargs) if signed_in() else _to_sign_in()

    return cast(View, guarded)


def requires(*permissions: Permission) -> Callable[[View], View]:
    """Let in whoever has one of the permissions; without arguments, any permission at all.

    Others see the not-authorized page.
    """

    def decorate(view: View) -> View:
        @functools.wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            if not signed_in():
                return _to_sign_in()
            wanted = permissions or tuple(Permission)
            if not any(allowed(permission) for permission in wanted):
                g.needed_permission = permissions[0] if permissions else ""
                abort(403)
            return view(*args, **kwargs)

        return cast(View, guarded)

    return decorate


def _to_sign_in() -> Any:
    if request.headers.get("X-Requested-With"):
        abort(401)
    target = request.full_path.rstrip("?") if request.method == "GET" else None
    return redirect(url_for("SignInView.login", next=target))
