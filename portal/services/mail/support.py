"""Asking the operators for help with a job (spec D5): a mail with the job's facts filled in."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Protocol

from portal.domain.errors import Conflict, Forbidden, PermanentFailure, TooMany
from portal.domain.fields import Fields, line, text
from portal.domain.mail import is_real, without_control
from portal.domain.permission import Actor, may_manage_job
from portal.domain.secret_words import HIDDEN, secret_names, secret_values, without_secrets
from portal.models import JobRow, JobSecretRow, UserRow
from portal.models.db import database
from portal.services.mail.outbox import Outbox
from portal.services.records.vault import Vault

KIND = "support"
MAX_SUBJECT, MAX_MESSAGE = 200, 10_000
MOST_PER_HOUR = 10
FACTS = {
    "id": "Job Id",
    "name": "Job Name",
    "user": "User",
    "vc": "VcName",
    "status": "Job Status",
    "reason": "Reason",
    "exit_code": "Exit Code",
    "attempts": "Attempts",
    "kind": "Job Type",
    "device_type": "Device Type",
    "total_devices": "Number of Device",
    "nodes": "Number of Nodes",
    "placement": "Nodes",
    "preemptible": "Preemptible",
    "priority": "Priority",
    "image": "Docker Image",
    "submitted_at": "Submission Time",
    "started_at": "Started",
    "finished_at": "Finished",
    "work_path": "Work Path",
    "data_path": "Data Path",
    "job_path": "Job Path",
    "env": "Environment",
    "command": "Command",
}


@dataclass(frozen=True, slots=True)
class Request:
    """What goes to the operators, as the page shows it before."""

    subject: str
    facts: str
    reply_to: str


class Jobs(Protocol):
    """What the desk needs of the jobs."""

    def get(self, actor: Actor, job_id: str) -> dict[str, Any]:
        """The job, by the names of the contract; ``NotFound`` when they may not see it."""


class SupportDesk:
    """See the module. Without a mail server or receivers it is closed."""

    def __init__(
        self,
        *,
        jobs: Jobs,
        outbox: Outbox,
        vault: Vault,
        receivers: Sequence[str],
        cluster: str,
        public_url: str,
        clock: Callable[[], datetime],
    ) -> None:
        self._jobs = jobs
        self._outbox = outbox
        self._vault = vault
        self._receivers = tuple(receivers)
        self._cluster = cluster
        self._public_url = public_url.rstrip("/")
        self._clock = clock

    @property
    def address(self) -> str:
        """Where whoever needs an administrator can write to; empty when nobody is named."""
        return self._receivers[0] if self._receivers else ""

    @property
    def open(self) -> bool:
        """Whether there is a server, a sender and somebody to receive."""
        return self._outbox.ready and bool(self._receivers)

    def draft(self, actor: Actor, job_id: str) -> Request:
        """What the form begins with. Errors as :meth:`ask`."""
        job, secrets = self._job(actor, job_id)
        return Request(
            subject=without_secrets(_subject(self._cluster, job), secrets),
            facts=self._facts(actor, job, secrets),
            reply_to=_reply_to(actor),
        )

    def ask(self, actor: Actor, job_id: str, body: Any) -> dict[str, Any]:
        """Store the mail and let it be sent; return the job.

        The same words about the same job go out once a day. Raises ``Conflict`` when mail is
        not set up, ``InvalidSpec`` on wrong fields, ``Forbidden``, ``NotFound``, ``TooMany``.
        """
        job, secrets = self._job(actor, job_id)
        if not self.open:
            raise Conflict(
                "Mail is not set up here: an administrator has to set smtp_url, smtp_sender and"
                " support_receivers"
            )
        subject, message = _checked(body)
        subject = without_secrets(subject or _subject(self._cluster, job), secrets)
        text = f"{without_secrets(message, secrets)}\n\n-- \n{self._facts(actor, job, secrets)}"
        now = self._clock()
        words = hashlib.sha256(f"{subject}\n{message}".encode()).hexdigest()
        with database.atomic():
            hour_ago = now - timedelta(hours=1)
            if self._outbox.written_since(KIND, actor.username, hour_ago) >= MOST_PER_HOUR:
                raise TooMany(f"At most {MOST_PER_HOUR} requests an hour; try again later", 3600)
            self._outbox.put(
                f"{job['id']}/{actor.username}/{now:%Y-%m-%d}/{words}",
                kind=KIND,
                receivers=self._receivers,
                subject=subject,
                body=text,
                reply_to=_reply_to(actor),
                username=actor.username,
            )
        self._outbox.wake()
        return job

    def _job(self, actor: Actor, job_id: str) -> tuple[dict[str, Any], list[str]]:
        """The job, and the values that must not leave with it."""
        job = self._jobs.get(actor, job_id)
        if not may_manage_job(actor, JobRow.get_by_id(job_id).user_id):
            raise Forbidden("Only the owner, or who may manage all users' jobs, can do this")
        secrets = secret_values(job["env"], job["secret_env"])
        kept = JobSecretRow.get_or_none(JobSecretRow.job == job_id)
        if kept is not None:
            with suppress(PermanentFailure):  # sealed with a key that is gone: none can tell it
                secrets.append(self._vault.open(kept.sealed).password)
        return job, secrets

    def _facts(self, actor: Actor, job: Mapping[str, Any], secrets: Sequence[str]) -> str:
        shown = [("Cluster", self._cluster), ("Asked by", _person(actor))]
        if self._public_url:
            shown.append(("Page", f"{self._public_url}/jobs/{job['id']}"))
        shown += [(word, _fact(key, job[key], job["secret_env"])) for key, word in FACTS.items()]
        width = max(len(word) for word, _ in shown)
        lines = [f"{word:<{width}}  {text}" for word, text in shown if text]
        return without_secrets("\n".join(lines) + "\n", secrets)


def _subject(cluster: str, job: Mapping[str, Any]) -> str:
    said = f"[{cluster}] Job {job['name']} ({str(job['id'])[:8]}) is {job['status']}"
    return without_control(said)


def _fact(key: str, value: Any, marked: Sequence[str]) -> str:
    """A fact as text; empty is left out."""
    if value is None or value == "" or value == []:
        return ""
    if key == "reason":
        return str(value["message"])
    if key == "placement":
        return ", ".join(f"{slot['node']} {slot['devices'] or ''}".strip() for slot in value)
    if key == "env":
        secret = secret_names(value, marked)
        pairs = (f"{n}={HIDDEN if n in secret else v}" for n, v in value.items())
        return "\n    ".join(["", *pairs]) if value else ""
    if key == "command":
        return "\n    ".join(["", *str(value).splitlines()])
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _person(actor: Actor) -> str:
    nickname = actor.nickname or actor.username
    return actor.username if nickname == actor.username else f"{actor.username} ({nickname})"


def _reply_to(actor: Actor) -> str:
    """The address of who asks, if it is somebody's."""
    row = UserRow.get_or_none(UserRow.id == actor.user_id)
    return str(row.email) if row is not None and is_real(row.email) else ""


def _checked(body: Any) -> tuple[str, str]:
    """Subject (may be empty) and message of a request."""
    fields = Fields(body, ("subject", "message"))
    subject = fields.take("subject", line(MAX_SUBJECT, required=False), "")
    message = fields.take("message", partial(text, maximum=MAX_MESSAGE), required=True)
    fields.done()
    return subject, message.strip()
