"""``aoli job support``: ask the operators for help."""

from __future__ import annotations

import sys

import click

from portal.cli.client_jobs import find
from portal.cli.http import PortalApi
from portal.cli.options import portal_options, quote
from portal.cli.output import print_json


@click.command()
@click.argument("job_id", metavar="JOB")
@click.option("-m", "--message", required=True, help="What is wrong; - reads standard input.")
@click.option("--subject", help="Default: the job's name and status.")
@portal_options
def support(api: PortalApi, as_json: bool, job_id: str, message: str, subject: str | None) -> None:
    """Ask the operators for help with a job; its facts go along, its secrets do not."""
    text = sys.stdin.read() if message == "-" else message
    body = {"message": text, **({"subject": subject} if subject else {})}
    asked = api.post(f"/jobs/{quote(find(api, job_id))}/support", body)
    if as_json:
        print_json(asked)
        return
    click.echo(f"{asked['id']} the operators have your message")
