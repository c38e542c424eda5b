"""Calls on the cluster: its virtual clusters' devices, their users, use over time, nodes."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from flask import Response
from pydantic import Field

from portal.api import reading
from portal.api.auth import actor, holders
from portal.api.calls import PAGING, Parameter, call
from portal.api.schemas import Page, Shape, about, choice
from portal.domain.permission import Permission
from portal.http.services import services
from portal.services.cluster import status as cluster_status
from portal.services.cluster import views as cluster_views
from portal.services.cluster.export import csv_text
from portal.services.usage import by_user as user_usage
from portal.services.usage import over_time as usage
from portal.services.usage.by_user import UserQuery
from portal.services.vcs.reading import VirtualCluster

VIEWERS = holders(Permission.VIEW_CLUSTER)
CORDONERS = holders(Permission.MANAGE_VC)
Series = Annotated[list[float], Field(description="The average of each step")]
VC = Parameter("vc", str, "The virtual cluster; default: your current one")
USERS = (
    VC,
    Parameter("all", bool, "Also users who hold nothing now"),
    Parameter("q", str, "Part of the username"),
    Parameter("device_type", str, "Only this device type"),
    Parameter(
        "format",
        choice(("json", "csv"), default="json"),
        "csv: every line, as a table for spreadsheets",
    ),
)
RANGE = Parameter(
    "range",
    choice(usage.RANGES, default=usage.DEFAULT_RANGE),
    "How far back",
)


class ClusterStatus(Shape):
    """What a virtual cluster has of a device type."""

    name: str = about("The physical cluster")
    device_type: str
    devices: int = about("The quota")
    unschedulable: int = about("Not to be had: cordoned or not ready nodes")
    used: int = about("preemptible_used included")
    preemptible_used: int
    available: int
    active_jobs: int
    simulated: bool = about("Only declared: there is no such device")


class ClusterUser(Shape):
    """What a user holds and booked of a device type."""

    username: str
    device_type: str
    allocated: int
    allocated_preemptible: int
    idle: int | None
    booked_hours: float = about("Device-hours of the past 30 days")
    idle_hours: float | None = about("null: not measured")
    idle_percent: float | None = about("null: not measured")


class ClusterUsers(Shape):
    """A page of users, and what all of them hold together."""

    items: list[ClusterUser]
    next_cursor: str | None
    total: ClusterUser = about("The sum of all lines")
    count: int = about("How many lines there are")


class Pod(Shape):
    """A replica on a node."""

    name: str
    job_id: UUID
    user: str
    devices: int
    device_indexes: list[int]
    preemptible: bool

    @classmethod
    def of(cls, thing: cluster_status.Pod, **more: Any) -> dict[str, Any]:
        """What the replica holds on its node."""
        held = {"devices": len(thing.devices), "device_indexes": thing.devices}
        return super().of(thing.hold, user=thing.hold.username, **held, **more)


class Node(Shape):
    """A node as the cluster was last seen."""

    name: str
    ip: str
    device_type: str | None
    devices: int
    used: int
    preemptible_used: int
    available: int
    status: Literal["ready", "not_ready", "cordoned"]
    simulated: bool
    pods: list[Pod]

    @classmethod
    def of(cls, thing: cluster_status.NodeUse, **more: Any) -> dict[str, Any]:
        """What the node is, what is used of it, and by whom."""
        names = ("used", "preemptible_used", "available", "status")
        uses = {name: getattr(thing, name) for name in names}
        return super().of(thing.node, **uses, pods=[Pod.of(pod) for pod in thing.pods], **more)


class UserUsage(Shape):
    """What a user held over time."""

    username: str
    device_hours: float
    held: Series


class TypeUsage(Shape):
    """The use of a device type over time."""

    device_type: str
    quota: int
    devices: int = about("Of the whole cluster")
    users: list[UserUsage]
    others: Series | None = about("All further users together")
    allocated: Series = about("Of the whole cluster")
    utilization: Series | None = about("null: not measured")


class Usage(Shape):
    """Device use over time."""

    vc: str
    range: str
    step_s: int
    times: list[int] = about("Where each step begins, seconds since 1970")
    items: list[TypeUsage]


def _vc() -> VirtualCluster:
    return cluster_status.resolve(actor(), reading.text("vc"))


@call(
    "GET",
    "/cluster/status",
    tag="Cluster",
    summary="Devices of a virtual cluster",
    access=VIEWERS,
    query=(VC, *PAGING),
    answer=Page[ClusterStatus],
    problems=(404, 422),
)
def show_cluster_status() -> Any:
    """One item for each device type."""
    vc, cluster = _vc(), services().cluster.name
    holding = cluster_status.holds()
    uses = cluster_status.node_uses(cluster, holding)
    declared = {use.node.device_type for use in uses if use.node.simulated}
    lines = cluster_status.vc_devices(vc, uses, holding)
    return reading.page_of(
        [
            ClusterStatus.of(line, name=cluster, simulated=line.device_type in declared)
            for line in lines
        ]
    )


@call(
    "GET",
    "/cluster/users",
    tag="Cluster",
    summary="What each user of a virtual cluster holds and booked",
    access=VIEWERS,
    query=(*USERS, *PAGING),
    answer=ClusterUsers,
    content_types=("application/json", "text/csv"),
    problems=(404, 422),
)
def list_cluster_users() -> Any:
    """Those who hold devices now, most first; ``total`` adds up all of them."""
    vc = _vc()
    size, offset = reading.limit(), reading.cursor() or 0
    if reading.one_of("format", ("json", "csv")) == "csv":
        lines = user_usage.every_line(vc, _user_query(), services().clock())
        return Response(csv_text(lines), mimetype="text/csv")
    found = user_usage.user_page(vc, _user_query(offset, size), services().clock())
    end = offset + len(found.items)
    return {
        "items": [cluster_views.user_item(use) for use in found.items],
        "next_cursor": str(end) if end < found.count else None,
        "total": cluster_views.user_item(found.total),
        "count": found.count,
    }


def _user_query(offset: int = 0, size: int = 0) -> UserQuery:
    return UserQuery(
        everyone=bool(reading.flag("all")),
        q=reading.text("q") or "",
        device_type=reading.text("device_type") or "",
        offset=offset,
        limit=size,
    )


@call(
    "GET",
    "/cluster/usage",
    tag="Cluster",
    summary="Device use over time",
    access=VIEWERS,
    query=(VC, RANGE),
    answer=Usage,
    problems=(404, 422),
)
def show_cluster_usage() -> Any:
    """Devices held, by user in the virtual cluster, and in the whole cluster."""
    vc, name = _vc(), reading.text("range") or usage.DEFAULT_RANGE
    span = usage.span_of(name, services().clock())
    found = usage.vc_usage(vc, span, services().cluster_series)
    return {
        "vc": vc.name,
        "range": name,
        **cluster_views.span_item(span),
        "items": [cluster_views.usage_item(one) for one in found],
    }


@call(
    "GET",
    "/cluster/nodes",
    tag="Cluster",
    summary="Nodes and what is on them",
    access=VIEWERS,
    query=PAGING,
    answer=Page[Node],
    problems=(422,),
)
def list_nodes() -> Any:
    """As the cluster was last seen, by name."""
    uses = cluster_status.node_uses(services().cluster.name)
    return reading.page_of([Node.of(use) for use in uses])


@call(
    "POST",
    "/cluster/nodes/<name>/cordon",
    tag="Cluster",
    summary="Keep new jobs off a node",
    access=CORDONERS,
    answer=Node,
    problems=(404, 503),
)
def cordon_node(name: str) -> Any:
    """What runs there goes on."""
    return _set_cordoned(name, True)


@call(
    "POST",
    "/cluster/nodes/<name>/uncordon",
    tag="Cluster",
    summary="Let jobs in to a node again",
    access=CORDONERS,
    answer=Node,
    problems=(404, 503),
)
def uncordon_node(name: str) -> Any:
    """The opposite of cordon."""
    return _set_cordoned(name, False)


def _set_cordoned(name: str, cordoned: bool) -> Any:
    services().cordoner.set_cordoned(actor(), name, cordoned)
    uses = cluster_status.node_uses(services().cluster.name)
    return next(Node.of(use) for use in uses if use.node.name == name)
