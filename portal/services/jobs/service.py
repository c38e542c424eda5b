"""What users do with jobs: submit, look, pause, resume, kill, change the priority."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from peewee import IntegrityError

from portal.domain.errors import AoliError, Conflict, Forbidden, InvalidSpec, NotFound
from portal.domain.fields import Fields
from portal.domain.job import Job, RegistryLogin
from portal.domain.job_state import JobState, Trigger, allows
from portal.domain.permission import Actor, Permission, may_manage_job, may_see_job
from portal.domain.planning import Admission, Waiting
from portal.domain.reason import Reason
from portal.domain.resources import Slot
from portal.domain.secret_words import REDACTED, emptied, secret_values, without_secrets
from portal.models import JobRow
from portal.models.db import database
from portal.ports import Cluster, Events, Queue
from portal.services.jobs import priority as job_priority
from portal.services.jobs.listing import JobPage, JobQuery, counts, list_jobs
from portal.services.queueing import waiting
from portal.services.queueing.outlook import Outlooks
from portal.services.records import audit, job_store, job_views
from portal.services.records.vault import Vault
from portal.services.running import launching
from portal.services.submissions import field_checks, repeated
from portal.services.submissions import parse as submission
from portal.services.submissions.command_line import cli_line
from portal.services.submissions.drafts import anywhere, demand_of, new_job
from portal.services.vcs import reading as vcs
from portal.spi.registry import Registry

ACTIONS = {"pause": Trigger.PAUSE, "resume": Trigger.RESUME, "kill": Trigger.KILL}
PAST = {"pause": "Paused", "resume": "Resumed", "kill": "Killed"}
MAX_BULK = 200


@dataclass(frozen=True, slots=True)
class Preview:
    """What a submission would lead to; nothing is stored."""

    starts_now: bool
    reason: Reason | None
    position: int | None
    ahead: tuple[str, ...]
    """Ids of (at most 10) jobs before it that they may see."""
    placement: tuple[Slot, ...]
    manifests: list[dict[str, Any]]
    cli: str


class JobService:
    """The use cases of jobs. Errors are ``portal.domain.errors``."""

    def __init__(
        self,
        *,
        cluster: Cluster,
        queue: Queue,
        events: Events,
        registry: Registry,
        vault: Vault,
        outlooks: Outlooks,
        storage_root: str,
        stop_grace_s: int,
        clock: Callable[[], datetime],
    ) -> None:
        self._cluster = cluster
        self._queue = queue
        self._events = events
        self._registry = registry
        self._vault = vault
        self._outlooks = outlooks
        self._storage_root = storage_root
        self._stop_grace_s = stop_grace_s
        self._clock = clock

    # -- submit ----------------------------------------------------------------------

    def submit(self, actor: Actor, body: Any, key: str | None = None) -> dict[str, Any]:
        """Check ``body``, store the job as queued, wake the queue; return the job.

        With a ``key``, the same body sent again within a day is the job of the first time.
        Raises ``InvalidSpec`` with every wrong field, ``Forbidden`` without the permission.
        """
        first = self._submitted(actor, body, key)
        if first is not None:
            return self.get(actor, first)
        checked = self.check(actor, body)
        job = new_job(actor, checked.spec, self._clock())
        sealed = self._vault.seal(checked.registry) if checked.registry else None
        try:
            with database.atomic():
                job_store.insert(job, sealed, actor.username)
                if key is not None:
                    repeated.remember(actor.user_id, key, body, job.id, job.submitted_at)
        except IntegrityError:
            first = self._submitted(actor, body, key)  # the same, sent twice at once
            if first is None:
                raise
            return self.get(actor, first)
        self._queue.enqueue("admit", key="admit")
        self._events.publish("job", job.id)
        return job_views.dump(JobRow.get_by_id(job.id), self._storage_root)

    def _submitted(self, actor: Actor, body: Any, key: str | None) -> str | None:
        """The id of the job that this was before, if it comes again."""
        if key is None:
            return None
        return repeated.find(actor.user_id, repeated.check_key(key), body, self._clock())

    def check(self, actor: Actor, body: Any) -> submission.Submission:
        """Check ``body`` whole; the current VC is taken when it names none."""
        if not actor.may(Permission.SUBMIT_JOB):
            raise Forbidden("Submitting jobs needs the permission Submit training job")
        if isinstance(body, dict) and not body.get("vc"):
            current = vcs.current(actor)
            if current is not None:
                body = {**body, "vc": current.name}
        return submission.parse(body, self._registry, vcs.offers(actor))

    def preview(self, actor: Actor, body: Any) -> Preview:
        """What submitting ``body`` now would lead to."""
        checked = self.check(actor, body)
        job = new_job(actor, checked.spec, self._clock())
        answer = self._outlooks.preview(demand_of(job))
        reason: Reason | None = None
        ahead: tuple[str, ...] = ()
        if isinstance(answer, Waiting):
            reason, ahead = waiting.told_of(actor, answer)
        placement = answer.placement if isinstance(answer, Admission) else anywhere(job)
        return Preview(
            starts_now=isinstance(answer, Admission),
            reason=reason,
            position=answer.position if isinstance(answer, Waiting) else None,
            ahead=ahead,
            placement=answer.placement if isinstance(answer, Admission) else (),
            manifests=self._manifests(job, placement, checked.registry),
            cli=cli_line(job),
        )

    def _manifests(
        self, job: Job, placement: tuple[Slot, ...], login: RegistryLogin | None
    ) -> list[dict[str, Any]]:
        placed = job_store.with_placement(job, placement)
        launch = launching.build(placed, self._cluster, self._registry, self._storage_root, login)
        return self._cluster.manifests(launch)

    # -- look ------------------------------------------------------------------------

    def get(self, actor: Actor, job_id: str) -> dict[str, Any]:
        """The job, by the names of the contract; ``NotFound`` when they may not see it.

        Its secrets are redacted for whoever neither owns nor may manage it.
        """
        row = self._row(actor, job_id)
        clear = may_manage_job(actor, row.user_id)
        job = job_views.dump(row, self._storage_root, clear=clear)
        if waiting.is_waiting(job):
            job.update(waiting.outlook(self._outlooks, job))
        return waiting.for_reader(actor, [job])[0]

    def value(self, actor: Actor, job_id: str) -> Job:
        """The job as the rules see it; ``NotFound`` when they may not see it."""
        return job_store.load_job(self._row(actor, job_id))

    def body(self, actor: Actor, job_id: str) -> tuple[dict[str, Any], list[str]]:
        """The submission that makes the job again, and what was emptied in it, by dotted names.

        Only who neither owns nor may manage it finds secrets emptied. ``NotFound`` as
        :meth:`get`.
        """
        job = self.value(actor, job_id)
        body = job_views.body_of(job)
        return (body, []) if may_manage_job(actor, job.user_id) else emptied(body)

    def page(
        self, actor: Actor, query: JobQuery, by_state: Mapping[str, int] | None = None
    ) -> JobPage:
        """A page of jobs; ``by_state`` is what :meth:`counts` says of it, if it was asked."""
        page = list_jobs(actor, query, by_state)
        waiting.tell(page.items)
        waiting.for_reader(actor, page.items)
        return page

    def counts(self, actor: Actor, query: JobQuery) -> dict[str, int]:
        """Number of jobs by state."""
        return counts(actor, query)

    def events(self, actor: Actor, job_id: str) -> list[dict[str, Any]]:
        """The job's transitions, oldest first."""
        self._row(actor, job_id)
        return list(waiting.for_reader(actor, job_views.events(job_id)))

    def replicas(
        self, actor: Actor, job_id: str, attempt: int | None = None
    ) -> list[dict[str, Any]]:
        """The replicas of an attempt, by default the newest."""
        row = self._row(actor, job_id)
        found = job_views.replicas(job_id, row.attempt if attempt is None else attempt)
        if not may_manage_job(actor, row.user_id):
            for replica in found:  # the cluster's words may quote the command
                replica["detail"] = self._told(row, replica["detail"])
        return found

    def _told(self, row: Any, text: str) -> str:
        spec = job_store.load_spec(row)
        return without_secrets(text, secret_values(spec.env, spec.secret_env), REDACTED)

    def _row(self, actor: Actor, job_id: str) -> Any:
        row = JobRow.get_or_none(JobRow.id == job_id)
        if row is None or not may_see_job(actor, row.user_id):
            raise NotFound("There is no such job")
        return row

    # -- act -------------------------------------------------------------------------

    def act(self, actor: Actor, job_id: str, action: str) -> dict[str, Any]:
        """``pause``, ``resume`` or ``kill`` a job; return it as it is then.

        Raises ``Conflict`` when its state forbids the action.
        """
        trigger = ACTIONS.get(action)
        if trigger is None:
            raise InvalidSpec("action", "Must be one of %(actions)s", actions=", ".join(ACTIONS))
        for _ in range(20):
            job = self._managed(actor, job_id)
            if not allows(job.state, trigger):
                raise Conflict(_refusal(job, action))
            if self._take(actor, job, action, trigger):
                if trigger is Trigger.RESUME or job.released:
                    self._queue.enqueue("admit", key="admit")  # the queue behind it moves
                else:
                    self._queue.enqueue("drive", job_id, key=f"drive-{job_id}")
                self._events.publish("job", job_id)
                return self.get(actor, job_id)
        raise Conflict("The job changes too quickly; try again")

    def _take(self, actor: Actor, job: Job, action: str, trigger: Trigger) -> bool:
        """The action and all that belongs to it, in one transaction: nobody sees half of it."""
        now = self._clock()
        changes: dict[str, Any] = {}
        reason = Reason("new")
        if trigger is not Trigger.RESUME:
            reason = Reason("user", {"action": PAST[action], "user": actor.username})
            changes["stop_grace_s"] = 0 if job.state is JobState.PAUSED else self._stop_grace_s
        with database.atomic():
            taken = job_store.transition(
                job, trigger, now, reason=reason, actor=actor.username, **changes
            )
            if not taken:
                return False
            if job.released:
                job_store.finish_stop(job.id, now)
            self._note(actor, job, f"job.{action}", {}, {})
        return True

    def act_on_many(self, actor: Actor, action: str, ids: Iterable[str]) -> list[dict[str, Any]]:
        """Act on several jobs; one that fails does not keep the others from going on."""
        wanted = _bulk(ids)
        if action not in ACTIONS:
            raise InvalidSpec("action", "Must be one of %(actions)s", actions=", ".join(ACTIONS))
        return _each(wanted, lambda job_id: {"status": self.act(actor, job_id, action)["status"]})

    def set_priority(
        self, actor: Actor, job_id: str, priority: Any, expected: int | None = None
    ) -> dict[str, Any]:
        """Change the priority (1–1000); the next pass heeds it.

        Raises ``PriorityClash`` when it is no longer what ``expected`` says.
        """
        self._change_priority(actor, job_id, priority, expected)
        return self.get(actor, job_id)

    def _change_priority(
        self, actor: Actor, job_id: str, priority: Any, expected: int | None
    ) -> int:
        """Change it and say what it was."""
        asked = Fields({"priority": priority})
        value = asked.take("priority", field_checks.priority)
        asked.done()
        job = self._managed(actor, job_id)
        was = job_priority.change(actor, job, value, expected, self._clock())
        self._queue.enqueue("admit", key="admit")
        self._events.publish("job", job_id)
        return was

    def set_priorities(
        self, actor: Actor, wanted: Mapping[str, Any], expected: Mapping[str, int] | None = None
    ) -> list[dict[str, Any]]:
        """Change several priorities, by id; one that fails does not keep the others from it.

        Each answer has ``id`` and ``ok``; then ``was`` and ``priority``, else ``code`` and
        ``detail``. Raises ``InvalidSpec`` for more than :data:`MAX_BULK`.
        """
        then = expected or {}

        def change(job_id: str) -> dict[str, Any]:
            value = wanted[job_id]
            was = self._change_priority(actor, job_id, value, then.get(job_id))
            return {"was": was, "priority": value}

        return _each(_bulk(wanted), change)

    def _note(
        self, actor: Actor, job: Job, action: str, was: dict[str, Any], now: dict[str, Any]
    ) -> None:
        """What is done to the job of somebody else is in the audit log."""
        if actor.user_id == job.user_id:
            return
        whose = {"name": job.spec.name, "user": job.username}
        audit.record(actor, action, "job", job.id, at=self._clock(), before=was, after=whose | now)

    def _managed(self, actor: Actor, job_id: str) -> Job:
        job = self.value(actor, job_id)
        if not may_manage_job(actor, job.user_id):
            raise Forbidden("Only the owner, or who may manage all users' jobs, can do this")
        return job


def _refusal(job: Job, action: str) -> str:
    """Why the state forbids it, and who was first."""
    by = job.reason if job.reason is not None and job.reason.code == "user" else None
    first = f" ({by.message.rstrip('.')})" if by else ""
    return f"The job is {job.state}{first}; it cannot be {PAST[action].lower()} now"


def _bulk(ids: Iterable[str]) -> list[str]:
    """Each job once; ``InvalidSpec`` for more than :data:`MAX_BULK`."""
    wanted = list(dict.fromkeys(ids))
    if len(wanted) > MAX_BULK:
        raise InvalidSpec("ids", "At most %(max)s jobs at once", max=MAX_BULK)
    return wanted


def _each(ids: Iterable[str], act: Callable[[str], dict[str, Any]]) -> list[dict[str, Any]]:
    """What came of each; one that fails does not keep the others from going on."""
    results: list[dict[str, Any]] = []
    for job_id in ids:
        try:
            results.append({"id": job_id, "ok": True, **act(job_id)})
        except AoliError as error:
            refusal = {"ok": False, "code": error.code, "detail": error.message}
            results.append({"id": job_id, **refusal})
    return results
