"""Server commands: run the portal's processes, look after its database, settings, plugins."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from portal.settings import Settings, load_settings

DEMO_DEVICES = "nvidia_gpu_amd64=8,huawei_npu_arm64=8"


def register(cli: click.Group) -> None:
    """Add the commands of this module to ``cli``."""
    for command in (up, web, worker, scheduler, database, user, config, plugins):
        cli.add_command(command)


def _fail(text: str) -> None:
    click.echo(f"aoli: {text}", err=True)
    sys.exit(1)


@click.command()
@click.option("--host", help="Address to listen on (default: 127.0.0.1).")
@click.option("--port", type=click.IntRange(0, 65535), help="Port (default: 8420; 0: any).")
@click.option("--demo", is_flag=True, help="Add simulated devices, two VCs and example jobs.")
def up(host: str | None, port: int | None, demo: bool) -> None:
    """Run everything on this machine: web, worker, scheduler, Valkey, local jobs."""
    from portal.processes.up import CannotStart, Supervisor, print_line

    if host is not None:
        os.environ["AOLI_HOST"] = host
    if port is not None:
        os.environ["AOLI_PORT"] = str(port)
    settings = load_settings()
    if demo and settings.cluster == "local" and not settings.local_devices:
        os.environ["AOLI_LOCAL_DEVICES"] = DEMO_DEVICES
        settings = load_settings()
    try:
        code = Supervisor(settings, print_line, demo=demo).run()
    except CannotStart as error:
        _fail(str(error))
    else:
        sys.exit(code)


@click.command()
def web() -> None:
    """Serve the pages and the API."""
    from portal.processes import web as process

    process.run(load_settings())


@click.command()
def worker() -> None:
    """Take work from the queue. Any number may run."""
    from portal.processes import worker as process

    process.run(load_settings())


@click.command()
def scheduler() -> None:
    """Tick and watch the cluster. Several may run: one leads, the others stand by."""
    from portal.processes import scheduler as process

    process.run(load_settings())


@click.group("db")
def database() -> None:
    """The database's tables."""


@database.command("upgrade")
def db_upgrade() -> None:
    """Make or update all tables, permissions, roles and the first administrator."""
    from portal.processes.initialise import initialise

    done = initialise(load_settings())
    for step in done.steps:
        click.echo(f"applied {step}")
    click.echo("the database is up to date")
    if done.administrator:
        click.echo(f"first administrator: {done.administrator}")
    if done.password:
        click.echo(f"password: {done.password}  (shown only this once)")


@database.command("check")
def db_check() -> None:
    """Say whether the tables are up to date; exit code 1 when they are not."""
    from portal import migrations
    from portal.models import db

    db.bind(load_settings().database)
    with db.session():
        missing = migrations.pending()
    if missing:
        _fail(f"the database lacks {', '.join(missing)}: run aoli db upgrade")
    click.echo("the database is up to date")


@click.group()
def user() -> None:
    """User accounts."""


@user.command("create-admin")
@click.option("--username", required=True)
@click.password_option(envvar="AOLI_ADMIN_PASSWORD", help="Asked for when left out.")
def create_admin(username: str, password: str) -> None:
    """Make an administrator; also when the first one's password is lost."""
    from portal.application import make_tables
    from portal.people import first_accounts

    try:
        first_accounts.make_admin(make_tables(load_settings()), username, password)
    except first_accounts.AccountRefused as error:
        _fail(str(error))
    click.echo(f"{username} is an administrator")


@click.group()
def config() -> None:
    """The settings."""


@config.command("check")
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON.")
def config_check(as_json: bool) -> None:
    """Check all settings and print those in force; secrets are not shown."""
    from portal.spi.registry import SECTIONS

    settings = load_settings()
    shown = _shown(settings)
    if as_json:
        click.echo(json.dumps(shown, indent=2))
    else:
        for name, value in shown.items():
            click.echo(f"{name:24} {value}")
    unknown = [row["reason"] for row in _plugins(settings) if row["group"] == SECTIONS]
    if unknown:
        _fail("; ".join(unknown))


@config.command("example")
def config_example() -> None:
    """Print a portal.yaml with every setting, its default and its unit."""
    from portal.settings.example import example_text

    click.echo(example_text(), nl=False)


def _shown(settings: Settings) -> dict[str, Any]:
    """What is in force, derived values filled in, secrets in addresses and plugins left out."""
    from portal.domain.secret_words import address, cleaned

    shown = settings.model_dump(mode="json")
    shown["database_url"] = settings.database
    shown["storage_root"] = settings.storage
    shown["log_dir"] = settings.logs
    for name, value in shown.items():
        if isinstance(value, str) and "://" in value:
            shown[name] = address(value)
    shown["plugins"] = cleaned(shown["plugins"])
    return shown


@click.group()
def plugins() -> None:
    """Job kinds, device types and alert rules that are installed."""


@plugins.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON.")
def plugins_list(as_json: bool) -> None:
    """List every plugin, the broken ones with the reason; also who was slow or failed lately."""
    rows = _with_troubles(_plugins())
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        state = row["status"] if row["status"] == "ok" else f"FAILED: {row['reason']}"
        if row["trouble"]:
            trouble = row["trouble"]
            state = f"{trouble['state'].upper()} {trouble['at']}: {trouble['text']}"
        origin = f"{row['distribution']} {row['version']}"
        click.echo(f"{row['group']:14} {row['name']:24} {origin:24} {state}")


@plugins.command("new")
@click.argument("kind", type=click.Choice(["device-type", "job-kind"]))
@click.argument("name")
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    help="Where to make the package (default: here).",
)
def plugins_new(kind: str, name: str, folder: Path) -> None:
    """Make a package aoli-plugin-NAME with a plugin that works, and its test."""
    from portal.cli import new_plugin

    taken = [row for row in _plugins() if row["name"] == name]
    if taken:
        _fail(f"{name} is a plugin of {taken[0]['distribution']} {taken[0]['version']} already")
    try:
        made = new_plugin.write(kind, name, folder)
    except new_plugin.Refused as error:
        _fail(str(error))
    else:
        click.echo(f"made {made}; next:")
        click.echo(f"  pip install -e {made}")
        click.echo(f"  pytest {made}")
        click.echo("  aoli plugins list")


@plugins.command("check")
def plugins_check() -> None:
    """Exit code 1 when a plugin is broken."""
    broken = [row for row in _plugins() if row["status"] != "ok"]
    for row in broken:
        click.echo(f"{row['group']} {row['name']}: {row['reason']}", err=True)
    if broken:
        sys.exit(1)
    click.echo("all plugins are in order")


def _with_troubles(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows with what the running portal has noted; nothing if its database is not there."""
    from datetime import UTC, datetime

    from portal.domain.errors import TemporaryFailure
    from portal.models import db
    from portal.services.plugins import marks

    address = load_settings().database
    troubled: dict[tuple[str, str, str], marks.Mark] = {}
    db.bind(address)
    try:
        if not address.startswith("sqlite") or Path(address.removeprefix("sqlite:///")).exists():
            with db.session():
                troubled = marks.known(datetime.now(UTC))
    except TemporaryFailure as error:
        click.echo(f"aoli: whether plugins were slow is not known: {error}", err=True)
    for row in rows:
        mark = troubled.get((row["group"], row["name"], row["version"]))
        row["trouble"] = mark and {
            "state": mark.state,
            "at": mark.at.strftime("%Y-%m-%d %H:%M UTC"),
            "text": mark.text,
        }
    return rows


def _plugins(settings: Settings | None = None) -> list[dict[str, Any]]:
    from portal.spi.registry import load_registry

    settings = settings or load_settings()
    registry = load_registry(settings.plugins).lacking(settings.local_devices, "AOLI_LOCAL_DEVICES")
    return [asdict(status) for status in registry.plugins]
