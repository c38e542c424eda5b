"""Calls on jobs: submit, preview, list, show, change, act."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any

from flask import Response, request
from pydantic import Field

from portal.api import reading
from portal.api.auth import MEMBER, actor, holders
from portal.api.calls import PAGING, PREFIX, Parameter, call, reply
from portal.api.job_shapes import (
    BulkAction,
    BulkResults,
    Job,
    JobEvent,
    JobSubmission,
    JobSummary,
    Preview,
    PriorityChange,
    Submission,
    SupportRequest,
)
from portal.api.schemas import Page, choice
from portal.domain.errors import NotFound, WrongValue
from portal.domain.fields import Fields, one_of
from portal.domain.job_state import JobState
from portal.domain.permission import Permission
from portal.domain.planning import remedy
from portal.http.services import services
from portal.services.jobs.export import csv_blocks
from portal.services.jobs.listing import SORTS, JobQuery
from portal.services.jobs.service import ACTIONS

_ID = re.compile(r"[A-Za-z0-9-]{1,36}")
_SORTS = [key for name in SORTS for key in (name, f"-{name}")]
FILTERS = (
    Parameter(
        "scope",
        choice(("mine", "all"), default="mine"),
        "Your jobs in any status, or everyone's that have not ended (needs view_all_jobs)",
    ),
    Parameter("vc", str, "Of this virtual cluster"),
    Parameter("status", list[JobState], "In one of these, also of ended jobs"),
    Parameter("kind", str, "Of this job kind"),
    Parameter("device_type", str, "Of this device type"),
    Parameter("preemptible", bool, "Preemptible or not"),
    Parameter("user", str, "Of this user"),
    Parameter("q", str, "Part of the name, or beginning of the id"),
    Parameter("submitted_after", datetime, "Submitted then or later"),
    Parameter("submitted_before", datetime, "Submitted before then"),
    Parameter("since", datetime, "The same as submitted_after"),
    Parameter("sort", choice(_SORTS, default="-submitted"), "Order"),
)


def known_id(job_id: str) -> str:
    """The id, if it may be one at all."""
    if not _ID.fullmatch(job_id):
        raise NotFound("There is no such job")
    return job_id


@call(
    "POST",
    "/jobs",
    tag="Jobs",
    summary="Submit a job",
    access=holders(Permission.SUBMIT_JOB),
    body=Submission,
    answer=Job,
    status=201,
    headers=(
        Parameter(
            "Idempotency-Key",
            Annotated[str, Field(min_length=1, max_length=255)],
            "Of your choice: the same body sent again with it within a day makes no second job",
        ),
    ),
    problems=(400, 422),
)
def submit_job() -> Any:
    """Check it whole, store it as queued, wake the scheduler."""
    caller, key = actor(), request.headers.get("Idempotency-Key")
    job = services().jobs.submit(caller, reading.json_body(), key)
    answer = reply({**job, "replicas": []}, 201)
    answer.headers["Location"] = f"{PREFIX}/jobs/{job['id']}"
    return answer


@call(
    "POST",
    "/jobs/preview",
    tag="Jobs",
    summary="See what a submission would lead to; nothing is stored",
    access=holders(Permission.SUBMIT_JOB),
    body=Submission,
    answer=Preview,
    problems=(400, 422),
)
def preview_job() -> Any:
    """The same checks and the same planner as at submission."""
    seen = services().jobs.preview(actor(), reading.json_body())
    return {
        "starts_now": seen.starts_now,
        "reason": seen.reason.dump() if seen.reason else None,
        "remedy": remedy(seen.reason) if seen.reason else None,
        "position": seen.position,
        "ahead": list(seen.ahead),
        "manifests": seen.manifests,
        "cli": seen.cli,
    }


@call(
    "GET",
    "/jobs",
    tag="Jobs",
    summary="List jobs",
    access=MEMBER,
    query=(*FILTERS, *PAGING),
    answer=Page[JobSummary],
    problems=(422,),
)
def list_jobs() -> Any:
    """Newest first, unless another order is asked for."""
    page = services().jobs.page(actor(), _query())
    return {"items": page.items, "next_cursor": page.next_cursor, "total": page.total}


def _query() -> JobQuery:
    return JobQuery(
        scope=reading.text("scope") or "mine",
        vc=reading.text("vc"),
        statuses=reading.words("status"),
        kind=reading.text("kind"),
        device_type=reading.text("device_type"),
        preemptible=reading.flag("preemptible"),
        user=reading.text("user"),
        q=reading.text("q") or "",
        submitted_after=reading.moment("submitted_after") or reading.moment("since"),
        submitted_before=reading.moment("submitted_before"),
        sort=reading.text("sort") or "-submitted",
        limit=reading.limit(),
        cursor=reading.text("cursor"),
    )


@call(
    "GET",
    "/jobs/csv",
    tag="Jobs",
    summary="All jobs that a list would show, as a table for spreadsheets",
    access=MEMBER,
    query=FILTERS,
    content_types=("text/csv",),
    problems=(422,),
)
def export_jobs() -> Any:
    """Newest first, whatever the order asked for; as many as there are."""
    answer = Response(csv_blocks(actor(), _query()), content_type="text/csv; charset=utf-8")
    answer.headers["Content-Disposition"] = 'attachment; filename="jobs.csv"'
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["X-Content-Type-Options"] = "nosniff"
    return answer


@call(
    "GET",
    "/jobs/<job_id>",
    tag="Jobs",
    summary="Show a job",
    access=MEMBER,
    answer=Job,
    problems=(404,),
)
def show_job(job_id: str) -> Any:
    """The whole job with the replicas of its newest attempt."""
    return _whole(services().jobs.get(actor(), known_id(job_id)))


@call(
    "GET",
    "/jobs/<job_id>/submission",
    tag="Jobs",
    summary="The submission that makes a job again",
    access=MEMBER,
    answer=JobSubmission,
    problems=(404,),
)
def show_submission(job_id: str) -> Any:
    """Never with a registry login."""
    body, emptied = services().jobs.body(actor(), known_id(job_id))
    return {"job": body, "emptied": emptied}


def _whole(job: dict[str, Any]) -> dict[str, Any]:
    return {**job, "replicas": services().jobs.replicas(actor(), job["id"])}


@call(
    "PATCH",
    "/jobs/<job_id>",
    tag="Jobs",
    summary="Change a job's priority",
    access=MEMBER,
    body=PriorityChange,
    answer=Job,
    problems=(400, 404, 409, 422),
)
def change_job(job_id: str) -> Any:
    """Takes effect at the next scheduling pass."""
    body = reading.json_object(["priority"])
    return _whole(services().jobs.set_priority(actor(), known_id(job_id), body["priority"]))


def _act(job_id: str, action: str) -> Any:
    return _whole(services().jobs.act(actor(), known_id(job_id), action))


def _action(action: str, summary: str, about: str) -> Any:
    def act(job_id: str) -> Any:
        return _act(job_id, action)

    act.__name__, act.__doc__ = f"{action}_job", about
    return call(
        "POST",
        f"/jobs/<job_id>/{action}",
        tag="Jobs",
        summary=summary,
        access=MEMBER,
        answer=Job,
        status=202,
        problems=(404, 409),
    )(act)


pause_job = _action("pause", "Pause a job", "Its devices become free; resume starts it anew.")
resume_job = _action("resume", "Resume a paused job", "It queues again under the same id.")
kill_job = _action("kill", "Kill a job", "For good.")


@call(
    "POST",
    "/jobs/<job_id>/support",
    tag="Jobs",
    summary="Ask the operators for help with a job",
    access=MEMBER,
    body=SupportRequest,
    answer=Job,
    status=202,
    problems=(400, 404, 409, 422, 429),
)
def ask_support(job_id: str) -> Any:
    """A mail with the job's facts, without its secrets; 409 where no mail is set up."""
    return _whole(services().support.ask(actor(), known_id(job_id), reading.json_body()))


@call(
    "POST",
    "/jobs/actions",
    tag="Jobs",
    summary="Pause, resume or kill several jobs",
    access=MEMBER,
    body=BulkAction,
    answer=BulkResults,
    problems=(400, 422),
)
def act_on_jobs() -> Any:
    """One that fails does not keep the others from going on; each has its own result."""
    fields = Fields(reading.json_body(), ("action", "ids"))
    action = fields.take("action", one_of(ACTIONS), required=True)
    ids = fields.take("ids", _ids, required=True)
    fields.done()
    possible = [one for one in ids if _ID.fullmatch(one)]
    done = services().jobs.act_on_many(actor(), action, possible)
    results = {result["id"]: result for result in done}
    unknown = {"ok": False, "code": "not_found", "detail": "There is no such job"}
    return {"results": [results.get(one, {"id": one, **unknown}) for one in dict.fromkeys(ids)]}


def _ids(value: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise WrongValue("Must be a list of ids")
    return value


@call(
    "GET",
    "/jobs/<job_id>/events",
    tag="Jobs",
    summary="A job's changes of status, oldest first",
    access=MEMBER,
    answer=list[JobEvent],
    problems=(404,),
)
def list_job_events(job_id: str) -> Any:
    """From null to queued at first; every change since, with its time, reason and actor."""
    return services().jobs.events(actor(), known_id(job_id))
