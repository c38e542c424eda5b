"""``aoli job submit``: options and a YAML file to the body that the API takes."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])
ENDPOINTS = ("ssh", "jupyter", "tensorboard")
FIELDS = (
    *("name", "vc", "kind", "nodes", "image"),
    *("preemptible", "priority", "device_type", "devices"),
)
"""Options that are fields of the body under the same name."""
PASSWORD_VARIABLE = "AOLI_REGISTRY_PASSWORD"  # noqa: S105 - a name, not a password


def submission_options(command: Command) -> Command:
    """Add every option that describes a job, and the command behind ``--``."""
    options = [
        click.option("-f", "--file", type=click.File("r"), help="YAML or JSON; options win."),
        click.option("--name", help="Name of the job."),
        click.option("--vc", help="Virtual cluster (default: your current one)."),
        click.option("--kind", help="Job kind (default: regular)."),
        click.option("--device", metavar="TYPE=N", help="Devices per node, such as TYPE=2."),
        click.option("--device-type", metavar="TYPE", help="The same in two options: the type ..."),
        click.option("--devices", type=int, help="... and the number per node."),
        click.option("--nodes", type=int, help="Nodes of a distributed job."),
        click.option("--image", help="Docker image."),
        click.option("--preemptible/--no-preemptible", default=None, help="May be preempted."),
        click.option("--priority", type=int, help="1 to 1000 (default: 100)."),
        click.option("--port", "ports", type=int, multiple=True, help="Interactive port."),
        *[
            click.option(f"--{kind}", is_flag=True, help=f"Open the {kind} endpoint.")
            for kind in ENDPOINTS
        ],
        click.option("--env", "env", metavar="NAME=VALUE", multiple=True, help="Variable."),
        click.option(
            "--secret-env",
            "secret_env",
            metavar="NAME[=VALUE]",
            multiple=True,
            help="Variable whose value only you and who may manage your job see.",
        ),
        click.option("--mount", "mounts", metavar="NAME=FOLDER", multiple=True, help="Sub-path."),
        click.option("--no-mount", "no_mounts", metavar="NAME", multiple=True, help="Leave out."),
        click.option("--registry-server", help="Docker registry to log in to."),
        click.option("--registry-username", help="Name at the registry."),
        click.option(
            "--registry-password-stdin",
            is_flag=True,
            help=f"Read its password from standard input (or set {PASSWORD_VARIABLE}).",
        ),
        click.option(
            "--set", "extra", metavar="FIELD=VALUE", multiple=True, help="Field of the job's kind."
        ),
        click.argument("command", nargs=-1),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def body_of(options: dict[str, Any]) -> dict[str, Any]:
    """The submission body: the file's, with what the options say put over it.

    Raises ``click.UsageError`` on what is no submission at all; fields are checked by the
    portal.
    """
    body = _file_body(options["file"]) if options["file"] else {}
    for field in FIELDS:
        if options[field] is not None:
            body[field] = options[field]
    if options["device"]:
        if options["device_type"] is not None or options["devices"] is not None:
            raise click.UsageError("--device TYPE=N says both --device-type and --devices")
        body.pop("devices", None)
        body.update(_device(options["device"]))
    if options["ports"]:
        body["interactive_ports"] = list(options["ports"])
    chosen = [kind for kind in ENDPOINTS if options[kind]]
    if chosen:
        body["endpoints"] = [*dict.fromkeys([*body.get("endpoints", []), *chosen])]
    _put(body, "env", dict(_pair(item, "--env") for item in options["env"]))
    _put_secrets(body, options["secret_env"])
    _put(body, "mounts", _mounts(options["mounts"], options["no_mounts"]))
    _put(body, "registry", _registry(options))
    body.update({name: _yaml(value) for name, value in _pairs(options["extra"], "--set")})
    if options["command"]:
        body["command"] = _command(options["command"])
    return body


def _put(body: dict[str, Any], field: str, more: dict[str, Any]) -> None:
    """Add entries to a field that is a mapping; one that is none is replaced."""
    if more:
        known = body.get(field)
        body[field] = {**known, **more} if isinstance(known, dict) else more


def _put_secrets(body: dict[str, Any], given: Sequence[str]) -> None:
    """Mark variables as secret; a name alone marks one that the file or ``--env`` gives."""
    if not given:
        return
    _put(body, "env", dict(_pair(item, "--secret-env") for item in given if "=" in item))
    known = body.get("secret_env")
    names = [item.partition("=")[0] for item in given]
    body["secret_env"] = [*dict.fromkeys([*(known if isinstance(known, list) else []), *names])]


def _file_body(file: Any) -> dict[str, Any]:
    body = _yaml(file.read(), file.name)
    if not isinstance(body, dict):
        raise click.UsageError(f"{file.name}: expected fields as 'name: value' lines")
    return {str(field): value for field, value in body.items()}


def _yaml(text: str, name: str = "--set") -> Any:
    import yaml

    from portal.settings.strict_yaml import StrictLoader

    try:
        return yaml.load(text, Loader=StrictLoader)  # noqa: S506 - a safe loader, and stricter
    except yaml.YAMLError as error:
        raise click.UsageError(f"{name}: not valid YAML: {error}") from None


def _pair(item: str, option: str) -> tuple[str, str]:
    name, equals, value = item.partition("=")
    if not equals or not name:
        raise click.UsageError(f"{option} {item}: expected NAME=VALUE")
    return name, value


def _pairs(items: Sequence[str], option: str) -> list[tuple[str, str]]:
    return [_pair(item, option) for item in items]


def _device(given: str) -> dict[str, Any]:
    """``TYPE=N``; ``TYPE`` alone leaves the number to the job's kind."""
    name, equals, number = given.partition("=")
    if not equals:
        return {"device_type": name}
    if not name or not number.isascii() or not number.isdigit():
        raise click.UsageError(f"--device {given}: expected TYPE=NUMBER")
    return {"device_type": name, "devices": int(number)}


def _mounts(wanted: Sequence[str], unwanted: Sequence[str]) -> dict[str, Any]:
    mounts: dict[str, Any] = {}
    for item in wanted:
        name, _, folder = item.partition("=")
        mounts[name] = {"enabled": True, "sub_path": folder}
    for name in unwanted:
        mounts[name] = {"enabled": False}
    return mounts


def _registry(options: dict[str, Any]) -> dict[str, Any]:
    login = {
        "server": options["registry_server"],
        "username": options["registry_username"],
        "password": os.environ.get(PASSWORD_VARIABLE),
    }
    if options["registry_password_stdin"]:
        login["password"] = sys.stdin.readline().rstrip("\n")
    if not options["registry_server"] and not options["registry_username"]:
        return {}
    return {part: value for part, value in login.items() if value is not None}


def _command(words: Sequence[str]) -> str:
    """One word is a line for the far shell; several are a command and its arguments."""
    return words[0] if len(words) == 1 else shlex.join(words)
