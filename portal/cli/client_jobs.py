"""``aoli job …``: submit, list, show, follow, act, wait."""

from __future__ import annotations

import sys
import time
from typing import Any

import click

from portal.cli.client_logs import copy_answer, print_logs
from portal.cli.client_submit import body_of, submission_options
from portal.cli.http import Failed, PortalApi, Unreachable
from portal.cli.moments import MOMENT
from portal.cli.options import portal_options, quote
from portal.cli.output import local_time, print_facts, print_json, print_table

ENDED = ("finished", "failed", "error", "killed")
STATUSES = (
    *("queued", "scheduling", "running", "pausing", "paused", "preempting", "killing"),
    *ENDED,
)
LARGEST_PAGE = 200
SHORTEST_ID = 4
PATIENCE_S = 120
"""``wait`` outlives a portal that is started anew."""
LAST_LINES_S = 30
"""``wait`` gives the output of an ended job so long to be whole."""


@click.group()
def job() -> None:
    """Jobs: submit, look, pause, resume, kill, wait."""


@job.command()
@click.option("--preview", is_flag=True, help="Only tell whether it would start now, or why not.")
@submission_options
@portal_options
def submit(api: PortalApi, as_json: bool, preview: bool, **options: Any) -> None:
    """Submit COMMAND as a job; print its id."""
    body = body_of(options)
    if preview:
        _print_preview(api.post("/jobs/preview", body), as_json)
        return
    made = api.post("/jobs", body)
    if as_json:
        print_json(made)
        return
    click.echo(made["id"])
    click.echo(f"{made['status']}; follow it with: aoli job logs -f {made['id'][:8]}", err=True)


def _print_preview(seen: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(seen)
    elif seen["starts_now"]:
        click.echo("would start now")
    else:
        click.echo(f"would wait at place {seen['position']}: {seen['reason']['message']}")


@job.command("list")
@click.option("-a", "--all", "scope", flag_value="all", help="Everyone's that have not ended.")
@click.option("--vc", help="Of this virtual cluster.")
@click.option("--status", multiple=True, type=click.Choice(STATUSES), help="May be repeated.")
@click.option("--kind", help="Of this job kind.")
@click.option("--device-type", help="Of this device type.")
@click.option("--user", help="Of this user.")
@click.option("-q", "--search", "q", help="Part of the name, or beginning of the id.")
@click.option("--submitted-after", type=MOMENT, help="Submitted then or later (see below).")
@click.option("--submitted-before", type=MOMENT, help="Submitted before then.")
@click.option("--csv", "as_csv", is_flag=True, help="All that match, as a table for spreadsheets.")
@click.option("--sort", help="Such as -submitted, name, priority.")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True)
@portal_options
def job_list(
    api: PortalApi,
    as_json: bool,
    status: tuple[str, ...],
    limit: int,
    as_csv: bool,
    **filters: str | None,
) -> None:
    """List your jobs, newest first.

    A time is 2026-11-23, 2026-11-23T09:12 (of this machine's zone), or an age such as 90m,
    24h, 7d.
    """
    wanted = {**filters, "status": ",".join(status) or None}
    if as_csv:
        copy_answer(api, "/jobs/csv", wanted)
        return
    found = _pages(api, limit, wanted)
    if as_json:
        print_json(found)
        return
    rows = [
        (
            item["id"][:8],
            item["name"],
            item["status"],
            item["total_devices"],
            item["user"],
            item["vc"],
            "yes" if item["preemptible"] else "no",
            item["priority"],
            local_time(item["submitted_at"]),
        )
        for item in found["items"]
    ]
    heads = ("ID", "NAME", "STATUS", "DEVICES", "USER", "VC", "PREEMPTIBLE", "PRIORITY")
    print_table((*heads, "SUBMITTED"), rows)
    if found["next_cursor"]:
        total = found["total"] if found["total"] is not None else "many"
        click.echo(f"{len(rows)} of {total}; see more with --limit", err=True)


def _pages(api: PortalApi, limit: int, filters: dict[str, str | None]) -> dict[str, Any]:
    """The first ``limit`` items, in as many pages as that takes."""
    items: list[Any] = []
    cursor: str | None = None
    while True:
        size = min(limit - len(items), LARGEST_PAGE)
        page: dict[str, Any] = api.get("/jobs", limit=size, cursor=cursor, **filters)
        items += page["items"]
        cursor = page["next_cursor"]
        if cursor is None or len(items) >= limit:
            return {**page, "items": items}


def find(api: PortalApi, given: str) -> str:
    """The id that ``given`` is, or is the only beginning of."""
    if len(given) >= 36:
        return given
    if len(given) < SHORTEST_ID:
        raise click.UsageError(f"{given}: give at least {SHORTEST_ID} letters of the id")
    found = _beginning_with(api, given, {})
    if not found:
        try:
            everyone = {"scope": "all", "status": ",".join(STATUSES)}
            found = _beginning_with(api, given, everyone)
        except Failed as failed:
            if failed.status != 403:
                raise
    if not found:
        raise Failed(f"there is no job {given}", {"status": 404})
    if len(found) > 1:
        raise Failed(f"{given} is the beginning of several ids: {', '.join(found[:5])}")
    return found[0]


def _beginning_with(api: PortalApi, given: str, filters: dict[str, str]) -> list[str]:
    page = api.get("/jobs", q=given, limit=LARGEST_PAGE, **filters)
    return [item["id"] for item in page["items"] if item["id"].startswith(given.lower())]


@job.command()
@click.argument("job_id", metavar="JOB")
@portal_options
def show(api: PortalApi, as_json: bool, job_id: str) -> None:
    """Show a job and everything that happened to it."""
    path = f"/jobs/{quote(find(api, job_id))}"
    found = api.get(path)
    if as_json:
        print_json(found)
        return
    events = api.get(f"{path}/events")
    print_facts(_facts(found))
    click.echo()
    rows = [
        (
            local_time(event["at"]),
            event["to"],
            event["actor"],
            (event["reason"] or {}).get("message"),
        )
        for event in events
    ]
    print_table(("AT", "STATUS", "BY", "REASON"), rows)


def _facts(found: dict[str, Any]) -> list[tuple[str, Any]]:
    devices = None
    if found["device_type"]:
        devices = f"{found['total_devices']} {found['device_type']}"
    return [
        ("id", found["id"]),
        ("name", found["name"]),
        ("status", found["status"]),
        ("reason", (found["reason"] or {}).get("message")),
        ("what ends it", found.get("remedy")),
        ("place in queue", found["queue_position"]),
        ("jobs ahead", [ahead[:8] for ahead in found.get("ahead") or ()] or None),
        ("user", found["user"]),
        ("virtual cluster", found["vc"]),
        ("kind", found["kind"]),
        ("devices", devices),
        ("nodes", found["nodes"] if found["nodes"] > 1 else None),
        ("preemptible", "yes" if found["preemptible"] else "no"),
        ("priority", found["priority"]),
        ("image", found["image"]),
        ("command", found["command"]),
        ("attempts", found["attempts"]),
        ("exit code", found["exit_code"]),
        ("submitted", local_time(found["submitted_at"])),
        ("started", local_time(found["started_at"])),
        ("finished", local_time(found["finished_at"])),
        ("/work", found["work_path"]),
        ("/data", found["data_path"]),
        ("/job", found["job_path"]),
    ]


@job.command()
@click.argument("job_id", metavar="JOB")
@click.option("-f", "--follow", is_flag=True, help="Go on until the job has ended.")
@click.option("--tail", type=click.IntRange(0), help="So many of the newest lines.")
@click.option("--pod", help="The replica (default: the first; * for all, by time).")
@click.option("--attempt", type=click.IntRange(1), help="The start (default: the newest).")
@click.option("--timestamps", is_flag=True, help="Begin each line with its time.")
@click.option("--plain", is_flag=True, help="Without times, colours and links.")
@portal_options
def logs(api: PortalApi, as_json: bool, job_id: str, follow: bool, **options: Any) -> None:
    """Print a job's output."""
    for name in ("timestamps", "plain"):
        options[name] = "1" if options[name] else None
    print_logs(api, find(api, job_id), options, follow=follow, as_json=as_json)


def _action(action: str, past: str, about: str) -> click.Command:
    @click.argument("job_ids", metavar="JOB...", nargs=-1, required=True)
    @portal_options
    def act(api: PortalApi, as_json: bool, job_ids: tuple[str, ...]) -> None:
        ids = [find(api, given) for given in job_ids]
        results = api.post("/jobs/actions", {"action": action, "ids": ids})["results"]
        if as_json:
            print_json(results)
        for result in results if not as_json else ():
            if result["ok"]:
                click.echo(f"{result['id']} {result['status']}")
            else:
                click.echo(f"aoli: {result['id']}: {result['detail']}", err=True)
        if not all(result["ok"] for result in results):
            sys.exit(1)

    act.__doc__ = about
    return job.command(action)(act)


pause = _action("pause", "paused", "Pause jobs; their devices become free.")
resume = _action("resume", "resumed", "Resume paused jobs under the same id.")
kill = _action("kill", "killed", "Kill jobs, for good.")


@job.command()
@click.argument("job_id", metavar="JOB")
@click.argument("value", type=int)
@portal_options
def priority(api: PortalApi, as_json: bool, job_id: str, value: int) -> None:
    """Set the priority of a job to VALUE (1 to 1000)."""
    changed = api.patch(f"/jobs/{quote(find(api, job_id))}", {"priority": value})
    if as_json:
        print_json(changed)
        return
    click.echo(f"{changed['id']} has priority {changed['priority']}")


@job.command()
@click.argument("job_id", metavar="JOB")
@click.option("--timeout", "timeout_s", type=float, help="Give up after so many seconds.")
@click.option("--interval", "interval_s", type=float, default=2.0, show_default=True)
@portal_options
def wait(
    api: PortalApi, as_json: bool, job_id: str, timeout_s: float | None, interval_s: float
) -> None:
    """Wait until a job has ended; exit with its exit code, 1 if it was killed or has none."""
    found = _ended(api, find(api, job_id), timeout_s, interval_s)
    if as_json:
        print_json(found)
    else:
        reason = (found["reason"] or {}).get("message", "")
        click.echo(f"{found['id']} {found['status']} {reason}".rstrip())
    if found["status"] in ("finished", "failed") and found["exit_code"] is not None:
        sys.exit(found["exit_code"])
    sys.exit(1)


def _ended(
    api: PortalApi, job_id: str, timeout_s: float | None, interval_s: float
) -> dict[str, Any]:
    """The job once it has ended and its output is whole, or will not soon be."""
    begun = answered = time.monotonic()
    ended_at: float | None = None
    while True:
        try:
            found: dict[str, Any] = api.get(f"/jobs/{quote(job_id)}")
            answered = time.monotonic()
            if found["status"] in ENDED:
                ended_at = ended_at or answered
                if found.get("released", True) or answered - ended_at > LAST_LINES_S:
                    return found
        except Failed as failed:
            away = isinstance(failed, Unreachable) or failed.status in (502, 503, 504)
            if not away or time.monotonic() - answered > PATIENCE_S:
                raise
        if timeout_s is not None and time.monotonic() - begun >= timeout_s:
            raise Failed(f"{job_id} has not ended within {timeout_s:g} s")
        time.sleep(interval_s)
