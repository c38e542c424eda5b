"""One job: its brief, and the parts of its pages that are swapped while it lives."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, url_for

from portal.domain.errors import Conflict, InvalidSpec, TooMany
from portal.domain.permission import Permission
from portal.http.access import actor, allowed, requires
from portal.http.problems import status_of
from portal.http.services import services
from portal.web.base.refusals import Errors, error_words, errors_of
from portal.web.base.words import gettext
from portal.web.jobs.brief import brief_values
from portal.web.jobs.items import JobItem, make_item
from portal.web.jobs.listing import blueprint


def _line(job_id: Any) -> JobItem:
    return make_item(services().jobs.get(actor(), str(job_id)), actor())


def _common(line: JobItem) -> dict[str, Any]:
    return {"line": line, "may_submit": allowed(Permission.SUBMIT_JOB)}


@blueprint.get("/<uuid:job_id>")
@requires()
def brief(job_id: Any) -> str:
    """Tab BRIEF."""
    line = _line(job_id)
    return render_template("jobs/brief.html", tab="brief", **_common(line), **brief_values(line))


@blueprint.get("/<uuid:job_id>/brief")
@requires()
def brief_body(job_id: Any) -> str:
    """The body of tab BRIEF, for the live update."""
    line = _line(job_id)
    return render_template("jobs/brief_body.html", **_common(line), **brief_values(line))


@blueprint.get("/<uuid:job_id>/head")
@requires()
def head(job_id: Any) -> str:
    """Title, state and actions, for the live update."""
    return render_template("jobs/head.html", **_common(_line(job_id)))


@blueprint.get("/<uuid:job_id>/bar")
@requires()
def bar(job_id: Any) -> str:
    """The phone's action bar, for the live update."""
    return render_template("jobs/bar.html", **_common(_line(job_id)))


@blueprint.get("/<uuid:job_id>/support")
@requires()
def support(job_id: Any) -> str:
    """The form to ask the operators for help."""
    return _support_page(str(job_id), {}, {})


@blueprint.post("/<uuid:job_id>/support")
@requires()
def ask_support(job_id: Any) -> Any:
    """Send it; the form comes back with what was typed when something is wrong."""
    typed = {name: request.form.get(name, "") for name in ("subject", "message")}
    try:
        services().support.ask(actor(), str(job_id), typed)
    except InvalidSpec as invalid:
        return _support_page(str(job_id), typed, errors_of(invalid)), 422
    except (Conflict, TooMany) as refused:
        said = {"message": [error_words(refused.code, refused.message)]}
        return _support_page(str(job_id), typed, said), status_of(refused)
    flash(gettext("The operators have your message"), "success")
    return redirect(url_for("jobs.brief", job_id=job_id), 303)


def _support_page(job_id: str, typed: dict[str, str], errors: Errors) -> str:
    line = make_item(services().jobs.get(actor(), job_id), actor())
    draft = services().support.draft(actor(), job_id)
    return render_template("jobs/support.html", line=line, draft=draft, typed=typed, errors=errors)
