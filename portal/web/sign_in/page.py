"""The sign-in page and the end of a session."""

from __future__ import annotations

import secrets
import time
from typing import Any

from flask import (
    current_app,
    flash,
    g,
    make_response,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask_appbuilder.security.views import AuthDBView
from flask_login import login_user, logout_user

from portal.http.access import signed_in
from portal.http.redirects import next_or_home, safe_path
from portal.http.services import services
from portal.services.cluster import status as cluster_status
from portal.web.base.fab import expose
from portal.web.base.formats import duration
from portal.web.base.words import gettext
from portal.web.sign_in.throttle import Throttle


def throttle() -> Throttle:
    """The application's count of wrong passwords."""
    found: Throttle = current_app.extensions["aoli-throttle"]
    return found


def address() -> str:
    """The address that asks, as the WSGI server (behind proxies: ProxyFix) knows it."""
    return request.remote_addr or "unknown"


class TooManyTries(Exception):
    """There were too many wrong passwords; the next may be tried in ``wait_s`` seconds."""

    def __init__(self, wait_s: int) -> None:
        super().__init__(f"Too many wrong passwords. Try again in {wait_s} s.")
        self.wait_s = wait_s


def ask_in(account: str) -> None:
    """Raise ``TooManyTries`` where no password of this account may be tried now."""
    wait = throttle().wait_s(account, address())
    if wait:
        raise TooManyTries(wait)


def judge(account: str, *, right: bool) -> None:
    """Count a password that was wrong, or forget the wrong ones before it.

    Raises ``TooManyTries`` where there were too many while it was looked at, right or wrong: so
    right passwords at once are all let in, and guessing many at once gains nothing.
    """
    if right:
        ask_in(account)
        throttle().succeeded(account, address())
        return
    wait = throttle().take(account, address())
    if wait:
        raise TooManyTries(wait)


def account_of(typed: str) -> str:
    """The name under which the wrong passwords of what somebody typed are counted."""
    user = current_app.appbuilder.sm.account_named(typed)  # type: ignore[attr-defined]
    return typed if user is None else str(user.username)


def enter(typed: str, password: str) -> Any | None:
    """The account that a name or an e-mail address and a password open; ``None``: one is wrong.

    Raises ``TooManyTries``. Both names of an account, in any case, count as one.
    """
    manager = current_app.appbuilder.sm  # type: ignore[attr-defined]
    user = manager.account_named(typed)
    account = typed if user is None else user.username
    ask_in(account)
    right = manager.opens(user, password)
    judge(account, right=right)
    if right:
        manager.note_sign_in(user)
    return user if right else None


class SignInView(AuthDBView):  # type: ignore[misc]
    """Account and password; other ways in are added when they are configured."""

    @expose("/login/", methods=("GET", "POST"))
    def login(self) -> Any:
        """Show the form, or check it."""
        if signed_in():
            return redirect(next_or_home())
        if request.method == "GET":
            return _page(notice=_notice())
        return self._check(
            request.form.get("username", "").strip(), request.form.get("password", "")
        )

    def _check(self, username: str, password: str) -> Any:
        if not username or not password:
            return _page(problem=gettext("Enter your account and password."), status=422)
        try:
            user = enter(username, password)
            if user is None:
                ask_in(account_of(username))  # the last one allowed says so at once
        except TooManyTries as refused:
            return _too_many(refused.wait_s)
        if user is None:
            return _page(problem=gettext("The account or the password is wrong."), status=401)
        return open_session(user, remember=request.form.get("remember") == "true")

    @expose("/logout/", methods=("POST",))
    def logout(self) -> Any:
        """End every session of this user on the server, not only this cookie."""
        if signed_in():
            self.appbuilder.sm.end_sessions(self.appbuilder.sm.get_user_by_id(g.user.id))
        logout_user()
        session.clear()
        flash(gettext("You are signed out."), "info")
        return redirect(url_for("SignInView.login"))


def open_session(user: Any, *, remember: bool = False, target: str = "") -> Any:
    """A new session under a new identity; what was in the old one is gone."""
    target = target or next_or_home()
    session.clear()
    session.permanent = True
    session["sid"] = secrets.token_hex(8)
    session["seen"] = int(time.time())
    login_user(user, remember=remember)
    return redirect(target)


def _too_many(wait: int) -> Any:
    text = gettext("Too many wrong passwords. Try again in %(wait)s.", wait=duration(wait))
    response = _page(problem=text, status=429)
    response.headers["Retry-After"] = str(wait)
    return response


def _notice() -> str:
    from flask import get_flashed_messages

    if safe_path(request.args.get("next")) and "returned" in request.cookies:
        return gettext("You were signed out. Sign in to go on; what you typed is kept.")
    messages = [str(message) for message in get_flashed_messages()]
    return messages[-1] if messages else ""


def _devices() -> list[cluster_status.TypeTotal]:
    """Totals by type for who is not signed in yet, where the site shows them."""
    if not current_app.config["AOLI_SIGN_IN_DEVICES"]:
        return []
    return cluster_status.totals(services().cluster.name)


def _page(problem: str = "", notice: str = "", status: int = 200) -> Any:
    response = make_response(
        render_template(
            "sign_in/sign_in.html",
            problem=problem,
            notice=notice,
            username=request.form.get("username", ""),
            remember=request.form.get("remember") == "true",
            methods=current_app.extensions["aoli-providers"],
            may_sign_up=current_app.config["AOLI_SIGN_UP"],
            next_url=safe_path(request.values.get("next")),
            devices=_devices(),
            cluster=services().cluster.name,
        ),
        status,
    )
    response.headers["Cache-Control"] = "no-store"
    return response
