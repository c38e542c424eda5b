"""Plugins: what is installed, what works, and why something was left out."""

from __future__ import annotations

from flask import Blueprint, render_template

from portal.domain.permission import Permission
from portal.http.access import requires
from portal.http.services import services
from portal.services.plugins import marks
from portal.spi.registry import SECTIONS
from portal.web.base.words import gettext

blueprint = Blueprint("plugins", __name__, url_prefix="/plugins")


@blueprint.get("/")
@requires(Permission.MANAGE_VC, Permission.MANAGE_USERS)
def index() -> str:
    """The page; plugins that were left out come first, then those that were in trouble."""
    troubled = marks.current(services().clock())
    found = sorted(
        services().registry.plugins,
        key=lambda plugin: (
            plugin.status == "ok",
            (plugin.group, plugin.name, plugin.version) not in troubled,
            plugin.group,
            plugin.name,
        ),
    )
    return render_template(
        "home/plugins.html",
        plugins=found,
        marks={
            plugin: mark
            for plugin in found
            if (mark := troubled.get((plugin.group, plugin.name, plugin.version)))
        },
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
