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

TEXTS: dict[str, LazyString] = {
    Permission.SUBMIT_JOB: lazy_gettext("Submit new training jobs"),
    Permission.MANAGE_VC: lazy_gettext("Add, modify and delete virtual clusters"),
    Permission.VIEW_VC: lazy_gettext("See virtual clusters and their quotas"),
    Permission.VIEW_ALL_JOBS: lazy_gettext("See the jobs of every user, read only"),
    Permission.MANAGE_ALL_JOBS: lazy_gettext("Also pause, resume, kill and set priority"),
    Permission.VIEW_CLUSTER: lazy_gettext("See nodes, devices and usage"),
    Permission.MANAGE_USERS: lazy_gettext("Add users, groups and roles, read the audit log"),
}


PRESETS: dict[str, LazyString] = {
    "System Admin": lazy_gettext("Runs the platform"),
    "User": lazy_gettext("Submits and watches training jobs"),
}


def role_text(name: str, description: str) -> str:
    """A role's description; those of the preset roles are in the reader's language."""
    return str(PRESETS.get(name, description))


def permission_text(code: str) -> str:
    """What the permission allows, in one line."""
    return str(TEXTS.get(code, ""))


def permission_label(code: str) -> str:
    """The permission's name in the reader's language; a plugin's shows its code."""
    return str(LABELS.get(code, code))
