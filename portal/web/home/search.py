"""The search palette: jobs, device types, nodes, users and pages by a few letters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for

from portal.domain.permission import Permission
from portal.http.access import actor, allowed, requires
from portal.http.services import services
from portal.people.directory import Account, PeopleQuery, find
from portal.services.jobs.search import find_jobs
from portal.services.records import inventory
from portal.web.base.frame import frame
from portal.web.base.words import gettext
from portal.web.jobs.items import make_item

blueprint = Blueprint("search", __name__, url_prefix="/search")

MOST_PAGES, MOST_NODES, MOST_USERS, MAX_TEXT = 8, 4, 4, 128


@dataclass(frozen=True, slots=True)
class Page:
    """A page, or a tab of one."""

    label: str
    href: str
    icon: str


@blueprint.get("/")
@requires()
def index() -> Any:
    """What matches; without a script, the list of jobs that do."""
    text = request.args.get("q", "").strip()[:MAX_TEXT]
    if "X-Requested-With" not in request.headers:
        return redirect(url_for("jobs.index", q=text or None))
    return render_template(
        "home/search_results.html",
        text=text,
        lines=[make_item(job, actor()) for job in find_jobs(actor(), text)],
        kinds=_kinds(text),
        nodes=_nodes(text),
        users=_users(text),
        pages=[page for page in _pages() if text.lower() in page.label.lower()][:MOST_PAGES],
    )


def _kinds(text: str) -> list[str]:
    """Device types, which lead to their nodes."""
    if not text or not allowed(Permission.VIEW_CLUSTER):
        return []
    return [name for name in sorted(services().registry.device_types) if text.lower() in name]


def _users(text: str) -> list[Account]:
    """Users, for who manages them."""
    if not text or not frame().manages_users:
        return []
    query = PeopleQuery(q=text, limit=MOST_USERS)
    return find(query)[0]


def _nodes(text: str) -> list[str]:
    if not text or not allowed(Permission.VIEW_CLUSTER):
        return []
    names = [node.name for node in inventory.nodes(services().cluster.name)]
    return [name for name in names if text.lower() in name.lower()][:MOST_NODES]


def _pages() -> list[Page]:
    """The menu, and the tabs and pages behind it that the reader may open."""
    found = [Page(entry.label, entry.href, entry.icon) for entry in frame().menu]
    more: list[tuple[bool, str, str, str]] = [
        (allowed(Permission.VIEW_ALL_JOBS), gettext("ALL JOBS"), "jobs.everyone", "list"),
        (
            allowed(Permission.VIEW_CLUSTER),
            gettext("Team VC user status"),
            "cluster.users",
            "users",
        ),
        (allowed(Permission.VIEW_CLUSTER), gettext("Cluster usage"), "cluster.usage", "server"),
        (
            allowed(Permission.VIEW_CLUSTER),
            gettext("Physical cluster node status"),
            "cluster.nodes",
            "server",
        ),
        (frame().manages_users, gettext("User Dashboard"), "dashboard.index", "layout-dashboard"),
        (True, gettext("Account info"), "account.index", "user"),
    ]
    return found + [Page(label, url_for(to), icon) for may, label, to, icon in more if may]
