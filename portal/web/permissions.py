"""The platform's seven permissions as the pages name them."""

from __future__ import annotations

from flask_babel import lazy_gettext
from flask_babel.speaklater import LazyString

from portal.domain.permission import Permission

LABELS: dict[str, LazyString] = {
    Permission.SUBMIT_JOB: lazy_gettext("Submit training job"),
    Permission.MANAGE_VC: lazy_gettext("Manage VC"),
    Permission.VIEW_VC: lazy_gettext("View VC"),
    Permission.VIEW_ALL_JOBS: lazy_gettext("View all users' jobs"),
    Permission.MANAGE_ALL_JOBS: lazy_gettext("View and manage all users' jobs"),
    Permission.VIEW_CLUSTER: lazy_gettext("View cluster status"),
    Permission.MANAGE_USERS: lazy_gettext("Manage user"),
}


def permission_label(code: str) -> str:
    """The permission's name in the reader's language; a plugin's shows its code."""
    return str(LABELS.get(code, code))
