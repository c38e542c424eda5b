"""Calls on the cluster: its virtual clusters' devices, their users, use over time, nodes."""

from __future__ import annotations

from typing import Any

from flask import Response

from portal.api import reading, schemas
from portal.api.auth import actor, holders
from portal.api.calls import Parameter, call
from portal.api.jobs import PAGING
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
VC = Parameter("vc", schemas.TEXT, "The virtual cluster; default: your current one")
USERS = (
    VC,
    Parameter("all", schemas.YES_NO, "Also users who hold nothing now"),
    Parameter("q", schemas.TEXT, "Part of the username"),
    Parameter("device_type", schemas.TEXT, "Only this device type"),
    Parameter(
        "format",
        {"type": "string", "enum": ["json", "csv"], "default": "json"},
        "csv: every line, as a table for spreadsheets",
    ),
)
RANGE = Parameter(
    "range",
    {"type": "string", "enum": list(usage.RANGES), "default": usage.DEFAULT_RANGE},
    "How far back",
)
HOURS = {"type": "number"}
COUNT_OR_NULL = schemas.or_null(schemas.NUMBER)
HOURS_OR_NULL = {"type": ["number", "null"], "description": "null: not measured"}
schemas.COMPONENTS["ClusterStatus"] = schemas.record(
    name={**schemas.TEXT, "description": "The physical cluster"},
    device_type=schemas.TEXT,
    devices={**schemas.NUMBER, "description": "The quota"},
    unschedulable={**schemas.NUMBER, "description": "Not to be had: cordoned or not ready nodes"},
    used={**schemas.NUMBER, "description": "preemptible_used included"},
    preemptible_used=schemas.NUMBER,
    available=schemas.NUMBER,
    active_jobs=schemas.NUMBER,
    simulated={**schemas.YES_NO, "description": "Only declared: there is no such device"},
)
schemas.COMPONENTS["ClusterUser"] = schemas.record(
    username=schemas.TEXT,
    device_type=schemas.TEXT,
    allocated=schemas.NUMBER,
    allocated_preemptible=schemas.NUMBER,
    idle=COUNT_OR_NULL,
    booked_hours={**HOURS, "description": "Device-hours of the past 30 days"},
    idle_hours=HOURS_OR_NULL,
    idle_percent=HOURS_OR_NULL,
)
schemas.COMPONENTS["Node"] = schemas.record(
    name=schemas.TEXT,
    ip=schemas.TEXT,
    device_type=schemas.or_null(schemas.TEXT),
    devices=schemas.NUMBER,
    used=schemas.NUMBER,
    preemptible_used=schemas.NUMBER,
    available=schemas.NUMBER,
    status={"type": "string", "enum": ["ready", "not_ready", "cordoned"]},
    simulated=schemas.YES_NO,
    pods=schemas.array(
        schemas.record(
            name=schemas.TEXT,
            job_id=schemas.JOB_ID,
            user=schemas.TEXT,
            devices=schemas.NUMBER,
            device_indexes=schemas.array(schemas.NUMBER),
            preemptible=schemas.YES_NO,
        )
    ),
)
SERIES = schemas.array(HOURS, description="The average of each step")
schemas.COMPONENTS["TypeUsage"] = schemas.record(
    device_type=schemas.TEXT,
    quota=schemas.NUMBER,
    devices={**schemas.NUMBER, "description": "Of the whole cluster"},
    users=schemas.array(schemas.record(username=schemas.TEXT, device_hours=HOURS, held=SERIES)),
    others={"anyOf": [SERIES, {"type": "null"}], "description": "All further users together"},
    allocated={**SERIES, "description": "Of the whole cluster"},
    utilization={"anyOf": [SERIES, {"type": "null"}], "description": "null: not measured"},
)


def _vc() -> VirtualCluster:
    return cluster_status.resolve(actor(), reading.text("vc"))


@call(
    "GET",
    "/cluster/status",
    tag="Cluster",
    summary="Devices of a virtual cluster",
    access=VIEWERS,
    query=(VC, *PAGING),
    answer=schemas.page(schemas.ref("ClusterStatus")),
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
        [cluster_views.status_item(cluster, line, line.device_type in declared) for line in lines]
    )


@call(
    "GET",
    "/cluster/users",
    tag="Cluster",
    summary="What each user of a virtual cluster holds and booked",
    access=VIEWERS,
    query=(*USERS, *PAGING),
    answer=schemas.record(
        items=schemas.array(schemas.ref("ClusterUser")),
        next_cursor=schemas.or_null(schemas.TEXT),
        total={**schemas.ref("ClusterUser"), "description": "The sum of all lines"},
        count={**schemas.NUMBER, "description": "How many lines there are"},
    ),
    content_types=("application/json", "text/csv"),
    problems=(404, 422),
)
def list_cluster_users() -> Any:
    """Those who hold devices now, most first; ``total`` adds up all of them."""
    vc = _vc()
    size, offset = reading.limit(), reading.offset()
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
    answer=schemas.record(
        vc=schemas.TEXT,
        range=schemas.TEXT,
        step_s=schemas.NUMBER,
        times=schemas.array(
            schemas.NUMBER, description="Where each step begins, seconds since 1970"
        ),
        items=schemas.array(schemas.ref("TypeUsage")),
    ),
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
    answer=schemas.page(schemas.ref("Node")),
    problems=(422,),
)
def list_nodes() -> Any:
    """As the cluster was last seen, by name."""
    uses = cluster_status.node_uses(services().cluster.name)
    return reading.page_of([cluster_views.node_item(use) for use in uses])


@call(
    "POST",
    "/cluster/nodes/<name>/cordon",
    tag="Cluster",
    summary="Keep new jobs off a node",
    access=CORDONERS,
    answer=schemas.ref("Node"),
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
    answer=schemas.ref("Node"),
    problems=(404, 503),
)
def uncordon_node(name: str) -> Any:
    """The opposite of cordon."""
    return _set_cordoned(name, False)


def _set_cordoned(name: str, cordoned: bool) -> Any:
    services().cordoner.set_cordoned(actor(), name, cordoned)
    uses = cluster_status.node_uses(services().cluster.name)
    return next(cluster_views.node_item(use) for use in uses if use.node.name == name)
