"""``aoli template …`` and ``aoli job export``: submissions as YAML, to keep and to send again."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

import click

from portal.cli.client_jobs import find, job
from portal.cli.client_submit import body_of, submission_options
from portal.cli.http import Failed, PortalApi
from portal.cli.options import portal_options, quote
from portal.cli.output import local_time, print_json, print_table

Command = TypeVar("Command", bound=Callable[..., Any])
FIELDS = (
    *("name", "vc", "kind", "preemptible", "priority", "device_type", "devices", "nodes"),
    *("image", "command", "interactive_ports", "endpoints", "mounts", "env", "secret_env"),
)


@click.group()
def template() -> None:
    """Templates: submissions kept under a name, yours or your team's."""


def place_options(command: Command) -> Command:
    """Add ``--team`` and ``--vc``; the command gets ``place``, the address of the template."""

    def with_place(*arguments: Any, team: bool, vc: str | None, name: str, **options: Any) -> Any:
        place = f"/templates/{'team' if team else 'user'}/{quote(name)}"
        query = {"vc": vc} if vc else {}
        return command(*arguments, place=place, query=query, **options)

    with_place.__name__, with_place.__doc__ = command.__name__, command.__doc__
    with_place.__click_params__ = getattr(command, "__click_params__", [])  # type: ignore[attr-defined]
    wrapped: Any = click.option("--team", is_flag=True, help="The team's, not yours.")(with_place)
    wrapped = click.option("--vc", help="The team's VC (default: your current one).")(wrapped)
    done: Command = click.argument("name")(wrapped)
    return done


@template.command("list")
@click.option("--vc", help="Of this team (default: your current one).")
@portal_options
def template_list(api: PortalApi, as_json: bool, vc: str | None) -> None:
    """List your templates and the team's."""
    found = api.get("/templates", limit=200, vc=vc)
    if as_json:
        print_json(found)
        return
    rows = [
        (item["name"], item["scope"], item["owner"], local_time(item["updated_at"]))
        for item in found["items"]
    ]
    print_table(("NAME", "SCOPE", "OWNER", "CHANGED"), rows)


@template.command("show")
@place_options
@portal_options
def template_show(api: PortalApi, as_json: bool, place: str, query: dict[str, str]) -> None:
    """Print a template's submission, as ``aoli job submit -f`` takes it."""
    found = api.get(place, **query)
    _print_body(found["job"], as_json)
    _say_emptied(found.get("emptied") or [])


@template.command("delete")
@place_options
@portal_options
def template_delete(api: PortalApi, as_json: bool, place: str, query: dict[str, str]) -> None:
    """Delete a template."""
    with api.open("DELETE", place, None, query):
        pass
    if as_json:
        print_json({"deleted": True})


@template.command("save")
@click.argument("template_name", metavar="NAME")
@click.option("--team", is_flag=True, help="For the team, not only for you.")
@click.option("--replace", is_flag=True, help="Replace the template of this name.")
@submission_options
@portal_options
def template_save(
    api: PortalApi,
    as_json: bool,
    template_name: str,
    team: bool,
    replace: bool,
    **options: Any,
) -> None:
    """Keep a submission under NAME; its fields are given as to ``aoli job submit``.

    Passwords are not kept. With --vc and --team the template is that team's.
    """
    body = body_of(options)
    place = f"/templates/{'team' if team else 'user'}/{quote(template_name)}"
    query = {"vc": options["vc"]} if team and options["vc"] else {}
    headers = {} if replace else {"If-None-Match": "*"}
    try:
        with api.open("PUT", place, {"job": body}, query, headers) as answer:
            kept = json.load(answer)
    except Failed as failed:
        if failed.status != 409:
            raise
        taken = f"there is a template {template_name} already; see --replace"
        raise Failed(taken, {"status": 409}) from None
    if as_json:
        print_json(kept)
        return
    click.echo(f"kept as {kept['scope']} template {kept['name']}")
    _say_emptied(kept["emptied"])


@job.command("export")
@click.argument("job_id", metavar="JOB")
@portal_options
def job_export(api: PortalApi, as_json: bool, job_id: str) -> None:
    """Print the submission that makes this job again, as ``aoli job submit -f`` takes it.

    A registry password is never in it. Secrets of another user's job are empty; their names
    are printed on standard error.
    """
    found = api.get(f"/jobs/{quote(find(api, job_id))}/submission")
    body = found["job"]
    _print_body({name: body[name] for name in (*FIELDS, *body) if name in body}, as_json)
    _say_emptied(found["emptied"])


def _say_emptied(names: list[str]) -> None:
    """On standard error, so that the text itself goes into a file."""
    if names:
        click.echo(f"secrets left out, to be entered anew: {', '.join(names)}", err=True)


def _print_body(body: dict[str, Any], as_json: bool) -> None:
    shown = {name: value for name, value in body.items() if value not in (None, "", [], {})}
    if as_json:
        print_json(shown)
        return
    import yaml

    click.echo(yaml.safe_dump(shown, sort_keys=False, allow_unicode=True, width=4096), nl=False)
