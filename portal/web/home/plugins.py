"""Plugins: what is installed, what works, and why something was left out."""

from __future__ import annotations

from flask import Blueprint, render_template

from portal.domain.permission import Permission
from portal.http.access import requires
from portal.http.services import services
from portal.spi.registry import SECTIONS
from portal.web.base.words import gettext

blueprint = Blueprint("plugins", __name__, url_prefix="/plugins")


@blueprint.get("/")
@requires(Permission.MANAGE_VC, Permission.MANAGE_USERS)
def index() -> str:
    """The page; failed plugins come first."""
    found = sorted(
        services().registry.plugins,
        key=lambda plugin: (plugin.status == "ok", plugin.group, plugin.name),
    )
    return render_template(
        "home/plugins.html",
        plugins=found,
        groups=group_words(),
        unprotected=services().cluster.jobs_reach_portal,
        failed=sum(plugin.status != "ok" for plugin in found),
    )


def group_words() -> dict[str, str]:
    """What each entry-point group is called."""
    return {
        "portal.job_kinds": gettext("Job type"),
        "portal.device_types": gettext("Device type"),
        "portal.alert_rules": gettext("Alert rule"),
        SECTIONS: gettext("Settings"),
    }
