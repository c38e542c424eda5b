"""Calls that add, modify and delete virtual clusters."""

from __future__ import annotations

from typing import Any

from flask import Response

from portal.api import reading, schemas
from portal.api.auth import actor, holders
from portal.api.calls import PREFIX, call, reply
from portal.api.virtual_clusters import Shown
from portal.domain.permission import Permission
from portal.http.services import services
from portal.services.vcs.editing import MAX_GRACE_S
from portal.services.vcs.fitting import MAX_NAMED

MANAGERS = holders(Permission.MANAGE_VC)
_COUNTS = {"type": "object", "additionalProperties": {"type": "integer", "minimum": 0}}
_NAMES = schemas.array(schemas.TEXT)
_FIELDS: schemas.Schema = {
    "quota": {**_COUNTS, "description": "Device type to number"},
    "members": {
        **schemas.closed(schemas.record(("users", "groups"), users=_NAMES, groups=_NAMES)),
        "description": "Who may use it; empty: every user",
    },
    "user_limit": {**_COUNTS, "description": "The most that one user may hold"},
    "max_run_time_s": {
        **schemas.or_null(schemas.NUMBER),
        "description": "A job that runs longer is killed",
    },
    "preempt_grace_s": {
        **schemas.NUMBER,
        "minimum": 0,
        "maximum": MAX_GRACE_S,
        "description": "Time that a preempted job has to save its work",
    },
}
schemas.COMPONENTS["NewVirtualCluster"] = schemas.closed(
    schemas.record(
        [name for name in _FIELDS if name != "quota"],
        name={**schemas.TEXT, "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$"},
        **_FIELDS,
    )
)
schemas.COMPONENTS["ChangedVirtualCluster"] = schemas.record(
    no_longer_fit={
        **schemas.array(schemas.TEXT, maxItems=MAX_NAMED),
        "description": "Waiting and paused jobs that need more than the new quota or limit,"
        f" the oldest {MAX_NAMED}",
    },
    **schemas.VC["properties"],
)
schemas.COMPONENTS["VirtualClusterChange"] = schemas.closed(schemas.record(_FIELDS, **_FIELDS))


@call(
    "POST",
    "/vcs",
    tag="Virtual clusters",
    summary="Add a virtual cluster",
    access=MANAGERS,
    body=schemas.ref("NewVirtualCluster"),
    answer=schemas.ref("VirtualCluster"),
    status=201,
    problems=(400, 409, 422),
)
def add_vc() -> Any:
    """Its quota comes from the devices that no other virtual cluster holds."""
    caller = actor()
    made = services().vc_editor.add(caller, reading.json_body())
    answer = reply(Shown(caller).dump(made), 201)
    answer.headers["Location"] = f"{PREFIX}/vcs/{made.name}"
    return answer


@call(
    "PATCH",
    "/vcs/<name>",
    tag="Virtual clusters",
    summary="Modify a virtual cluster",
    access=MANAGERS,
    body=schemas.ref("VirtualClusterChange"),
    answer=schemas.ref("ChangedVirtualCluster"),
    problems=(400, 404, 409, 422),
)
def modify_vc(name: str) -> Any:
    """What is left out stays. The quota only while none of its jobs holds devices."""
    caller = actor()
    changed = services().vc_editor.modify(caller, name, reading.json_body())
    return {
        **Shown(caller).dump(changed.vc),
        "no_longer_fit": [job.id for job in changed.unfit.jobs],
    }


@call(
    "DELETE",
    "/vcs/<name>",
    tag="Virtual clusters",
    summary="Delete a virtual cluster with its jobs and team templates",
    access=MANAGERS,
    status=204,
    problems=(404, 409),
)
def delete_vc(name: str) -> Any:
    """Not your current one, and none whose jobs hold devices. Files stay."""
    services().vc_editor.delete(actor(), name)
    return Response(status=204)
