"""What calls on jobs take and answer."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from portal.api.schemas import Closed, Count, OrLeftOut, Password, Priority, Shape, Time, about
from portal.domain.job import DEFAULT_PRIORITY, ENDPOINT_KINDS
from portal.domain.job_state import JobState
from portal.domain.limits import (
    MAX_COMMAND_BYTES,
    MAX_IMAGE,
    MAX_NAME,
)
from portal.services.jobs.service import ACTIONS, MAX_BULK
from portal.services.mail.support import MAX_MESSAGE, MAX_SUBJECT
from portal.services.submissions.field_checks import (
    MAX_PORT,
    MIN_PORT,
)

Port = Annotated[int, Field(ge=MIN_PORT, le=MAX_PORT)]
EndpointKind = Annotated[str, Field(json_schema_extra={"enum": list(ENDPOINT_KINDS)})]


class Mount(Closed):
    """A folder of the storage in the container."""

    enabled: bool = True
    sub_path: OrLeftOut[str] = None


class Mounts(Closed):
    """The folders; one that is left out is there, whole."""

    work: OrLeftOut[Mount] = None
    data: OrLeftOut[Mount] = None
    job: OrLeftOut[Mount] = None


class Registry(Closed):
    """Where the image is pulled from, and as whom."""

    server: str
    username: str
    password: Password


class Submission(Shape):
    """A job to be run; its kind may add fields."""

    name: str = Field(max_length=MAX_NAME)
    vc: OrLeftOut[str] = about("Default: your current virtual cluster", default=None)
    kind: str = about("See /job-kinds; a kind may add fields", default="regular")
    preemptible: bool = False
    priority: Priority = DEFAULT_PRIORITY
    device_type: str | None = about("See /device-types; not needed for 0 devices", default=None)
    devices: OrLeftOut[Count] = about("Per node", default=None)
    nodes: int = Field(ge=1, default=1)
    image: str = Field(max_length=MAX_IMAGE)
    command: str = about(
        f"Run by the container's shell; at most {MAX_COMMAND_BYTES} bytes in UTF-8",
        max_length=MAX_COMMAND_BYTES,
    )
    interactive_ports: OrLeftOut[list[Port]] = None
    endpoints: OrLeftOut[list[EndpointKind]] = None
    mounts: OrLeftOut[Mounts] = None
    env: OrLeftOut[dict[str, str]] = None
    secret_env: OrLeftOut[list[str]] = about(
        "Names in env that are secret whatever they are called", default=None
    )
    registry: Registry | None = None


class Reason(Shape):
    """A stable code, one sentence, and beside them the numbers that explain it."""

    code: str
    message: str


class JobSummary(Shape):
    """A job as lists show it."""

    id: UUID
    name: str
    user: str
    vc: str
    kind: str
    status: JobState
    reason: Reason | None
    queue_position: int | None
    preemptible: bool
    priority: Priority
    device_type: str | None
    devices: int
    nodes: int
    total_devices: int
    attempts: int = about("Starts so far")
    exit_code: int | None
    submitted_at: Time
    started_at: Time | None
    finished_at: Time | None


class Slot(Shape):
    """The devices of a job on one node."""

    node: str
    devices: list[int]


class Check(Shape, extra="allow"):
    """One of the things that a job needs, with its numbers."""

    __pydantic_extra__: dict[str, int]
    name: str = about("free_devices, queue, vc_quota, user_limit or nodes")
    blocks: bool = about("It is not there yet")


class Replica(Shape):
    """A replica of the newest attempt."""

    name: str
    phase: str
    node: str
    address: str
    exit_code: int | None
    code: str | None
    detail: str
    started_at: Time | None
    finished_at: Time | None


class Job(JobSummary):
    """A job, whole."""

    image: str
    command: str
    interactive_ports: list[int]
    endpoints: list[str]
    mounts: dict[str, Mount]
    env: dict[str, str]
    secret_env: list[str]
    redacted: list[str] = about("Where secrets are redacted for you, such as env.HF_TOKEN")
    work_path: str | None
    data_path: str | None
    job_path: str | None
    placement: list[Slot]
    ahead: list[str] = about("Ids of (at most 10) jobs before this one that you may see")
    remedy: str | None = about("What would end the wait")
    checks: list[Check] = about("Everything that a queued job needs, each with its numbers")
    lead_priority: int | None = about(
        "The priority with which a queued job would be the first in its queue"
    )
    retries: int = about("Starts that the platform lost")
    released: bool = about("It holds nothing on the cluster, its output is whole")
    output_lost: bool = about("The log folder was full when it ended")
    replicas: list[Replica]


class JobSubmission(Shape):
    """The submission that makes a job again."""

    job: Submission
    emptied: list[str] = about("Secrets of another user's job, such as env.HF_TOKEN: empty in it")


class JobEvent(Shape):
    """A change of status."""

    at: Time
    from_: JobState | None = Field(alias="from")
    to: JobState
    reason: Reason | None
    actor: str | None = about("The user; null: the platform")


class Preview(Shape):
    """What a submission would lead to."""

    starts_now: bool
    reason: Reason | None
    remedy: str | None
    position: int | None
    ahead: list[str] = about("Ids of (at most 10) jobs before it that you may see")
    manifests: list[dict[str, Any]]
    cli: str


class PriorityChange(Closed):
    """What can be changed of a job."""

    priority: Priority


class SupportRequest(Closed):
    """A call for help."""

    subject: OrLeftOut[Annotated[str, Field(max_length=MAX_SUBJECT)]] = about(
        "One line; default: the job's", default=None
    )
    message: str = Field(min_length=1, max_length=MAX_MESSAGE)


class BulkAction(Closed):
    """The same for several jobs."""

    action: str = Field(json_schema_extra={"enum": list(ACTIONS)})
    ids: list[str] = Field(max_length=MAX_BULK)


class BulkResult(Shape):
    """What came of one of them."""

    id: str
    ok: bool
    status: OrLeftOut[JobState] = None
    code: OrLeftOut[str] = None
    detail: OrLeftOut[str] = None


class BulkResults(Shape):
    """One for each job."""

    results: list[BulkResult]
