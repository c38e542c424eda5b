"""What an attempt's replicas share: small files in a ConfigMap, the key of their logins in a
Secret, seen together at one place in every container. Pure."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from portal.adapters.kubernetes import logins, naming
from portal.adapters.kubernetes.logins import LoginKey
from portal.domain.launch import Launch, SharedFile

FOLDER = "/etc/aoli"
"""Where containers find the files."""
LOGIN_FOLDER = f"{FOLDER}/ssh"
_VOLUME = "aoli-shared"
_READABLE = 0o444
"""A Secret's files too: a container's user need not be root. The door makes private copies."""
_LOGIN_FILES = ("key", "key.pub", "config")


def file_data(files: tuple[SharedFile, ...]) -> dict[str, str]:
    """The contents of the ConfigMap."""
    return {file.name: file.text for file in files}


def login_data(launch: Launch, key: LoginKey) -> dict[str, str]:
    """The contents of the Secret."""
    hosts = [replica.host or replica.name for replica in launch.replicas]
    config = logins.client_settings([*hosts, f"*.{naming.service_name(launch.ref)}*"])
    texts = (key.private, key.public, config)
    return {
        name: base64.b64encode(text.encode()).decode()
        for name, text in zip(_LOGIN_FILES, texts, strict=True)
    }


def variables(launch: Launch) -> dict[str, str]:
    """Environment that tells where the files are."""
    told = {name: f"{FOLDER}/{file.name}" for file in launch.files for name in file.variables}
    return {**told, **({logins.PORT_VARIABLE: str(logins.PORT)} if launch.logins else {})}


def door(launch: Launch) -> str:
    """What a replica runs before its command; empty when nobody logs in."""
    return logins.door(LOGIN_FOLDER) if launch.logins else ""


def volumes(launch: Launch) -> list[dict[str, Any]]:
    """One volume for both sources, none when there is nothing to share."""
    sources: list[Mapping[str, Any]] = []
    if launch.files:
        sources.append({"configMap": {"name": naming.files_name(launch.ref)}})
    if launch.logins:
        items = [{"key": name, "path": f"ssh/{name}"} for name in _LOGIN_FILES]
        sources.append({"secret": {"name": naming.login_name(launch.ref), "items": items}})
    if not sources:
        return []
    return [{"name": _VOLUME, "projected": {"defaultMode": _READABLE, "sources": sources}}]


def mounts(launch: Launch) -> list[dict[str, Any]]:
    """Where the container sees the volume."""
    if not (launch.files or launch.logins):
        return []
    return [{"name": _VOLUME, "mountPath": FOLDER, "readOnly": True}]
