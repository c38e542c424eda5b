"""USER DASHBOARD: how many users, groups and roles there are, who waits, what changed."""

from __future__ import annotations

from flask import Blueprint, render_template

from portal.domain.permission import PRESET_ROLES
from portal.http.access import actor
from portal.people.administration import administration
from portal.people.directory import NO_ROLE, PeopleQuery
from portal.services.records import audit
from portal.services.records.audit import AuditQuery
from portal.web.people.audit_words import sentence
from portal.web.people.menu import counts, managers_only

blueprint = Blueprint("dashboard", __name__, url_prefix="/dashboard")

SHOWN = 6


@blueprint.get("/")
@managers_only
def index() -> str:
    """The page."""
    service = administration()
    waiting, total = service.users.find(
        actor(), PeopleQuery(role=NO_ROLE, sort="-created", limit=SHOWN)
    )
    recent = audit.search(actor(), AuditQuery(limit=SHOWN)).items
    return render_template(
        "people/dashboard.html",
        counts=counts(),
        waiting=waiting,
        waiting_total=total,
        presets=len(PRESET_ROLES),
        custom=counts().roles - len(PRESET_ROLES),
        newest_group=service.groups.newest(actor()),
        changes=[(entry, sentence(entry)) for entry in recent],
    )
