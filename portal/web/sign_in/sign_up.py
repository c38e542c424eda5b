"""Sign up (A2): an account of one's own, without any role until an administrator gives one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import (
    Blueprint,
    abort,
    current_app,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)

from portal.domain.errors import InvalidSpec
from portal.http.access import signed_in
from portal.http.redirects import next_or_home
from portal.people import own_account
from portal.people.administration import administration, session
from portal.web.base.formats import duration
from portal.web.base.refusals import Errors, errors_of
from portal.web.base.words import gettext
from portal.web.sign_in.page import address
from portal.web.sign_in.throttle import Throttle

blueprint = Blueprint("sign_up", __name__, url_prefix="/sign-up")

FIELDS = ("username", "nickname", "password", "password_again")


def open_for_all() -> bool:
    """Whether people may make their own account."""
    return bool(current_app.config["AOLI_SIGN_UP"])


@blueprint.get("/")
def index() -> Any:
    """The form."""
    if not open_for_all():
        abort(404)
    return redirect(next_or_home()) if signed_in() else _page()


def _page(errors: Errors | None = None, problem: str = "", status: int = 200) -> Any:
    response = make_response(
        render_template(
            "sign_in/sign_up.html",
            values={name: request.form.get(name, "") for name in FIELDS[:2]},
            errors=errors or {},
            problem=problem,
            action=url_for("sign_up.create"),
        ),
        status,
    )
    response.headers["Cache-Control"] = "no-store"
    return response


def wait_s() -> int:
    """Count a try of whoever signs up; the seconds to wait when there were too many.

    The form tells whether a name is taken: without a limit, one would read out all of them.
    """
    throttle: Throttle = current_app.extensions["aoli-sign-up-throttle"]
    return throttle.take(request.form.get("username", ""), address())


def too_many(wait: int, page: Callable[..., Any]) -> Any:
    """The form again, with how long to wait."""
    text = gettext("Too many tries. Try again in %(wait)s.", wait=duration(wait))
    response = page(problem=text, status=429)
    response.headers["Retry-After"] = str(wait)
    return response


@blueprint.post("/")
def create() -> Any:
    """Make the account, then back to signing in."""
    if not open_for_all():
        abort(404)
    wait = wait_s()
    if wait:
        return too_many(wait, _page)
    try:
        body = {name: request.form.get(name, "") for name in FIELDS}
        values = own_account.read_sign_up(session(), administration().policy, body)
        own_account.sign_up(session(), values, address())
    except InvalidSpec as invalid:
        return _page(errors_of(invalid), status=422)
    flash(gettext("Your account is created. Sign in, and ask an administrator for a role."), "info")
    return redirect(url_for("SignInView.login"), 303)
