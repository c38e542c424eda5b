"""Where settings may stand: the environment's variables, the folder of ``portal.yaml``.

What is there and means nothing is refused, because a mistyped name otherwise leaves a default
in force that nobody wanted.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path

PREFIX = "AOLI_"
FILE_NAME = "portal.yaml"
SHORT_NAMES = {
    "AOLI_WECHAT_SECRET": "AOLI_WECHAT_APP_SECRET",
    "AOLI_MICROSOFT_SECRET": "AOLI_MICROSOFT_CLIENT_SECRET",
}
"""Other names of variables, by which they are known too."""

LIFELINE_VARIABLE = "AOLI_LIFELINE"
"""The supervisor's processes have it."""
_NO_SETTINGS = frozenset(
    {
        # between the supervisor and its processes
        *(LIFELINE_VARIABLE, "AOLI_LISTEN_FD", "AOLI_LEADER_TOKEN", "AOLI_NOTICE_FD"),
        # of the client
        *("AOLI_URL", "AOLI_API_KEY", "AOLI_REGISTRY_PASSWORD"),
        # what a job is told: a portal may be tried out in one
        *("AOLI_JOB_ID", "AOLI_JOB_NAME", "AOLI_JOB_PATH", "AOLI_WORK_PATH", "AOLI_DATA_PATH"),
        *("AOLI_ATTEMPT", "AOLI_USER", "AOLI_VC", "AOLI_REPLICA", "AOLI_RANK", "AOLI_NODES"),
        *("AOLI_DEVICES", "AOLI_NOTICE", "AOLI_HOSTS", "AOLI_HOSTFILE", "AOLI_SSH_PORT"),
        "AOLI_REPLICA_FOLDER",
    }
)
"""Variables of the same prefix that are no settings."""
_DEVELOPERS = ("AOLI_TEST_", "AOLI_STORIES", "AOLI_KILL_SEED")
_SERVICE_LINK = re.compile(r"AOLI_\w*?(SERVICE_(HOST|PORT(_\w+)?)|PORT_\d+_(TCP|UDP|SCTP)(_\w+)?)")
"""Kubernetes writes the addresses of Services named ``aoli-…`` into its pods' environment."""
_LINK_VALUE = re.compile(r"(tcp|udp|sctp)://")


class SettingsError(Exception):
    """A setting is wrong; the text names it, its source and what is expected."""


def default_config_dir(environ: Mapping[str, str] | None = None) -> Path:
    """``config`` of the source tree that runs, else ``config`` in the data folder.

    Never of the working directory: a service started from elsewhere must find the same file.
    """
    tree = Path(__file__).parents[2]
    if (tree / "setup.py").is_file() and (tree / "config").is_dir():
        return tree / "config"
    env = os.environ if environ is None else environ
    return Path(env.get("AOLI_DATA_DIR") or "~/.aoli").expanduser().absolute() / "config"


def config_dir_of(environ: Mapping[str, str]) -> Path:
    """The folder of ``portal.yaml``; raises :class:`SettingsError` when one is named in vain."""
    given = environ.get("AOLI_CONFIG_DIR")
    if not given:
        return default_config_dir(environ)
    folder = Path(given).expanduser().absolute()
    if folder.is_dir():
        return folder
    if folder.exists():
        raise SettingsError(f"AOLI_CONFIG_DIR: {folder} is no folder; name that of {FILE_NAME}")
    raise SettingsError(
        f"AOLI_CONFIG_DIR: there is no folder {folder};"
        f" make it (`aoli config example` prints a {FILE_NAME}) or name another"
    )


def overlooked(environ: Mapping[str, str], chosen: Path) -> Path | None:
    """A ``config/portal.yaml`` of the working directory that somebody may think is read."""
    near = Path.cwd() / "config"
    if environ.get("AOLI_CONFIG_DIR") or LIFELINE_VARIABLE in environ:
        return None
    return near if near != chosen and (near / FILE_NAME).is_file() else None


def variables(environ: Mapping[str, str], names: Collection[str]) -> dict[str, str]:
    """The values that the environment gives to the settings ``names``, by variable.

    ``AOLI_…_FILE`` is read, short names are made long. Raises :class:`SettingsError` for a
    variable that means nothing, one that is given twice, and a file that cannot be read.
    """
    known = {f"{PREFIX}{name.upper()}" for name in names}
    given: dict[str, str] = {}
    origin: dict[str, str] = {}
    for name, value in environ.items():
        if not name.upper().startswith(PREFIX) or _is_foreign(name, value, known):
            continue
        full = _setting_of(name, known)
        if full is None:
            raise SettingsError(f"{name}: there is no such setting{meant(name, known)}")
        if name.endswith("_FILE") and full != name and not value:
            continue
        if name.endswith("_FILE") and full != name:
            value = _read(name, value)
        if given.get(full) and value and given[full] != value:
            raise SettingsError(f"{origin[full]} and {name} are both set, differently: keep one")
        if value or full not in given:
            given[full], origin[full] = value, name
    return given


def _is_foreign(name: str, value: str, known: Collection[str]) -> bool:
    """Whether a variable of our prefix is none of the settings'."""
    if name in known:
        return False
    if name in _NO_SETTINGS or name.startswith(_DEVELOPERS):
        return True
    return bool(_SERVICE_LINK.fullmatch(name) or _LINK_VALUE.match(value))


def _setting_of(name: str, known: Collection[str]) -> str | None:
    """The variable that ``name`` stands for, itself mostly."""
    if name in known:
        return name
    plain = name.removesuffix("_FILE")
    full = SHORT_NAMES.get(plain, plain)
    return full if full in known else None


def _read(variable: str, path: str) -> str:
    try:
        return Path(path).read_text("utf-8").strip()
    except OSError as error:
        raise SettingsError(f"{variable}: {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{variable}: {path}: not a text in UTF-8") from None


def meant(name: str, known: Iterable[str]) -> str:
    """``; did you mean AOLI_PORT?`` when something is alike, else nothing."""
    alike = get_close_matches(name.upper() if name.isupper() else name, list(known), 1, 0.7)
    if not alike and name.upper() in known:
        alike = [name.upper()]
    return f"; did you mean {alike[0]}?" if alike else ""
