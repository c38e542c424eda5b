"""Entries of the audit log as sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_babel import lazy_gettext
from flask_babel.speaklater import LazyString

from portal.web.base.permissions import permission_label
from portal.web.base.words import gettext, listed, told

ACTIONS: dict[str, LazyString] = {
    "user.create": lazy_gettext("created the user %(name)s"),
    "user.modify": lazy_gettext("changed the user %(name)s"),
    "user.password": lazy_gettext("reset the password of %(name)s"),
    "user.delete": lazy_gettext("deleted the user %(name)s"),
    "group.create": lazy_gettext("created the group %(name)s"),
    "group.modify": lazy_gettext("changed the group %(name)s"),
    "group.delete": lazy_gettext("deleted the group %(name)s"),
    "role.create": lazy_gettext("created the role %(name)s"),
    "role.modify": lazy_gettext("changed the role %(name)s"),
    "role.relate": lazy_gettext("changed who has the role %(name)s"),
    "role.delete": lazy_gettext("deleted the role %(name)s"),
    "vc.create": lazy_gettext("created the virtual cluster %(name)s"),
    "vc.modify": lazy_gettext("changed the virtual cluster %(name)s"),
    "vc.delete": lazy_gettext("deleted the virtual cluster %(name)s"),
    "account.sign_up": lazy_gettext("signed up as %(name)s"),
    "account.modify": lazy_gettext("changed their account %(name)s"),
    "account.password": lazy_gettext("changed their password"),
    "account.bind": lazy_gettext("bound a way to sign in"),
    "account.unbind": lazy_gettext("unbound a way to sign in"),
    "api_key.create": lazy_gettext("created the API key %(name)s"),
    "api_key.revoke": lazy_gettext("revoked the API key %(name)s"),
    "ssh_key.create": lazy_gettext("added the SSH key %(name)s"),
    "ssh_key.delete": lazy_gettext("deleted the SSH key %(name)s"),
    "job.pause": lazy_gettext("paused the job %(name)s"),
    "job.resume": lazy_gettext("resumed the job %(name)s"),
    "job.kill": lazy_gettext("killed the job %(name)s"),
    "job.priority": lazy_gettext("changed the priority of the job %(name)s"),
    "node.cordon": lazy_gettext("cordoned the node %(name)s"),
    "node.uncordon": lazy_gettext("uncordoned the node %(name)s"),
}
OBJECTS: dict[str, LazyString] = {
    "user": lazy_gettext("User"),
    "group": lazy_gettext("Group"),
    "role": lazy_gettext("Role"),
    "vc": lazy_gettext("Virtual cluster"),
    "account": lazy_gettext("Own account"),
    "api_key": lazy_gettext("API key"),
    "ssh_key": lazy_gettext("SSH key"),
    "node": lazy_gettext("Node"),
    "job": lazy_gettext("Job"),
}
FIELDS: dict[str, LazyString] = {
    "active": lazy_gettext("Account enabled"),
    "description": lazy_gettext("Description"),
    "email": lazy_gettext("Email"),
    "expires_at": lazy_gettext("Expires"),
    "fingerprint": lazy_gettext("Fingerprint"),
    "groups": lazy_gettext("Groups"),
    "max_run_time_s": lazy_gettext("Maximum run time"),
    "members": lazy_gettext("Members"),
    "name": lazy_gettext("Name"),
    "nickname": lazy_gettext("Nickname"),
    "password": lazy_gettext("Password"),
    "permissions": lazy_gettext("Permissions"),
    "phone": lazy_gettext("Phone"),
    "preempt_grace_s": lazy_gettext("Seconds to save before preemption"),
    "priority": lazy_gettext("Priority"),
    "quota": lazy_gettext("Quota"),
    "roles": lazy_gettext("Roles"),
    "user": lazy_gettext("User"),
    "user_limit": lazy_gettext("Limit per user"),
    "users": lazy_gettext("Users"),
}


def sentence(entry: Mapping[str, Any]) -> str:
    """What was done, to follow the name of who did it; unknown actions show as they are."""
    words = ACTIONS.get(entry["action"])
    if words is None:
        return f"{entry['action']} {entry['object']}"
    return str(words) % {"name": entry["object"]}


def action_words(action: str) -> str:
    """What an action is, of nobody in particular."""
    return str(ACTIONS[action]) % {"name": "…"}


def value(of: Any) -> str:
    """One value of ``before`` or ``after`` on one line."""
    if of is None or of in ("", [], {}):
        return "—"
    if isinstance(of, Mapping):
        return listed(told(FIELDS.get(key, key), value(item)) for key, item in of.items())
    if isinstance(of, list):
        return listed(value(item) for item in of)
    if isinstance(of, bool):
        return gettext("yes") if of else gettext("no")
    return str(of)


def changes(entry: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """(field, before, after) of an entry; of something made or deleted only what was filled."""
    before, after = entry["before"] or {}, entry["after"] or {}
    names = list(dict.fromkeys([*before, *after]))
    found = [(name, _shown(name, before), _shown(name, after)) for name in names]
    return [(str(FIELDS.get(name, name)), was, now) for name, was, now in found if was != now]


def _shown(name: str, side: Mapping[str, Any]) -> str:
    of = side.get(name)
    if name == "permissions" and isinstance(of, list):
        of = [permission_label(code) for code in of]
    return value(of)
