"""Readers of the fields of a submission (see :mod:`portal.domain.fields`).

They know nothing of the database.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from portal.domain.errors import WrongValue
from portal.domain.fields import Fields, boolean, each, integer, short_text, text
from portal.domain.job import (
    ENDPOINT_KINDS,
    MAX_PRIORITY,
    MIN_PRIORITY,
    MOUNT_POINTS,
    MountChoice,
    RegistryLogin,
)
from portal.domain.limits import (
    MAX_COMMAND_BYTES,
    MAX_ENV,
    MAX_ENV_NAME,
    MAX_ENV_VALUE_BYTES,
    MAX_IMAGE,
    MAX_NAME,
    MAX_REGISTRY_FIELD,
    MAX_SUB_PATH,
)
from portal.domain.secret_words import REDACTED
from portal.domain.storage_path import check_sub_path

MAX_PORTS, MIN_PORT, MAX_PORT = 20, 40000, 49999

_NAME = re.compile(r"\w[\w .()+:\-]*")
_IMAGE = re.compile(
    r"(?:(?:[a-zA-Z0-9](?:[a-zA-Z0-9.\-]*[a-zA-Z0-9])?)(?::[0-9]{1,5})?/)?"
    r"[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*)*"
    r"(?::[\w][\w.\-]{0,127})?(?:@sha256:[0-9a-f]{64})?",
    re.ASCII,
)
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_SERVER = re.compile(r"[A-Za-z0-9][A-Za-z0-9.\-]*(?::[0-9]{1,5})?(?:/[\w.\-/]*)?", re.ASCII)

RESERVED_ENV = frozenset(
    {
        "MASTER_ADDR",
        "MASTER_PORT",
        "WORLD_SIZE",
        "RANK",
        "NVIDIA_VISIBLE_DEVICES",
        "ASCEND_VISIBLE_DEVICES",
        "RANK_TABLE_FILE",
        "TF_CONFIG",
        "HOSTNAME",
    }
)
RESERVED_ENV_PREFIXES = ("AOLI_", "KUBERNETES_", "PET_", "MS_")
"""Names that the platform sets itself; a submission that sets them is refused."""


def name(value: Any) -> str:
    """A job's name."""
    clean = text(value, maximum=MAX_NAME).strip()
    if not _NAME.fullmatch(clean):
        raise WrongValue("Use letters, digits, spaces and . _ - ( ) + : only")
    return clean


def image(value: Any) -> str:
    """An image reference, ``[registry/]name[:tag][@digest]``."""
    clean = text(value, maximum=MAX_IMAGE).strip()
    if not _IMAGE.fullmatch(clean):
        raise WrongValue("Not an image reference such as registry.example/team/image:tag")
    return clean


def command(value: Any) -> str:
    """The command, with line ends as the shell wants them."""
    if isinstance(value, str):
        value = value.replace("\r\n", "\n")
    return short_text(value, max_bytes=MAX_COMMAND_BYTES)


priority = integer(MIN_PRIORITY, MAX_PRIORITY)


def ports(value: Any) -> tuple[int, ...]:
    """Interactive ports, 40000–49999, no duplicates."""
    if not isinstance(value, list):
        raise WrongValue("Must be a list of ports")
    if len(value) > MAX_PORTS:
        raise WrongValue("At most %(max)s ports", max=MAX_PORTS)
    for port in value:
        if isinstance(port, bool) or not isinstance(port, int):
            raise WrongValue("%(port)s is not a port number", port=port)
        if not MIN_PORT <= port <= MAX_PORT:
            raise WrongValue(
                "%(port)s is not from %(min)s to %(max)s", port=port, min=MIN_PORT, max=MAX_PORT
            )
        if value.count(port) > 1:
            raise WrongValue("%(port)s is given twice", port=port)
    return tuple(value)


def endpoints(value: Any) -> tuple[str, ...]:
    """Endpoint kinds to open."""
    if not isinstance(value, list):
        raise WrongValue("Must be a list")
    for kind in value:
        if kind not in ENDPOINT_KINDS:
            raise WrongValue(
                "%(kind)s is not one of %(kinds)s", kind=kind, kinds=", ".join(ENDPOINT_KINDS)
            )
        if value.count(kind) > 1:
            raise WrongValue("%(kind)s is given twice", kind=kind)
    return tuple(value)


def mounts(value: Any) -> dict[str, MountChoice]:
    """The three mounts; a missing one is enabled without a sub-path."""
    if not isinstance(value, Mapping):
        raise WrongValue("Must map work, data, job to {enabled, sub_path}")
    fields = Fields(value, MOUNT_POINTS)
    for point in MOUNT_POINTS:
        fields.take(point, _mount, {})
    return fields.done()


def _mount(value: Any) -> MountChoice:
    if not isinstance(value, Mapping):
        raise WrongValue("Must be {enabled, sub_path}")
    fields = Fields(value, ("enabled", "sub_path"))
    fields.take("enabled", boolean, True)
    fields.take("sub_path", _sub_path, "")
    return MountChoice(**fields.done())


def _sub_path(value: Any) -> str:
    given = text(value, maximum=MAX_SUB_PATH, required=False).strip()
    error = check_sub_path(given)
    if error is not None:
        raise WrongValue(error)
    return given.rstrip("/")


def env(value: Any) -> dict[str, str]:
    """Environment variables by name."""
    if not isinstance(value, Mapping):
        raise WrongValue("Must map names to values")
    if len(value) > MAX_ENV:
        raise WrongValue("At most %(max)s variables", max=MAX_ENV)
    return each(value, _env_value)


def _env_value(key: str, value: Any) -> str:
    if not _ENV_NAME.fullmatch(key) or len(key) > MAX_ENV_NAME:
        raise WrongValue(
            "%(name)s is not a valid name: letters, digits and _, not starting with a digit",
            name=repr(key[:40]),
        )
    if key in RESERVED_ENV or key.startswith(RESERVED_ENV_PREFIXES):
        raise WrongValue("%(name)s is set by the platform", name=key)
    if not isinstance(value, str):
        raise WrongValue("The value must be text")
    if value == REDACTED:
        raise WrongValue("The value was redacted: enter it anew")
    return short_text(value, max_bytes=MAX_ENV_VALUE_BYTES, required=False)


def secret_env(value: Any, given: Any = None) -> tuple[str, ...]:
    """Names of variables that are secret; each must be in ``given``, if that has names."""
    if value is None:
        return ()
    if not _are_names(value):
        raise WrongValue("Must be a list of names of variables")
    if len(value) > MAX_ENV:
        raise WrongValue("At most %(max)s variables", max=MAX_ENV)
    known = given if isinstance(given, Mapping) else {}
    missing = [one for one in value if one not in known]
    if missing:
        raise WrongValue("%(name)s is not among the variables of env", name=missing[0][:64])
    return tuple(dict.fromkeys(value))


def secret_names(value: Any) -> None:
    """The shape alone, of a form that is not filled yet."""
    secret_env(value, dict.fromkeys(value) if _are_names(value) else None)


def _are_names(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and all(isinstance(one, str) for one in value)


def registry(value: Any) -> RegistryLogin | None:
    """A registry login, or ``None``; all three parts are required."""
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise WrongValue("Must be {server, username, password}")
    readers = {"server": _server, "username": _registry_part, "password": _registry_part}
    fields = Fields(value, readers)
    for part, read in readers.items():
        fields.take(part, read, required=True)
    return RegistryLogin(**fields.done())


def _registry_part(value: Any) -> str:
    return text(value, maximum=MAX_REGISTRY_FIELD)


def _server(value: Any) -> str:
    clean = _registry_part(value).strip()
    if not _SERVER.fullmatch(clean):
        raise WrongValue("Not an address such as registry.example:5000")
    return clean
