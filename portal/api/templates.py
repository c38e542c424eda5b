"""Calls on templates: submissions kept under a name, without their secrets."""

from __future__ import annotations

from typing import Any

from flask import Response, request

from portal.api import reading, schemas
from portal.api.auth import MEMBER, actor, holders
from portal.api.calls import PREFIX, Parameter, call, reply
from portal.api.jobs import PAGING
from portal.domain.errors import InvalidSpec
from portal.domain.permission import Permission
from portal.http.services import services
from portal.services.submissions.templates import SCOPES
from portal.services.vcs import reading as vcs

OF_VC = Parameter("vc", schemas.TEXT, "The team's virtual cluster; default: your current one")
_BODY = {"type": "object", "description": "The body of a submission, without its secrets"}
schemas.COMPONENTS["Template"] = schemas.record(
    name=schemas.TEXT,
    scope={"type": "string", "enum": list(SCOPES)},
    vc={**schemas.or_null(schemas.TEXT), "description": "Of a team's template"},
    owner=schemas.TEXT,
    may_delete=schemas.YES_NO,
    updated_at=schemas.TIME,
    job=_BODY,
    emptied={
        **schemas.array(schemas.TEXT),
        "description": "Secrets that are not kept, such as env.HF_TOKEN: to be entered anew",
    },
)
schemas.COMPONENTS["NewTemplate"] = {
    "description": "An object with the submission as `job`, or the submission itself",
    "anyOf": [schemas.record(job=_BODY), schemas.ref("Submission")],
}
ABOUT = ("name", "scope", "vc", "owner", "may_delete", "updated_at", "job", "emptied")


@call(
    "GET",
    "/templates",
    tag="Templates",
    summary="List your templates and your team's",
    access=MEMBER,
    query=(OF_VC, *PAGING),
    answer=schemas.page(schemas.ref("Template")),
    problems=(422,),
)
def list_templates() -> Any:
    """Yours in every virtual cluster, the team's of one."""
    return reading.page_of(services().templates.visible(actor(), _team()))


@call(
    "GET",
    "/templates/<scope>/<name>",
    tag="Templates",
    summary="Show a template",
    access=MEMBER,
    query=(OF_VC,),
    answer=schemas.ref("Template"),
    problems=(404, 422),
)
def show_template(scope: str, name: str) -> Any:
    """Its ``job`` is the body of a submission."""
    return services().templates.get(actor(), scope, name, _team())


@call(
    "PUT",
    "/templates/<scope>/<name>",
    tag="Templates",
    summary="Keep a template, replacing the one of this name",
    access=holders(Permission.SUBMIT_JOB),
    query=(OF_VC,),
    body=schemas.ref("NewTemplate"),
    answer=schemas.ref("Template"),
    problems=(400, 404, 409, 422),
)
def keep_template(scope: str, name: str) -> Any:
    """201 when it is new. With ``If-None-Match: *`` none is replaced: 409 when there is one."""
    body = reading.json_body()
    only_new = request.headers.get("If-None-Match", "").strip() == "*"
    kept, is_new = services().templates.put(
        actor(), scope, name, _team(), _job_of(body), overwrite=not only_new
    )
    if not is_new:
        return kept
    answer = reply(kept, 201)
    answer.headers["Location"] = f"{PREFIX}/templates/{scope}/{name}"
    return answer


@call(
    "DELETE",
    "/templates/<scope>/<name>",
    tag="Templates",
    summary="Delete a template",
    access=MEMBER,
    query=(OF_VC,),
    status=204,
    problems=(404, 422),
)
def delete_template(scope: str, name: str) -> Any:
    """Your own; a team's also when you may manage virtual clusters."""
    services().templates.delete(actor(), scope, name, _team())
    return Response(status=204)


def _team() -> str | None:
    """The virtual cluster whose team is meant."""
    named = reading.text("vc")
    if named:
        return named
    current = vcs.current(actor())
    return current.name if current else None


def _job_of(body: Any) -> Any:
    """The submission in the body: a template's ``job``, or the body itself."""
    if not isinstance(body, dict) or "job" not in body:
        return body
    for name in body:
        if name not in ABOUT:
            raise InvalidSpec(name[:64], "Unknown field")
    return body["job"]
