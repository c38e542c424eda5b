"""The platform's seven permissions as the pages name them."""

from __future__ import annotations

from flask_babel import lazy_gettext
from flask_babel.speaklater import LazyString

LABELS: dict[str, LazyString] = {
    "submit_job": lazy_gettext("Submit training job"),
    "manage_vc": lazy_gettext("Manage VC"),
    "view_vc": lazy_gettext("View VC"),
    "view_all_jobs": lazy_gettext("View all users' jobs"),
    "manage_all_jobs": lazy_gettext("View and manage all users' jobs"),
    "view_cluster": lazy_gettext("View cluster status"),
    "manage_users": lazy_gettext("Manage user"),
}


def permission_label(code: str) -> str:
    """The permission's name in the reader's language; a plugin's shows its code."""
    return str(LABELS.get(code, code))
