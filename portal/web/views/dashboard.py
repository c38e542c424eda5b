"""USER DASHBOARD: how many users, groups and roles there are, who waits, what changed."""

from __future__ import annotations

from flask import Blueprint, render_template

from portal.services import audit
from portal.services.audit import AuditQuery
from portal.web.audit_words import sentence
from portal.web.people import counts, managers_only
from portal.web.security.access import actor
from portal.web.security.administration import administration
from portal.web.security.directory import NO_ROLE, UserQuery

blueprint = Blueprint("dashboard", __name__, url_prefix="/dashboard")

SHOWN = 6


@blueprint.get("/")
@managers_only
def index() -> str:
    """The page."""
    service = administration()
    waiting, total = service.users.find(
        actor(), UserQuery(role=NO_ROLE, sort="-created", limit=SHOWN)
    )
    roles = service.roles.listed(actor())
    groups = sorted(
        (group for group in service.groups.listed(actor()) if group.created_at),
        key=lambda group: group.created_at or 0,
    )
    recent = audit.search(actor(), AuditQuery(limit=SHOWN)).items
    return render_template(
        "people/dashboard.html",
        counts=counts(),
        waiting=waiting,
        waiting_total=total,
        presets=sum(role.preset for role in roles),
        custom=sum(not role.preset for role in roles),
        newest_group=groups[-1] if groups else None,
        changes=[(entry, sentence(entry)) for entry in recent],
    )
