"""What the four tabs of Cluster Status show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from flask import request, url_for

from portal.domain.permission import Permission
from portal.domain.usage import HOUR_MS, Span
from portal.http.access import actor
from portal.http.services import services
from portal.services.cluster import status as cluster_status
from portal.services.cluster import views as cluster_views
from portal.services.cluster.cordoning import may_cordon
from portal.services.cluster.status import NodeUse, VcDevices
from portal.services.records import inventory
from portal.services.usage import by_user as user_usage
from portal.services.usage import over_time as usage
from portal.services.usage.by_user import UserQuery
from portal.services.vcs.reading import VirtualCluster
from portal.web.base.formats import now
from portal.web.base.frame import vc_access
from portal.web.base.pager import Pager
from portal.web.base.words import gettext
from portal.web.cluster.squares import MOST_LEGENDS, NodeItem, marks, node_line, vc_cells

ROWS = 50
MAX_SQUARES = 64


@dataclass(frozen=True, slots=True)
class PageAddress:
    """The address of a page of a list, with its filters."""

    path: str
    filters: dict[str, str]
    number: int
    limit: int = ROWS

    @classmethod
    def of_request(cls, *names: str) -> PageAddress:
        """From the query string; what makes no sense is as if it were not there."""
        page = request.args.get("page", "")
        number = int(page) if page.isdecimal() and 0 < len(page) < 7 else 1
        found = {name: request.args.get(name, "").strip()[:64] for name in names}
        return cls(request.path, found, max(1, number))

    @property
    def offset(self) -> int:
        """Rows before this page."""
        return (self.number - 1) * self.limit

    def url(self, **changes: object) -> str:
        """The address with some things changed; what is empty is left out."""
        values = {
            **self.filters,
            "page": "" if self.number == 1 else self.number,
            **changes,
        }
        query = urlencode({name: value for name, value in values.items() if value})
        return f"{self.path}?{query}" if query else self.path


def status_values(vc: VirtualCluster) -> dict[str, Any]:
    """Tab Team VC Status."""
    holding = cluster_status.holds()
    uses = cluster_status.node_uses(services().cluster.name, holding)
    declared = {use.node.device_type for use in uses if use.node.simulated}
    visible = vc_access().visible_to(actor())
    lines = cluster_status.vc_devices(vc, uses, holding)
    return {
        "lines": [_status_line(line, line.device_type in declared) for line in lines],
        "loads": cluster_status.vc_loads(visible.values(), holding),
        "types": sorted({kind for one in visible.values() for kind, n in one.quota.items() if n}),
    }


def _status_line(line: VcDevices, simulated: bool) -> dict[str, Any]:
    label = gettext(
        "%(used)s used, %(preemptible)s of them preemptible, %(available)s available",
        used=line.used,
        preemptible=line.preemptible_used,
        available=line.available,
    )
    total = max(line.devices, line.used)
    return {
        "line": line,
        "cells": vc_cells(line) if total <= MAX_SQUARES else [],
        "total": total,
        "simulated": simulated,
        "label": label,
    }


def user_values(vc: VirtualCluster) -> dict[str, Any]:
    """Tab Team VC User Status."""
    address = PageAddress.of_request("q", "device_type", "all")
    query = user_query(address)
    found = user_usage.user_page(vc, query, now())
    export: dict[str, Any] = {name: text for name, text in address.filters.items() if text}
    return {
        "address": address,
        "lines": found.items,
        "total": found.total,
        "count": found.count,
        "pages": Pager.of(
            address, len(found.items), found.count, address.offset + ROWS < found.count
        ),
        "types": [kind for kind, quota in sorted(vc.quota.items()) if quota],
        "choices": [(kind, kind) for kind, quota in sorted(vc.quota.items()) if quota],
        "export": url_for("cluster.export", **export),
        "measured": any(use.idle is not None for use in found.items),
    }


def user_query(address: PageAddress) -> UserQuery:
    """What the service is asked for."""
    return UserQuery(
        everyone=address.filters["all"] == "1",
        q=address.filters["q"],
        device_type=address.filters["device_type"],
        offset=address.offset,
        limit=ROWS,
    )


def usage_values(vc: VirtualCluster) -> dict[str, Any]:
    """Tab Cluster Usage."""
    chosen = request.args.get("range", "")
    name = chosen if chosen in usage.RANGES else usage.DEFAULT_RANGE
    span = _to_the_minute(usage.span_of(name, now()))
    found = {one.device_type: one for one in usage.vc_usage(vc, span, services().cluster_series)}
    kind = request.args.get("type", "")
    one = found.get(kind) or next(iter(found.values()), None)
    return {
        "range": name,
        "ranges": list(usage.RANGES),
        "types": list(found),
        "one": one,
        "step_minutes": span.step_ms * 60 // HOUR_MS,
        "simulated": one is not None
        and one.device_type in inventory.simulated_types(services().cluster.name),
        "chart": {**cluster_views.span_item(span), **cluster_views.usage_item(one)} if one else {},
        "grafana": services().settings.grafana_url,
    }


def _to_the_minute(span: Span) -> Span:
    """The same answer for a whole minute: a live page changes only when there is news."""
    minute = usage.MINUTE_MS
    return Span(span.end_ms - span.end_ms % minute, span.step_ms, span.steps)


def node_values() -> dict[str, Any]:
    """Tab Physical Cluster Node Status, with the drawer of the node that is chosen."""
    address = PageAddress.of_request("q", "node")
    uses = cluster_status.node_uses(services().cluster.name)
    wanted = [use for use in uses if _matches(use, address.filters["q"])]
    shown = wanted[address.offset : address.offset + ROWS]
    chosen = next((use for use in uses if use.node.name == address.filters["node"]), None)
    marked = marks(shown if chosen is None or chosen in shown else [*shown, chosen])
    return {
        "address": address,
        "lines": [node_line(use, marked) for use in shown],
        "drawer": node_line(chosen, marked) if chosen else None,
        "legend": list(marked.values())[:MOST_LEGENDS],
        "more_jobs": max(0, len(marked) - MOST_LEGENDS),
        "any_node": bool(uses),
        "unprotected": services().cluster.jobs_reach_portal and _manages(),
        "simulated": any(use.node.simulated for use in shown),
        "may_cordon": may_cordon(actor()),
        "may_open": _may_open,
        "node_unit": unit,
        "pages": Pager.of(address, len(shown), len(wanted), address.offset + ROWS < len(wanted)),
    }


def _manages() -> bool:
    """Whether the reader is one of those who can do something about the machine."""
    return any(actor().may(one) for one in (Permission.MANAGE_VC, Permission.MANAGE_USERS))


def _matches(use: NodeUse, q: str) -> bool:
    wanted, node = q.lower(), use.node
    return wanted in node.name.lower() or node.ip.startswith(q) or wanted == node.device_type


def _may_open(username: str) -> bool:
    """Whether the reader may see the jobs of a user."""
    return username == actor().username or actor().may(Permission.VIEW_ALL_JOBS)


def unit(line: NodeItem) -> str:
    """The word for the node's devices: ``NPU``."""
    kind = services().registry.device_types.get(line.use.node.device_type or "")
    return str(kind.title) if kind else str(line.use.node.device_type or "CPU")
