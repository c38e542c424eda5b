"""Calls that add, modify and delete virtual clusters."""

from __future__ import annotations

from typing import Annotated, Any

from flask import Response
from pydantic import Field

from portal.api import reading
from portal.api.auth import actor, holders
from portal.api.calls import PREFIX, call, reply
from portal.api.schemas import Closed, Count, OrLeftOut, about
from portal.api.virtual_clusters import Shown, VirtualCluster
from portal.domain.permission import Permission
from portal.http.services import services
from portal.services.vcs.editing import MAX_GRACE_S
from portal.services.vcs.fitting import MAX_NAMED

MANAGERS = holders(Permission.MANAGE_VC)
Counts = dict[str, Count]
Grace = Annotated[int, Field(ge=0, le=MAX_GRACE_S)]


class NewMembers(Closed):
    """Users and groups by name."""

    users: OrLeftOut[list[str]] = None
    groups: OrLeftOut[list[str]] = None


class _Values(Closed):
    members: OrLeftOut[NewMembers] = about("Who may use it; empty: every user", default=None)
    user_limit: OrLeftOut[Counts] = about("The most that one user may hold", default=None)
    max_run_time_s: int | None = about("A job that runs longer is killed", default=None)
    preempt_grace_s: OrLeftOut[Grace] = about(
        "Time that a preempted job has to save its work", default=None
    )


class NewVirtualCluster(_Values):
    """A virtual cluster to add."""

    name: str = Field(pattern="^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")
    quota: Counts = about("Device type to number")


class VirtualClusterChange(_Values):
    """What is to be changed; what is left out stays."""

    quota: OrLeftOut[Counts] = about("Device type to number", default=None)


class ChangedVirtualCluster(VirtualCluster):
    """A virtual cluster after a change."""

    no_longer_fit: list[str] = about(
        "Waiting and paused jobs that need more than the new quota or limit,"
        f" the oldest {MAX_NAMED}",
        max_length=MAX_NAMED,
    )


@call(
    "POST",
    "/vcs",
    tag="Virtual clusters",
    summary="Add a virtual cluster",
    access=MANAGERS,
    body=NewVirtualCluster,
    answer=VirtualCluster,
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
    body=VirtualClusterChange,
    answer=ChangedVirtualCluster,
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
