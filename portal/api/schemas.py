"""The shapes of what calls take and answer, as JSON Schema (the dialect of OpenAPI 3.1)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from portal.domain.job import (
    DEFAULT_PRIORITY,
    ENDPOINT_KINDS,
    MAX_PRIORITY,
    MIN_PRIORITY,
    MOUNT_POINTS,
)
from portal.domain.job_state import JobState
from portal.services.jobs.service import ACTIONS, MAX_BULK
from portal.services.mail.support import MAX_MESSAGE, MAX_SUBJECT
from portal.services.submissions.field_checks import (
    MAX_COMMAND,
    MAX_IMAGE,
    MAX_NAME,
    MAX_PORT,
    MIN_PORT,
)

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
NUMBER: Schema = {"type": "integer"}
YES_NO: Schema = {"type": "boolean"}
TIME: Schema = {"type": "string", "format": "date-time"}
COUNTS: Schema = {"type": "object", "additionalProperties": {"type": "integer"}}
PRIORITY: Schema = {
    "type": "integer",
    "minimum": MIN_PRIORITY,
    "maximum": MAX_PRIORITY,
    "default": DEFAULT_PRIORITY,
}
STATUS: Schema = {"type": "string", "enum": [state.value for state in JobState]}
JOB_ID: Schema = {"type": "string", "format": "uuid"}


def ref(name: str) -> Schema:
    """A schema of :data:`COMPONENTS`."""
    return {"$ref": f"#/components/schemas/{name}"}


def or_null(schema: Schema) -> Schema:
    """The schema, or ``null``."""
    if "type" in schema and "enum" not in schema:
        return {**schema, "type": [schema["type"], "null"]}
    return {"anyOf": [schema, {"type": "null"}]}


def array(items: Schema, **more: Any) -> Schema:
    """A list."""
    return {"type": "array", "items": items, **more}


def record(optional: Iterable[str] = (), **properties: Schema) -> Schema:
    """An object; every property is required but the ``optional`` ones."""
    required = [name for name in properties if name not in set(optional)]
    return {"type": "object", "required": required, "properties": properties}


def page(items: Schema) -> Schema:
    """A page of a list."""
    return record(
        items=array(items),
        next_cursor={**or_null(TEXT), "description": "Ask for it with ?cursor=; null at the end"},
        total={**or_null(NUMBER), "description": "null when there are too many to count"},
    )


def closed(schema: Schema) -> Schema:
    """The object with no properties but those it names."""
    return {**schema, "additionalProperties": False}


MOUNT = closed(record(("enabled", "sub_path"), enabled={**YES_NO, "default": True}, sub_path=TEXT))
REGISTRY = closed(record(server=TEXT, username=TEXT, password={**TEXT, "writeOnly": True}))
SUBMISSION = record(
    optional=(
        *("vc", "kind", "preemptible", "priority", "device_type", "devices", "nodes"),
        *("interactive_ports", "endpoints", "mounts", "env", "secret_env", "registry"),
    ),
    name={**TEXT, "maxLength": MAX_NAME},
    vc={**TEXT, "description": "Default: your current virtual cluster"},
    kind={**TEXT, "default": "regular", "description": "See /job-kinds; a kind may add fields"},
    preemptible={**YES_NO, "default": False},
    priority=PRIORITY,
    device_type={**or_null(TEXT), "description": "See /device-types; not needed for 0 devices"},
    devices={**NUMBER, "minimum": 0, "description": "Per node"},
    nodes={**NUMBER, "minimum": 1, "default": 1},
    image={**TEXT, "maxLength": MAX_IMAGE},
    command={**TEXT, "maxLength": MAX_COMMAND, "description": "Run by the container's shell"},
    interactive_ports=array({**NUMBER, "minimum": MIN_PORT, "maximum": MAX_PORT}),
    endpoints=array({"type": "string", "enum": list(ENDPOINT_KINDS)}),
    mounts={
        "type": "object",
        "properties": dict.fromkeys(MOUNT_POINTS, MOUNT),
        "additionalProperties": False,
    },
    env={"type": "object", "additionalProperties": TEXT},
    secret_env={
        **array(TEXT),
        "description": "Names in env that are secret whatever they are called",
    },
    registry=or_null(REGISTRY),
)
REASON = {
    **record(code=TEXT, message=TEXT),
    "description": "A stable code, one sentence, and beside them the numbers that explain it",
}
SUMMARY = record(
    id=JOB_ID,
    name=TEXT,
    user=TEXT,
    vc=TEXT,
    kind=TEXT,
    status=STATUS,
    reason=or_null(ref("Reason")),
    queue_position=or_null(NUMBER),
    preemptible=YES_NO,
    priority=PRIORITY,
    device_type=or_null(TEXT),
    devices=NUMBER,
    nodes=NUMBER,
    total_devices=NUMBER,
    attempts={**NUMBER, "description": "Starts so far"},
    exit_code=or_null(NUMBER),
    submitted_at=TIME,
    started_at=or_null(TIME),
    finished_at=or_null(TIME),
)
CHECK = {
    "type": "object",
    "required": ["name", "blocks"],
    "properties": {
        "name": {**TEXT, "description": "free_devices, queue, vc_quota, user_limit or nodes"},
        "blocks": {**YES_NO, "description": "It is not there yet"},
    },
    "additionalProperties": NUMBER,
}
JOB = record(
    **SUMMARY["properties"],
    image=TEXT,
    command=TEXT,
    interactive_ports=array(NUMBER),
    endpoints=array(TEXT),
    mounts={"type": "object", "additionalProperties": MOUNT},
    env={"type": "object", "additionalProperties": TEXT},
    secret_env=array(TEXT),
    redacted={
        **array(TEXT),
        "description": "Where secrets are redacted for you, such as env.HF_TOKEN",
    },
    work_path=or_null(TEXT),
    data_path=or_null(TEXT),
    job_path=or_null(TEXT),
    placement=array(record(node=TEXT, devices=array(NUMBER))),
    ahead={
        **array(TEXT),
        "description": "Ids of (at most 10) jobs before this one that you may see",
    },
    remedy={**or_null(TEXT), "description": "What would end the wait"},
    checks={
        **array(CHECK),
        "description": "Everything that a queued job needs, each with its numbers",
    },
    lead_priority={
        **or_null(NUMBER),
        "description": "The priority with which a queued job would be the first in its queue",
    },
    retries={**NUMBER, "description": "Starts that the platform lost"},
    released={**YES_NO, "description": "It holds nothing on the cluster, its output is whole"},
    output_lost={**YES_NO, "description": "The log folder was full when it ended"},
    replicas=array(
        record(
            name=TEXT,
            phase=TEXT,
            node=TEXT,
            address=TEXT,
            exit_code=or_null(NUMBER),
            code=or_null(TEXT),
            detail=TEXT,
            started_at=or_null(TIME),
            finished_at=or_null(TIME),
        )
    ),
)
EVENT = {
    "type": "object",
    "required": ["at", "from", "to", "reason", "actor"],
    "properties": {
        "at": TIME,
        "from": or_null(STATUS),
        "to": STATUS,
        "reason": or_null(ref("Reason")),
        "actor": {**or_null(TEXT), "description": "The user; null: the platform"},
    },
}
PREVIEW = record(
    starts_now=YES_NO,
    reason=or_null(ref("Reason")),
    remedy=or_null(TEXT),
    position=or_null(NUMBER),
    ahead={
        **array(TEXT),
        "description": "Ids of (at most 10) jobs before it that you may see",
    },
    manifests=array({"type": "object"}),
    cli=TEXT,
)
BULK = closed(
    record(
        action={"type": "string", "enum": list(ACTIONS)},
        ids=array(TEXT, maxItems=MAX_BULK),
    )
)
BULK_RESULT = record(
    ("status", "code", "detail"), id=TEXT, ok=YES_NO, status=STATUS, code=TEXT, detail=TEXT
)
ME = record(
    id=NUMBER,
    username=TEXT,
    nickname=TEXT,
    roles=array(TEXT),
    groups=array(TEXT),
    permissions=array(TEXT),
    vcs={**array(TEXT), "description": "Virtual clusters that you may use"},
    current_vc=or_null(TEXT),
)
VC = record(
    name=TEXT,
    quota=COUNTS,
    used=COUNTS,
    usable_quota={
        **COUNTS,
        "description": "What it can use of its quota now: less while too few nodes take jobs",
    },
    members=record(users=array(TEXT), groups=array(TEXT)),
    user_limit=COUNTS,
    max_run_time_s=or_null(NUMBER),
    preempt_grace_s=or_null(NUMBER),
    permission={"type": "string", "enum": ["manage", "view"]},
    usable={**YES_NO, "description": "Whether you may submit to it"},
    current=YES_NO,
)
PLUGIN = record(
    group=TEXT,
    name=TEXT,
    distribution=TEXT,
    version=TEXT,
    status={"type": "string", "enum": ["ok", "failed"]},
    reason=or_null(TEXT),
    trouble=or_null(
        record(
            state={"type": "string", "enum": ["slow", "failed"]},
            member={**TEXT, "description": "Which of its functions"},
            why=TEXT,
            at=TIME,
        )
    ),
)
DEVICE_TYPE = record(
    ("title", "resource_name", "devices_per_node", "legal_counts"),
    **PLUGIN["properties"],
    title=TEXT,
    resource_name=TEXT,
    devices_per_node=NUMBER,
    legal_counts=or_null(array(NUMBER)),
)
JOB_KIND = record(
    ("title", "multi_node", "fields"),
    **PLUGIN["properties"],
    title=TEXT,
    multi_node=YES_NO,
    fields=array(TEXT),
)
PROBLEM = {
    **record(
        ("detail", "code", "errors"),
        type=TEXT,
        title=TEXT,
        status=NUMBER,
        detail=TEXT,
        code={**TEXT, "description": "invalid, not_found, forbidden, conflict, unavailable, …"},
        errors={
            "type": "object",
            "additionalProperties": array(TEXT),
            "description": "What is wrong by field; dotted names for nested ones",
        },
    ),
    "description": "RFC 9457",
}

SUPPORT = closed(
    record(
        ("subject",),
        subject={**TEXT, "maxLength": MAX_SUBJECT, "description": "One line; default: the job's"},
        message={**TEXT, "maxLength": MAX_MESSAGE, "minLength": 1},
    )
)

COMPONENTS: dict[str, Schema] = {
    "Submission": SUBMISSION,
    "Reason": REASON,
    "JobSummary": SUMMARY,
    "Job": JOB,
    "JobEvent": EVENT,
    "Preview": PREVIEW,
    "SupportRequest": SUPPORT,
    "BulkAction": BULK,
    "BulkResult": BULK_RESULT,
    "Me": ME,
    "VirtualCluster": VC,
    "Plugin": PLUGIN,
    "DeviceType": DEVICE_TYPE,
    "JobKind": JOB_KIND,
    "Problem": PROBLEM,
}
