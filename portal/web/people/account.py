"""Account info (A5): one's own data, ways to sign in, API keys. Also without any role."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from flask import (
    Blueprint,
    current_app,
    flash,
    g,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask import session as browser_session
from flask_login import login_user

from portal.domain.errors import Conflict, InvalidSpec, NotFound
from portal.http.access import actor, sign_in_required
from portal.http.services import services
from portal.people import api_keys, bindings, directory, own_account
from portal.people.administration import administration, session
from portal.services.people import ssh_keys
from portal.web.base import zones
from portal.web.base.formats import duration, now
from portal.web.base.refusals import Errors, errors_of, refusal
from portal.web.base.words import gettext
from portal.web.sign_in.page import TooManyTries, ask_in, judge

blueprint = Blueprint("account", __name__, url_prefix="/account")

DAYS = ("30", "90", "365", "")
"""How long a key may live; empty: until it is revoked."""
SSH_FIELDS = {"ssh_name": "name", "ssh_key": "key"}
"""Names in the form, where other forms have fields ``name`` too."""


@blueprint.get("/")
@sign_in_required
def index() -> Any:
    """The page."""
    return _page()


def _page(errors: Errors | None = None, part: str = "", key: str = "", status: int = 200) -> Any:
    user = directory.account(session(), actor().user_id)
    given = {name: getattr(user, name) for name in own_account.EDITABLE}
    if part == "edit" and errors:
        given = {name: request.form.get(name, "") for name in own_account.EDITABLE}
    response = make_response(
        render_template(
            "people/account.html",
            user=user,
            values=given,
            errors=errors or {},
            part=part,
            key=key,
            keys=api_keys.listed(session(), user.id),
            days=DAYS,
            ssh_keys=ssh_keys.listed(user.id),
            ssh_values={name: request.form.get(name, "") for name in SSH_FIELDS},
            password_changed=directory.aware(g.user.password_changed_on),
            has_password=own_account.has_password(session(), user.id),
            providers=current_app.extensions["aoli-providers"],
            bound=bindings.bound(session(), user.id),
            zones=[("", gettext("As the browser")), *zones.choices(now().date())],
        ),
        status,
    )
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.post("/")
@sign_in_required
def edit() -> Any:
    """Change one's own data."""
    body = {name: request.form.get(name, "") for name in own_account.EDITABLE}
    try:
        own_account.edit(session(), actor(), {**body, "nickname": body["nickname"] or " "})
    except InvalidSpec as invalid:
        return _page(errors_of(invalid), "edit", status=422)
    flash(gettext("Your account is saved"), "success")
    return redirect(url_for("account.index"), 303)


@blueprint.post("/password")
@sign_in_required
def password() -> Any:
    """Change the password: every other session ends, this one goes on."""
    me = actor()
    names = ("present", "password", "password_again")
    body = {name: request.form.get(name, "") for name in names}
    try:
        ask_in(me.username)
        own_account.change_password(
            session(),
            administration().policy,
            me,
            body,
            judge=lambda right: judge(me.username, right=right),
        )
    except TooManyTries as refused:
        wait = duration(refused.wait_s)
        text = gettext("Too many wrong passwords. Try again in %(wait)s.", wait=wait)
        answer = _page({"present": [text]}, "password", status=429)
        answer.headers["Retry-After"] = str(refused.wait_s)
        return answer
    except InvalidSpec as invalid:
        return _page(errors_of(invalid), "password", status=422)
    user = current_app.appbuilder.sm.get_user_by_id(me.user_id)  # type: ignore[attr-defined]
    browser_session["_user_id"] = user.get_id()
    login_user(user)
    flash(gettext("Your password is changed. Other sessions have ended."), "success")
    return redirect(url_for("account.index"), 303)


@blueprint.post("/keys")
@sign_in_required
def create_key() -> Any:
    """Make a key and show it, this once."""
    days = request.form.get("days", "")
    body: dict[str, Any] = {"name": request.form.get("name", "")}
    if days in DAYS and days:
        body["expires_at"] = (datetime.now(UTC) + timedelta(days=int(days))).isoformat()
    try:
        _, key = api_keys.create(session(), actor(), body)
    except InvalidSpec as invalid:
        return _page(errors_of(invalid), "keys", status=422)
    except Conflict as refused:
        return _page({"name": [refusal(refused)]}, "keys", status=409)
    return _page(part="keys", key=key, status=201)


@blueprint.post("/keys/<int:key_id>/revoke")
@sign_in_required
def revoke_key(key_id: int) -> Any:
    """End a key."""
    try:
        api_keys.revoke(session(), actor(), key_id)
    except NotFound:
        pass  # it is gone already, which is what was wanted
    else:
        flash(gettext("The API key is revoked"), "success")
    return redirect(url_for("account.index"), 303)


@blueprint.post("/ssh-keys")
@sign_in_required
def add_ssh_key() -> Any:
    """Keep a public key."""
    name, key = (request.form.get(field, "") for field in SSH_FIELDS)
    try:
        ssh_keys.add(actor(), name, key, services().clock())
    except InvalidSpec as invalid:
        found = errors_of(invalid)
        errors = {field: found[of] for field, of in SSH_FIELDS.items() if of in found}
        return _page(errors, "ssh", status=422)
    except Conflict as refused:
        return _page({"ssh_key": [refusal(refused)]}, "ssh", status=409)
    flash(gettext("The SSH key is added"), "success")
    return redirect(url_for("account.index"), 303)


@blueprint.post("/ssh-keys/<int:key_id>/delete")
@sign_in_required
def delete_ssh_key(key_id: int) -> Any:
    """Delete a public key."""
    try:
        ssh_keys.remove(actor(), key_id, services().clock())
    except NotFound:
        pass  # it is gone already, which is what was wanted
    else:
        flash(gettext("The SSH key is deleted"), "success")
    return redirect(url_for("account.index"), 303)
