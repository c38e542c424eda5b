"""The command ``aoli``: server commands and client commands in one group.

This module and the two it registers import nothing large: every command brings its own.
"""

from __future__ import annotations

import sys

import click

from portal.cli import client, server
from portal.domain.errors import TemporaryFailure
from portal.settings import SettingsError


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="aoli", prog_name="aoli")
def cli() -> None:
    """Aoli, a portal for AI training clusters."""


server.register(cli)
client.register(cli)


def main() -> None:
    """The console script: a wrong setting is one line, not a traceback; a silent database, too."""
    try:
        cli()
    except (SettingsError, TemporaryFailure) as error:
        click.echo(f"aoli: {error}", err=True)
        sys.exit(1)
