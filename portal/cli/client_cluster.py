"""``aoli cluster …``: the state of a virtual cluster, and the nodes."""

from __future__ import annotations

from typing import Any

import click

from portal.cli.http import PortalApi
from portal.cli.options import portal_options, quote
from portal.cli.output import print_json, print_table

LARGEST_PAGE = 200


@click.group()
def cluster() -> None:
    """The cluster: its devices, its nodes."""


@cluster.command()
@click.option("--vc", help="The virtual cluster (default: the current one).")
@portal_options
def status(api: PortalApi, as_json: bool, vc: str | None) -> None:
    """Show the devices of a virtual cluster."""
    found = api.get("/cluster/status", **({"vc": vc} if vc else {}))
    if as_json:
        print_json(found)
        return
    heads = (
        *("CLUSTER", "DEVICE TYPE", "DEVICES", "UNSCHEDULABLE", "USED", "PREEMPTIBLE"),
        *("AVAILABLE", "ACTIVE JOBS"),
    )
    rows = [
        (
            item["name"],
            _type(item),
            *(item[key] for key in ("devices", "unschedulable", "used", "preemptible_used")),
            *(item[key] for key in ("available", "active_jobs")),
        )
        for item in found["items"]
    ]
    print_table(heads, rows)


@cluster.command()
@portal_options
def nodes(api: PortalApi, as_json: bool) -> None:
    """List the nodes and the jobs on them."""
    items = _every_node(api)
    if as_json:
        print_json({"items": items, "next_cursor": None, "total": len(items)})
        return
    rows = [
        (
            item["name"],
            item["ip"],
            _type(item),
            *(item[key] for key in ("devices", "used", "preemptible_used", "available")),
            item["status"],
            [f"[{pod['name']} : {pod['user']} (#{pod['devices']})]" for pod in item["pods"]],
        )
        for item in items
    ]
    heads = ("NODE", "IP", "DEVICE TYPE", "DEVICES", "USED", "PREEMPTIBLE", "AVAILABLE")
    print_table((*heads, "STATUS", "PODS"), rows)


@cluster.command()
@click.argument("node")
@portal_options
def cordon(api: PortalApi, as_json: bool, node: str) -> None:
    """Keep new jobs off NODE; what runs there goes on."""
    _set(api, as_json, node, "cordon")


@cluster.command()
@click.argument("node")
@portal_options
def uncordon(api: PortalApi, as_json: bool, node: str) -> None:
    """Let jobs in to NODE again."""
    _set(api, as_json, node, "uncordon")


def _set(api: PortalApi, as_json: bool, node: str, action: str) -> None:
    answer = api.post(f"/cluster/nodes/{quote(node)}/{action}")
    if as_json:
        print_json(answer)
        return
    click.echo(f"{answer['name']} is {answer['status']}")


def _type(item: dict[str, Any]) -> str:
    """The device type, and whether such devices were only declared."""
    kind = item["device_type"] or ""
    return f"{kind} (simulated)" if item["simulated"] else kind


def _every_node(api: PortalApi) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        page = api.get("/cluster/nodes", limit=LARGEST_PAGE, cursor=cursor)
        items += page["items"]
        cursor = page["next_cursor"]
    return items
