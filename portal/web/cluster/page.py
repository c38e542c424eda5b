"""Cluster Status: four tabs, each with an address of its own.

Asked for by a script (``X-Requested-With``), a tab answers with its body alone: the live update.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request

from portal.domain.errors import NotFound, PermanentFailure, TemporaryFailure
from portal.domain.permission import Permission
from portal.http.access import actor, requires
from portal.http.redirects import next_or_home
from portal.http.services import services
from portal.services.cluster.export import csv_text
from portal.services.usage import by_user as user_usage
from portal.services.vcs.reading import VirtualCluster
from portal.web.base.formats import now
from portal.web.base.frame import current_vc
from portal.web.base.words import gettext
from portal.web.cluster import tabs as cluster_page

blueprint = Blueprint("cluster", __name__, url_prefix="/cluster")


def _tab(name: str, values: Callable[[VirtualCluster], dict[str, Any]]) -> str:
    """A tab that shows the current virtual cluster."""
    vc = current_vc()
    return _page(name, vc=vc, **(values(vc) if vc else {}))


def _page(name: str, **values: Any) -> str:
    """The page of a tab, or its body alone."""
    alone = "X-Requested-With" in request.headers
    template = f"cluster/{name}_body.html" if alone else f"cluster/{name}.html"
    return render_template(template, tab=name, **values)


@blueprint.get("/")
@requires(Permission.VIEW_CLUSTER)
def index() -> str:
    """Tab Team VC Status."""
    return _tab("status", cluster_page.status_values)


@blueprint.get("/users")
@requires(Permission.VIEW_CLUSTER)
def users() -> str:
    """Tab Team VC User Status."""
    return _tab("users", cluster_page.user_values)


@blueprint.get("/users.csv")
@requires(Permission.VIEW_CLUSTER)
def export() -> Response:
    """All lines of tab Team VC User Status, for spreadsheets."""
    vc = current_vc()
    if vc is None:
        raise NotFound("You are in no virtual cluster")
    address = cluster_page.PageAddress.of_request("q", "device_type", "all")
    lines = user_usage.every_line(vc, cluster_page.user_query(address), now())
    response = Response(csv_text(lines), mimetype="text/csv")
    name = f"{vc.name}-users-{now():%Y-%m-%d}.csv"
    response.headers.set("Content-Disposition", "attachment", filename=name)
    return response


@blueprint.get("/usage")
@requires(Permission.VIEW_CLUSTER)
def usage() -> str:
    """Tab Cluster Usage."""
    return _tab("usage", cluster_page.usage_values)


@blueprint.get("/nodes")
@requires(Permission.VIEW_CLUSTER)
def nodes() -> str:
    """Tab Physical Cluster Node Status."""
    return _page("nodes", **cluster_page.node_values())


@blueprint.post("/nodes/<name>/cordoned")
@requires(Permission.MANAGE_VC)
def cordon(name: str) -> Any:
    """Keep new jobs off a node, or let them in again."""
    cordoned = request.form.get("cordoned") == "1"
    try:
        services().cordoner.set_cordoned(actor(), name, cordoned)
    except (TemporaryFailure, PermanentFailure):
        flash(gettext("The cluster did not answer; %(node)s is as it was", node=name), "danger")
    else:
        done = (
            gettext("%(node)s takes no new jobs; what runs there goes on", node=name)
            if cordoned
            else gettext("%(node)s takes jobs again", node=name)
        )
        flash(done, "success")
    return redirect(next_or_home(), 303)
