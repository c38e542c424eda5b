"""Signing in with WeChat and Microsoft (A3, A4), and binding them to an account (A5)."""

from __future__ import annotations

import functools
import logging
import time
from typing import Any
from urllib.parse import urlsplit

from flask import (
    Blueprint,
    Flask,
    abort,
    current_app,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask import session as browser_session

from portal.domain.errors import Conflict, InvalidSpec
from portal.http.access import actor, sign_in_required, signed_in
from portal.http.database import let_go
from portal.http.redirects import safe_path
from portal.people import bindings, own_account
from portal.people.administration import administration, session
from portal.people.provider import BUSY, STALE, Outsider, Provider, ProviderRefused
from portal.settings import Settings
from portal.web.base.refusals import errors_of, refusal
from portal.web.base.words import gettext
from portal.web.sign_in.microsoft import Microsoft
from portal.web.sign_in.page import address, open_session
from portal.web.sign_in.sign_up import too_many, wait_s
from portal.web.sign_in.throttle import Throttle
from portal.web.sign_in.wechat import WeChat

log = logging.getLogger(__name__)

blueprint = Blueprint("outside", __name__)

PURPOSE, NEWCOMER = "outside_purpose", "outside_newcomer"
TIME_S = 600
"""So long somebody who came back may take to fill in the sign-up form."""
FIELDS = ("username", "nickname", "password", "password_again")


def install(app: Flask, settings: Settings) -> None:
    """Offer the ways that are configured."""
    offered: dict[str, Provider] = {}
    if settings.wechat_app_id:
        secret = settings.wechat_app_secret.get_secret_value()
        urls = settings.wechat_page_url, settings.wechat_api_url
        offered["wechat"] = WeChat(settings.wechat_app_id, secret, *urls)
    if settings.microsoft_client_id:
        offered["microsoft"] = Microsoft(
            app,
            settings.microsoft_client_id,
            settings.microsoft_client_secret.get_secret_value(),
            settings.microsoft_tenant,
            settings.microsoft_url,
        )
    app.extensions["aoli-providers"] = offered
    targets = {"wechat": settings.wechat_page_url, "microsoft": settings.microsoft_url}
    app.config["AOLI_FORM_TARGETS"] = [
        "{0.scheme}://{0.netloc}".format(urlsplit(targets[name])) for name in offered
    ]
    app.config["AOLI_PUBLIC_URL"] = settings.public_url.rstrip("/")


def _provider(name: str) -> Provider:
    found: Provider | None = current_app.extensions["aoli-providers"].get(name)
    if found is None:
        abort(404)
    return found


def _callback(name: str) -> str:
    public = current_app.config["AOLI_PUBLIC_URL"]
    path = url_for("outside.callback", provider=name)
    return (
        f"{public}{path}" if public else url_for("outside.callback", provider=name, _external=True)
    )


def _leave(name: str, *, bind: int = 0) -> Any:
    """Send the browser away; the session remembers why."""
    browser_session[PURPOSE] = {
        "provider": name,
        "bind": bind,
        "next": safe_path(request.args.get("next")) or "",
    }
    try:
        return _provider(name).start(_callback(name))
    except ProviderRefused as refused:
        return _sorry(refused, bind)


def _sorry(refused: ProviderRefused, bind: int) -> Any:
    log.info("sign-in from outside: %s", refused)
    flash(gettext(refused.words.template), "danger")
    return redirect(url_for("account.index" if bind else "SignInView.login"), 303)


@blueprint.get("/login/oauth/<provider>")
def start(provider: str) -> Any:
    """Begin to sign in."""
    _provider(provider)
    return redirect(url_for("home.index")) if signed_in() else _leave(provider)


@blueprint.get("/login/oauth/<provider>/callback")
def callback(provider: str) -> Any:
    """Back from the provider."""
    way = _provider(provider)
    purpose = browser_session.pop(PURPOSE, None) or {}
    bind = int(purpose.get("bind", 0))
    try:
        if purpose.get("provider") != provider:
            raise ProviderRefused(STALE, "purpose")
        outsider = _finish(way, provider)
    except ProviderRefused as refused:
        return _sorry(refused, bind)
    return _bound(outsider, bind) if bind else _entered(outsider, purpose.get("next") or "/")


def _finish(way: Provider, name: str) -> Outsider:
    """Who came back. Those whom the provider does not know count, not those on their way."""
    throttle: Throttle = current_app.extensions["aoli-outside-throttle"]
    if throttle.wait_s(name, address()):
        raise ProviderRefused(BUSY, address())
    let_go()
    try:
        outsider = way.finish()
    except ProviderRefused:
        throttle.take(name, address())
        raise
    throttle.succeeded(name, address())
    return outsider


def _bound(outsider: Outsider, bind: int) -> Any:
    """Back to the account, if it is still the same who asked."""
    if not signed_in() or actor().user_id != bind:
        abort(403)
    try:
        bindings.bind(session(), actor(), outsider)
    except Conflict as refused:
        flash(refusal(refused), "danger")
    else:
        flash(gettext("You can sign in with it from now on"), "success")
    return redirect(url_for("account.index"), 303)


def _entered(outsider: Outsider, target: str) -> Any:
    user = bindings.owner(session(), outsider)
    if user is not None:
        return _let_in(user, target)
    if not current_app.config["AOLI_SIGN_UP"]:
        flash(gettext("There is no account for this identity. Ask an administrator."), "danger")
        return redirect(url_for("SignInView.login"), 303)
    if outsider.provider == "microsoft":
        return _let_in(bindings.make_account(session(), outsider, address()), target)
    browser_session[NEWCOMER] = {
        "provider": outsider.provider,
        "subject": outsider.subject,
        "name": outsider.name,
        "at": int(time.time()),
    }
    return redirect(url_for("outside.sign_up"), 303)


def _let_in(user: Any, target: str) -> Any:
    if not user.active:
        flash(gettext("This account is disabled. Ask an administrator."), "danger")
        return redirect(url_for("SignInView.login"), 303)
    current_app.appbuilder.sm.note_sign_in(user)  # type: ignore[attr-defined]
    return open_session(user, target=safe_path(target) or "/")


def _newcomer() -> Outsider | None:
    """Who came back and has no account yet, for some minutes."""
    kept = browser_session.get(NEWCOMER) or {}
    if not kept or time.time() - kept["at"] > TIME_S:
        return None
    return Outsider(kept["provider"], kept["subject"], kept["name"])


@blueprint.route("/sign-up/identity", methods=["GET", "POST"])
def sign_up() -> Any:
    """An account for an identity that is new here (A3); bound to it from the start."""
    outsider = _newcomer()
    if outsider is None or not current_app.config["AOLI_SIGN_UP"]:
        browser_session.pop(NEWCOMER, None)
        return redirect(url_for("SignInView.login"), 303)
    if request.method == "GET":
        return _form(outsider)
    wait = wait_s()
    if wait:
        return too_many(wait, functools.partial(_form, outsider))
    try:
        body = {name: request.form.get(name, "") for name in FIELDS}
        values = own_account.read_sign_up(session(), administration().policy, body)
        user = own_account.sign_up(
            session(),
            values,
            address(),
            along=lambda user: session().add(bindings.row(user.id, outsider)),
        )
    except InvalidSpec as invalid:
        return _form(outsider, errors_of(invalid), status=422)
    return _let_in(user, "/")


def _form(outsider: Outsider, errors: Any = None, problem: str = "", status: int = 200) -> Any:
    response = make_response(
        render_template(
            "sign_in/sign_up.html",
            values={
                "username": request.form.get("username", ""),
                "nickname": request.form.get("nickname", outsider.name),
            },
            errors=errors or {},
            problem=problem,
            action=url_for("outside.sign_up"),
            lead=gettext("Your WeChat is new here. Choose an account that goes with it."),
        ),
        status,
    )
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.post("/account/bind/<provider>")
@sign_in_required
def bind(provider: str) -> Any:
    """Begin to bind an identity to the account that is signed in."""
    return _leave(provider, bind=actor().user_id)


@blueprint.post("/account/unbind/<provider>")
@sign_in_required
def unbind(provider: str) -> Any:
    """Take a way in away; never the last one."""
    try:
        bindings.unbind(session(), actor(), provider)
    except Conflict as refused:
        flash(refusal(refused), "danger")
    else:
        flash(gettext("It is unbound"), "success")
    return redirect(url_for("account.index"), 303)
