"""Checks of single fields of a submission: a value in, the clean value or an error out.

Each check takes the raw JSON value and returns the clean one, or raises
:class:`FieldProblem`. They know nothing of the database.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from portal.domain.errors import FieldError
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
    too_long,
)
from portal.domain.secret_words import REDACTED
from portal.domain.storage_path import check_sub_path

MAX_PORTS, MIN_PORT, MAX_PORT = 20, 40000, 49999

_HALF_PAIR = re.compile("[\ud800-\udfff]")
_NAME = re.compile(r"\w[\w .()+:\-]*")
_IMAGE = re.compile(
    r"(?:(?:[a-zA-Z0-9](?:[a-zA-Z0-9.\-]*[a-zA-Z0-9])?)(?::[0-9]{1,5})?/)?"
    r"[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*)*"
    r"(?::[\w][\w.\-]{0,127})?(?:@sha256:[0-9a-f]{64})?",
    re.ASCII,
)
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_SERVER = re.compile(r"[A-Za-z0-9][A-Za-z0-9.\-]*(?::[0-9]{1,5})?(?:/[\w.\-/]*)?", re.ASCII)

Clean = TypeVar("Clean")

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


class FieldProblem(Exception):
    """The value is wrong; ``sub`` names the part of a nested field."""

    def __init__(self, template: str, *, sub: str = "", **params: object) -> None:
        super().__init__(template)
        self.error = FieldError(template, params)
        self.sub = sub
        self.others: list[FieldProblem] = []
        """What else is wrong with the same field, when it has parts."""

    @classmethod
    def of(cls, error: FieldError, sub: str = "") -> FieldProblem:
        """The problem that ``error`` is, found elsewhere."""
        made = cls(error.template, sub=sub)
        made.error = error
        return made


def _each(
    parts: Iterable[tuple[str, Any]], checker: Callable[[str, Any], Clean]
) -> dict[str, Clean]:
    """Check every part of a nested field; raise one problem that carries all others."""
    clean: dict[str, Clean] = {}
    problems: list[FieldProblem] = []
    for key, value in parts:
        try:
            clean[key] = checker(key, value)
        except FieldProblem as problem:
            problems += [problem, *problem.others]
    if problems:
        problems[0].others = problems[1:]
        raise problems[0]
    return clean


def text(value: Any, *, maximum: int, required: bool = True) -> str:
    """A string without NUL, not blank when ``required``, of at most ``maximum`` characters."""
    clean = _plain_text(value, required=required)
    if len(clean) > maximum:
        raise FieldProblem(
            "Must be at most %(max)s characters, has %(have)s", max=maximum, have=len(clean)
        )
    return clean


def short_text(value: Any, *, max_bytes: int, required: bool = True) -> str:
    """The same of at most ``max_bytes`` bytes in UTF-8, for what the kernel counts so."""
    clean = _plain_text(value, required=required)
    error = too_long(clean, max_bytes)
    if error is not None:
        raise FieldProblem.of(error)
    return clean


def _plain_text(value: Any, *, required: bool) -> str:
    if value is None:
        value = ""
    if not isinstance(value, str):
        raise FieldProblem("Must be text")
    if required and not value.strip():
        raise FieldProblem("Required")
    if "\x00" in value:
        raise FieldProblem("Must not contain a NUL character")
    if _HALF_PAIR.search(value):
        raise FieldProblem("Contains half of a character")
    return value


def name(value: Any) -> str:
    """A job's name."""
    clean = text(value, maximum=MAX_NAME).strip()
    if not _NAME.fullmatch(clean):
        raise FieldProblem("Use letters, digits, spaces and . _ - ( ) + : only")
    return clean


def image(value: Any) -> str:
    """An image reference, ``[registry/]name[:tag][@digest]``."""
    clean = text(value, maximum=MAX_IMAGE).strip()
    if not _IMAGE.fullmatch(clean):
        raise FieldProblem("Not an image reference such as registry.example/team/image:tag")
    return clean


def command(value: Any) -> str:
    """The command, with line ends as the shell wants them."""
    if isinstance(value, str):
        value = value.replace("\r\n", "\n")
    return short_text(value, max_bytes=MAX_COMMAND_BYTES)


def integer(value: Any, minimum: int, maximum: int | None = None) -> int:
    """A whole number in a range."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise FieldProblem("Must be a whole number")
    if maximum is None and value < minimum:
        raise FieldProblem("Must be %(min)s or more", min=minimum)
    if maximum is not None and not minimum <= value <= maximum:
        raise FieldProblem("Must be from %(min)s to %(max)s", min=minimum, max=maximum)
    return value


def priority(value: Any) -> int:
    """A priority."""
    return integer(value, MIN_PRIORITY, MAX_PRIORITY)


def boolean(value: Any) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise FieldProblem("Must be true or false")
    return value


def ports(value: Any) -> tuple[int, ...]:
    """Interactive ports, 40000–49999, no duplicates."""
    if not isinstance(value, list):
        raise FieldProblem("Must be a list of ports")
    if len(value) > MAX_PORTS:
        raise FieldProblem("At most %(max)s ports", max=MAX_PORTS)
    for port in value:
        if isinstance(port, bool) or not isinstance(port, int):
            raise FieldProblem("%(port)s is not a port number", port=port)
        if not MIN_PORT <= port <= MAX_PORT:
            raise FieldProblem(
                "%(port)s is not from %(min)s to %(max)s", port=port, min=MIN_PORT, max=MAX_PORT
            )
        if value.count(port) > 1:
            raise FieldProblem("%(port)s is given twice", port=port)
    return tuple(value)


def endpoints(value: Any) -> tuple[str, ...]:
    """Endpoint kinds to open."""
    if not isinstance(value, list):
        raise FieldProblem("Must be a list")
    for kind in value:
        if kind not in ENDPOINT_KINDS:
            raise FieldProblem(
                "%(kind)s is not one of %(kinds)s", kind=kind, kinds=", ".join(ENDPOINT_KINDS)
            )
        if value.count(kind) > 1:
            raise FieldProblem("%(kind)s is given twice", kind=kind)
    return tuple(value)


def mounts(value: Any) -> dict[str, MountChoice]:
    """The three mounts; a missing one is enabled without a sub-path."""
    if not isinstance(value, Mapping):
        raise FieldProblem("Must map work, data, job to {enabled, sub_path}")
    given = _each(((str(point), choice) for point, choice in value.items()), _mount)
    return {point: given.get(point, MountChoice()) for point in MOUNT_POINTS}


def _mount(point: str, choice: Any) -> MountChoice:
    if point not in MOUNT_POINTS:
        raise FieldProblem("Unknown field", sub=point[:64])
    if not isinstance(choice, Mapping):
        raise FieldProblem("Must be {enabled, sub_path}", sub=point)
    given = {"enabled": choice.get("enabled", True), "sub_path": choice.get("sub_path") or ""}
    unknown = {key: None for key in choice if key not in given}
    parts = [*given.items(), *unknown.items()]
    clean = _each(parts, lambda key, item: _mount_part(point, key, item))
    return MountChoice(enabled=clean["enabled"], sub_path=clean["sub_path"])


def _mount_part(point: str, key: str, value: Any) -> Any:
    where = f"{point}.{key}"[:128]
    if key not in ("enabled", "sub_path"):
        raise FieldProblem("Unknown field", sub=where)
    if key == "enabled":
        if not isinstance(value, bool):
            raise FieldProblem("Must be true or false", sub=where)
        return value
    if not isinstance(value, str):
        raise FieldProblem("Must be text", sub=where)
    error = check_sub_path(value.strip())
    if error is not None:
        raise FieldProblem.of(error, where)
    return value.strip().rstrip("/")


def env(value: Any) -> dict[str, str]:
    """Environment variables by name."""
    if not isinstance(value, Mapping):
        raise FieldProblem("Must map names to values")
    if len(value) > MAX_ENV:
        raise FieldProblem("At most %(max)s variables", max=MAX_ENV)
    return _each(((str(key), item) for key, item in value.items()), _env_value)


def _env_value(key: str, value: Any) -> str:
    if not _ENV_NAME.fullmatch(key) or len(key) > MAX_ENV_NAME:
        raise FieldProblem(
            "%(name)s is not a valid name: letters, digits and _, not starting with a digit",
            sub=key,
            name=repr(key[:40]),
        )
    if key in RESERVED_ENV or key.startswith(RESERVED_ENV_PREFIXES):
        raise FieldProblem("%(name)s is set by the platform", sub=key, name=key)
    if not isinstance(value, str):
        raise FieldProblem("The value must be text", sub=key)
    if value == REDACTED:
        raise FieldProblem("The value was redacted: enter it anew", sub=key)
    try:
        return short_text(value, max_bytes=MAX_ENV_VALUE_BYTES, required=False)
    except FieldProblem as problem:
        raise FieldProblem.of(problem.error, key) from None


def secret_env(value: Any, given: Any = None) -> tuple[str, ...]:
    """Names of variables that are secret; each must be in ``given``, if that has names."""
    if value is None:
        return ()
    if not _are_names(value):
        raise FieldProblem("Must be a list of names of variables")
    if len(value) > MAX_ENV:
        raise FieldProblem("At most %(max)s variables", max=MAX_ENV)
    known = given if isinstance(given, Mapping) else {}
    missing = [one for one in value if one not in known]
    if missing:
        raise FieldProblem("%(name)s is not among the variables of env", name=missing[0][:64])
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
        raise FieldProblem("Must be {server, username, password}")
    given = {part: value.get(part) for part in ("server", "username", "password")}
    unknown = {key: None for key in value if key not in given}
    parts = _each([*given.items(), *unknown.items()], _registry_part)
    return RegistryLogin(**parts)


def _registry_part(part: str, value: Any) -> str:
    if part not in ("server", "username", "password"):
        raise FieldProblem("Unknown field", sub=part[:64])
    try:
        clean = text(value, maximum=MAX_REGISTRY_FIELD)
    except FieldProblem as problem:
        raise FieldProblem.of(problem.error, part) from None
    if part != "server":
        return clean
    if not _SERVER.fullmatch(clean.strip()):
        raise FieldProblem("Not an address such as registry.example:5000", sub="server")
    return clean.strip()
