"""What is shown when something goes wrong: pages for people, problem documents for programs."""

from __future__ import annotations

import logging
from typing import Any

from flask import Flask, current_app, flash, g, redirect, render_template, request
from flask_wtf.csrf import CSRFError
from markupsafe import Markup
from werkzeug.exceptions import HTTPException, Unauthorized

from portal.domain.errors import AoliError, PluginFailed
from portal.http.access import grants, signed_in
from portal.http.database import DatabaseAway, as_unavailable, is_away
from portal.http.problems import (
    domain_problem,
    http_problem,
    problem,
    retry_headers,
    status_of,
)
from portal.http.redirects import page_it_came_from
from portal.http.services import services
from portal.web.base.formats import clock, iso, now
from portal.web.base.headers import request_id
from portal.web.base.pager import NoSuchPage
from portal.web.base.permissions import permission_label
from portal.web.base.refusals import error_words, plugin_words
from portal.web.base.words import gettext, listed

log = logging.getLogger(__name__)


def wants_problem() -> bool:
    """Whether a program asks: the API, or a fragment of a page."""
    program = request.path.startswith("/api/") or request.blueprint == "probes"
    return program or "X-Requested-With" in request.headers


def _http_error(error: HTTPException) -> Any:
    status = error.code or 500
    if status < 400:
        return error.get_response()  # a redirect is no failure
    if wants_problem():
        return http_problem(error)
    return _page(status, None), status


def _of_another_session(error: CSRFError) -> Any:
    """The session in which the page was made is over: back to it, by way of signing in.

    ``js/kept.js`` reads the cookie there, and restores what was typed.
    """
    if "X-Requested-With" in request.headers:
        return http_problem(Unauthorized())
    source = None if wants_problem() else page_it_came_from()
    if source is None:
        return _http_error(error)
    said = gettext("The session of that page is over. Check what you typed and send it again.")
    flash(said, "info")
    answer = redirect(source, 303)
    secure = current_app.config["SESSION_COOKIE_SECURE"]
    answer.set_cookie("returned", "1", max_age=600, samesite="Lax", secure=secure)
    return answer


def _domain_error(error: AoliError) -> Any:
    status = status_of(error)
    if status >= 500:
        log.warning("request %s: %s", request_id(), error)
    if request.path.startswith("/api/") or request.blueprint == "probes":
        return domain_problem(error)
    if wants_problem():
        said = plugin_words(error) if isinstance(error, PluginFailed) else ""
        return domain_problem(error, said or error_words(error.code, error.message))
    return _page(status, error), status, retry_headers(error)


def _unforeseen(error: Exception) -> Any:
    if isinstance(error, HTTPException):
        return _http_error(error)
    away = as_unavailable(error)
    if away is not None:
        return _domain_error(away)
    log.exception("request %s failed: %s %s", request_id(), request.method, request.path)
    if wants_problem():
        return problem(500, f"The request failed; it is in the log as {request_id()}.")
    return _page(500, error), 500


def _page(status: int, error: Exception | None) -> str:
    texts = {
        403: _not_authorized,
        404: _not_found,
        409: _refused,
        400: _bad_request,
        405: _not_found,
        413: _too_large,
        503: _unavailable,
    }
    values = texts.get(status, _broken)(error)
    return render_template(
        "base/problem.html",
        code=status,
        request_id=request_id(),
        authorised_home=not is_away() and signed_in() and bool(grants().codes),
        administrator_mail=services().support.address if status == 403 and signed_in() else "",
        **values,
    )


def _not_authorized(error: Exception | None) -> dict[str, Any]:
    heading = gettext("Sorry, you are not authorized to access this page")
    roles = listed(grants().roles)
    code = getattr(g, "needed_permission", "")
    if not signed_in():
        text = ""
    elif not grants().roles:
        text = gettext("Your account has no role yet. Ask an administrator to give you one.")
    elif code:
        said = gettext("This page needs the permission %(permission)s. Your role is %(roles)s.")
        text = Markup(said) % {"permission": _bold(permission_label(code)), "roles": _bold(roles)}  # noqa: S704
    else:
        text = Markup(gettext("Your role %(roles)s does not allow it.")) % {"roles": _bold(roles)}  # noqa: S704
    return {"heading": heading, "text": text, "drawing": "lock"}


def _bold(name: str) -> Markup:
    return Markup("<b>%s</b>") % name


def _not_found(error: Exception | None) -> dict[str, Any]:
    return {
        "heading": gettext("This page does not exist"),
        "text": gettext("It may have been removed, or the address is wrong."),
        "drawing": "",
    }


def _refused(error: Exception | None) -> dict[str, Any]:
    return {
        "heading": gettext("This cannot be done now"),
        "text": error_words("conflict", str(error or "")),
        "drawing": "",
    }


def _bad_request(error: Exception | None) -> dict[str, Any]:
    return {
        "heading": gettext("The form is out of date"),
        "text": gettext("Go back, reload the page and send it again. What you typed is kept."),
        "drawing": "",
    }


def _too_large(error: Exception | None) -> dict[str, Any]:
    return {
        "heading": gettext("This is too much at once"),
        "text": gettext("Go back and send less. What you typed is kept."),
        "drawing": "",
    }


def _unavailable(error: Exception | None) -> dict[str, Any]:
    if isinstance(error, PluginFailed):
        text = plugin_words(error)
    elif isinstance(error, DatabaseAway):
        text = gettext(
            "The portal's database does not answer or cannot be written to. Running jobs go on."
            " An administrator finds the reason in the log."
        )
    else:
        text = error_words("unavailable", "")
    return {**_broken(error), "heading": gettext("The portal cannot do this now"), "text": text}


def _broken(error: Exception | None) -> dict[str, Any]:
    details = {
        "time": iso(now()),
        "request": request_id(),
        "page": request.path,
        "error": type(error).__name__ if error else "",
    }
    return {
        "heading": gettext("This page could not be loaded"),
        "text": gettext("Running jobs are not affected, and nothing you submitted is lost."),
        "drawing": "broken",
        "retry": request.method == "GET",
        "details": "\n".join(f"{name:<9}{value}" for name, value in details.items()),
        "at": clock(now()),
    }


def _shorter(error: NoSuchPage) -> Any:
    return redirect(error.url)


def install(app: Flask) -> None:
    """Handle every error."""
    app.register_error_handler(NoSuchPage, _shorter)
    app.register_error_handler(CSRFError, _of_another_session)
    app.register_error_handler(AoliError, _domain_error)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _unforeseen)
