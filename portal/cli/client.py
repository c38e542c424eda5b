"""Client commands: they speak to a portal over its API."""

from __future__ import annotations

import sys
from typing import Any

import click

from portal.cli import login_store
from portal.cli.client_cluster import cluster
from portal.cli.client_jobs import job
from portal.cli.client_support import support
from portal.cli.client_templates import template
from portal.cli.http import Failed, PortalApi, connect
from portal.cli.login_store import Login
from portal.cli.options import portal_options, quote
from portal.cli.output import print_facts, print_json, print_table


def register(cli: click.Group) -> None:
    """Add the client's commands to ``cli``."""
    job.add_command(support)
    for command in (login, logout, whoami, job, template, vc, cluster):
        cli.add_command(command)


@click.command()
@click.argument("url", required=False)
@click.option("--username", prompt=True)
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
def login(url: str | None, username: str, password_stdin: bool) -> None:
    """Sign in to the portal at URL; the token is kept for the commands that follow."""
    api = connect(url)
    password = (
        sys.stdin.readline().rstrip("\n")
        if password_stdin
        else click.prompt("Password", hide_input=True)
    )
    body = {"username": username, "password": password, "refresh": True}
    tokens = api.post("/security/login", body)
    kept = Login(api.url, username, tokens["access_token"], tokens.get("refresh_token", ""))
    login_store.save(kept)
    click.echo(f"signed in to {api.url} as {username}")


@click.command()
@click.option("--url", help="The portal (default: AOLI_URL, then the last login).")
def logout(url: str | None) -> None:
    """Forget the token that login kept."""
    api = connect(url)
    if not login_store.forget(api.url):
        raise Failed(f"you are not signed in to {api.url}")
    click.echo(f"signed out of {api.url}")


@click.command()
@portal_options
def whoami(api: PortalApi, as_json: bool) -> None:
    """Show who you are at the portal and what you may do."""
    me = api.get("/me")
    if as_json:
        print_json(me)
        return
    print_facts(
        [
            ("portal", api.url),
            ("user", me["username"]),
            ("roles", me["roles"]),
            ("permissions", me["permissions"]),
            ("virtual clusters", me["vcs"]),
            ("current", me["current_vc"]),
        ]
    )


@click.group()
def vc() -> None:
    """Virtual clusters."""


@vc.command("list")
@portal_options
def vc_list(api: PortalApi, as_json: bool) -> None:
    """List virtual clusters with what is used of their quota."""
    found = api.get("/vcs", limit=200)
    if as_json:
        print_json(found)
        return
    rows = []
    for item in found["items"]:
        quota = [_share(item, kind, number) for kind, number in item["quota"].items()]
        rows.append(("*" if item["current"] else " ", item["name"], quota, item["permission"]))
    print_table(("", "NAME", "USED/QUOTA", "PERMISSION"), rows)


def _share(item: dict[str, Any], kind: str, quota: int) -> str:
    """``4/8 TYPE``, and what is usable now where that is less than the quota."""
    usable = item.get("usable_quota", {}).get(kind, quota)
    short = f" ({usable} usable now)" if usable < quota else ""
    return f"{item['used'].get(kind, 0)}/{quota} {kind}{short}"


@vc.command("select")
@click.argument("name")
@portal_options
def vc_select(api: PortalApi, as_json: bool, name: str) -> None:
    """Work in the virtual cluster NAME from now on."""
    chosen = api.post(f"/vcs/{quote(name)}/select")
    if as_json:
        print_json(chosen)
        return
    click.echo(f"working in {chosen['name']}")
