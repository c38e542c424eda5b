"""Reads the settings: ``portal.yaml``, the environment over it; one line for what is wrong."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_settings import EnvSettingsSource, InitSettingsSource
from pydantic_settings import SettingsError as Undecoded

from portal.settings.fields import Settings
from portal.settings.places import (
    FILE_NAME,
    PREFIX,
    SHORT_NAMES,
    SettingsError,
    config_dir_of,
    meant,
    overlooked,
    variables,
)
from portal.settings.strict_yaml import StrictLoader

log = logging.getLogger(__name__)
_settings: Callable[..., Settings] = Settings  # its own words for sources are in no signature


class _Environment(EnvSettingsSource):
    """The variables that are handed over, not the process's own."""

    def __init__(self, given: Mapping[str, str]) -> None:
        super().__init__(Settings)
        self.env_vars = {
            f"{PREFIX}{name.removeprefix(PREFIX).lower()}": value for name, value in given.items()
        }


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the file, then the environment over it.

    The file is ``portal.yaml`` in ``AOLI_CONFIG_DIR`` and may be missing; a folder that is
    named must be there. Raises :class:`SettingsError`, one line, for whatever is wrong.
    """
    env = os.environ if environ is None else environ
    given = variables(env, Settings.model_fields)
    config_dir = config_dir_of(env)
    unread = overlooked(env, config_dir)
    if unread is not None:
        log.warning(
            "%s is not read: settings are in %s (AOLI_CONFIG_DIR names another folder)",
            unread / FILE_NAME,
            config_dir,
        )
    values = _read_file(config_dir / FILE_NAME)
    values.setdefault("config_dir", str(config_dir))
    if env.get("KUBECONFIG") and not given.get("AOLI_KUBECONFIG", values.get("kubeconfig")):
        given["AOLI_KUBECONFIG"] = env["KUBECONFIG"]
    if not given.get("AOLI_PLUGINS"):
        given.pop("AOLI_PLUGINS", None)
    try:
        sources = (_Environment(given), InitSettingsSource(Settings, values))
        settings = _settings(_build_sources=(sources, {}))
    except Undecoded as error:
        name = str(error).split('"')[1]
        raise SettingsError(f"{PREFIX}{name.upper()}: {name}: expected JSON") from None
    except ValidationError as error:
        raise SettingsError(_words(error, env, config_dir)) from None
    if settings.database.startswith("postgresql") and find_spec("psycopg2") is None:
        raise SettingsError(
            "database_url: PostgreSQL needs the package psycopg2, which is not installed:"
            " pip install 'aoli[postgres]'"
        )
    return settings


def _words(error: ValidationError, env: Mapping[str, str], config_dir: Path) -> str:
    """The first mistake: where it stands, which setting, what is expected."""
    first = error.errors()[0]
    setting, name = str(first["loc"][0]), ".".join(str(part) for part in first["loc"])
    full = f"{PREFIX}{setting.upper()}"
    names = [full, *(short for short, long in SHORT_NAMES.items() if long == full)]
    tried = (name + end for name in names for end in ("", "_FILE"))
    source = next((variable for variable in tried if env.get(variable)), None)
    why = first["msg"]
    if first["type"] == "extra_forbidden":
        why = f"there is no such setting{meant(setting, Settings.model_fields)}"
    return f"{source or config_dir / FILE_NAME}: {name}: {why}"


def _read_file(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        values = yaml.load(path.read_text("utf-8"), Loader=StrictLoader) or {}  # noqa: S506 - safe
    except yaml.YAMLError as error:
        raise SettingsError(f"{path}: not valid YAML{_place_of(error)}") from None
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{path}: not a text in UTF-8") from None
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        raise SettingsError(f"{path}: expected settings as 'name: value' lines")
    return {key: value for key, value in values.items() if value is not None}


def _place_of(error: yaml.YAMLError) -> str:
    """Where the mistake is and what it is, in one line."""
    mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
    where = "" if mark is None else f" in line {mark.line + 1}"
    return where + (f": {problem}" if problem else "")
