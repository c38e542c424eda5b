"""Calls on templates: submissions kept under a name, without their secrets."""

from __future__ import annotations

from typing import Annotated, Any

from flask import Response, request
from pydantic import Field, RootModel

from portal.api import reading
from portal.api.auth import MEMBER, actor, holders
from portal.api.calls import PAGING, PREFIX, Parameter, call, reply
from portal.api.job_shapes import Submission
from portal.api.schemas import Page, Shape, Time, about
from portal.domain.errors import InvalidSpec
from portal.domain.permission import Permission
from portal.http.services import services
from portal.services.submissions.templates import SCOPES
from portal.services.vcs import reading as vcs

OF_VC = Parameter("vc", str, "The team's virtual cluster; default: your current one")
Body = Annotated[dict[str, Any], Field(description="A submission's body, without its secrets")]


class KeptJob(Shape):
    """A submission under a name."""

    job: Body


class Template(KeptJob):
    """A template as it is kept."""

    name: str
    scope: str = Field(json_schema_extra={"enum": list(SCOPES)})
    vc: str | None = about("Of a team's template")
    owner: str
    may_delete: bool
    updated_at: Time
    emptied: list[str] = about(
        "Secrets that are not kept, such as env.HF_TOKEN: to be entered anew"
    )


class NewTemplate(RootModel[KeptJob | Submission]):
    """An object with the submission as `job`, or the submission itself."""


@call(
    "GET",
    "/templates",
    tag="Templates",
    summary="List your templates and your team's",
    access=MEMBER,
    query=(OF_VC, *PAGING),
    answer=Page[Template],
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
    answer=Template,
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
    body=NewTemplate,
    answer=Template,
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
        if name not in Template.model_fields:
            raise InvalidSpec(name[:64], "Unknown field")
    return body["job"]
