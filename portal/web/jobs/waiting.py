"""Why a job waits: every thing it needs, who holds the devices, and what would help."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import url_for

from portal.domain import reason as reasons
from portal.domain.permission import Permission
from portal.domain.planning import remedy as remedy_of
from portal.domain.reason import Reason
from portal.http.access import allowed
from portal.http.services import services
from portal.services.cluster import status as cluster_status
from portal.services.cluster.status import NodeUse
from portal.services.records import job_views
from portal.web.base.formats import duration, moment, now, ordinal
from portal.web.base.words import gettext, ngettext
from portal.web.cluster.squares import MOST_LEGENDS, JobMark, NodeItem, marks, node_line
from portal.web.jobs.items import JobItem, reason_text

MAX_AHEAD = 5
MAX_NODES = 8
"""Nodes drawn beside the checks; of more, those with the most free devices."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that a waiting job needs; ``blocks`` is what it waits for."""

    key: str
    name: str
    text: str
    blocks: bool


@dataclass(frozen=True, slots=True)
class Why:
    """Why a job waits, or why it failed."""

    title: str
    sentence: str
    icon: str
    tone: str
    tags: Sequence[str] = ()
    facts: Sequence[Fact] = ()
    ahead: Sequence[Mapping[str, str]] = ()
    more_ahead: int = 0
    remedy: str = ""
    lead_priority: int | None = None
    tail: str = ""


@dataclass(frozen=True, slots=True)
class Room:
    """The nodes that a job could run on, and whose jobs are there."""

    lines: Sequence[NodeItem]
    more_nodes: int
    legend: Sequence[JobMark]
    more_jobs: int
    href: str


def waiting(line: JobItem) -> Why:
    """Why a queued job waits, with its place and who is ahead.

    Of a job out of a list only the reason is known, not all that it needs.
    """
    job = line.job
    reason = reasons.load(job["reason"]) or Reason("new")
    position = job["queue_position"]
    since = (now() - moment(job["submitted_at"])).total_seconds()
    tags = [gettext("waiting %(time)s", time=duration(since))]
    if position:
        tags.insert(0, gettext("%(position)s in the queue", position=ordinal(position)))
    ahead = _ahead(job.get("ahead", []))
    remedy = remedy_of(reason)
    facts = _all_facts(reason_facts(reason, job), job.get("checks", []))
    return Why(
        title=gettext("Why is it waiting?"),
        sentence=reason_text(reason),
        icon="hourglass",
        tone="slow",
        tags=tags,
        facts=facts,
        ahead=ahead,
        more_ahead=max((position or 1) - 1 - len(ahead), 0),
        remedy=gettext(remedy) if remedy else "",
        lead_priority=job.get("lead_priority") if line.manageable else None,
    )


def reason_facts(reason: Reason, job: Mapping[str, Any]) -> list[Fact]:
    """The numbers of a reason, each with its name; the one that blocks first."""
    numbers = reason.numbers
    facts = []
    if "quota" in numbers:
        text = _bound_text(numbers, "quota")
        facts.append(_fact("vc_quota", text, reason.code in ("vc_quota", "vc_quota_too_small")))
    if "usable" in numbers:
        text = gettext("%(usable)s of %(quota)s", **numbers)
        facts.append(_fact("usable", text, reason.code == "vc_shortage"))
    if "limit" in numbers:
        text = _bound_text(numbers, "limit")
        blocks = reason.code in ("user_limit", "user_limit_too_small")
        facts.append(_fact("user_limit", text, blocks))
    if "free" in numbers:
        text = gettext("%(free)s free, needs %(needed)s", **_with(numbers, "needed", job))
        facts.append(_fact("free_devices", text, reason.code == "no_free_devices"))
    if "largest" in numbers:
        text = gettext("at most %(largest)s on one node, needs %(per_node)s", **numbers)
        facts.append(_fact("largest", text, True))
    if "fitting" in numbers:
        text = gettext("%(fitting)s of %(nodes)s nodes have room", **numbers)
        facts.append(_fact("nodes", text, True))
    if "cordoned" in numbers and (numbers["cordoned"] or numbers["not_ready"]):
        text = gettext("%(cordoned)s cordoned, %(not_ready)s not ready", **numbers)
        facts.append(_fact("nodes", text, True))
    return facts


def _all_facts(known: Sequence[Fact], checks: Sequence[Mapping[str, Any]]) -> list[Fact]:
    """What the reason says, and every other check; those that are waited for first."""
    told = {fact.key for fact in known}
    facts = [*known, *(_checked(**check) for check in checks if check["name"] not in told)]
    return sorted(facts, key=lambda fact: not fact.blocks)


def _checked(name: str, blocks: bool, **numbers: int) -> Fact:
    texts: dict[str, Callable[..., str]] = {
        "free_devices": _free_text,
        "queue": _queue_text,
        "vc_quota": _in_use,
        "user_limit": _limit_text,
        "nodes": _nodes_text,
    }
    return _fact(name, texts[name](**numbers), blocks)


def _fact(key: str, text: str, blocks: bool) -> Fact:
    names = {
        "free_devices": gettext("Free devices"),
        "queue": gettext("Queue"),
        "vc_quota": gettext("VC quota"),
        "usable": gettext("Usable now"),
        "user_limit": gettext("Limit per user"),
        "largest": gettext("Largest gap"),
        "nodes": gettext("Nodes"),
    }
    return Fact(key, names[key], text, blocks)


def _bound_text(numbers: Mapping[str, Any], name: str) -> str:
    """A quota or limit with what is used of it; alone where it is too small for the job."""
    if "used" in numbers:
        return _in_use(numbers["used"], numbers[name], numbers.get("needed", "?"))
    needed = numbers.get("needed", "?")
    return gettext("%(most)s in all, needs %(needed)s", most=numbers[name], needed=needed)


def _in_use(used: object, quota: object, needed: object, **_: object) -> str:
    return gettext(
        "%(used)s of %(quota)s in use, needs %(needed)s", used=used, quota=quota, needed=needed
    )


def _limit_text(used: object, limit: object, needed: object, **_: object) -> str:
    return _in_use(used, limit, needed)


def _free_text(free: int, devices: int, nodes: int) -> str:
    return ngettext(
        "%(free)s of %(devices)s on %(num)s node",
        "%(free)s of %(devices)s on %(num)s nodes",
        nodes,
        free=free,
        devices=devices,
    )


def _queue_text(ahead: int, priority: int | None = None) -> str:
    if not ahead:
        return gettext("first in its queue")
    text: str = ngettext("%(num)s job ahead", "%(num)s jobs ahead", ahead)
    if priority is None:
        return text
    return gettext("%(jobs)s, priority %(priority)s", jobs=text, priority=priority)


def _nodes_text(takes: int, nodes: int) -> str:
    if not nodes:
        return gettext("none has such devices")
    return gettext("%(n)s of %(nodes)s take jobs", n=takes, nodes=nodes)


def _with(
    numbers: Mapping[str, Any], name: str, job: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    fallback = job["total_devices"] if job else "?"
    return {"used": "?", **numbers, name: numbers.get(name, fallback)}


def _ahead(ids: Sequence[str]) -> list[dict[str, str]]:
    """Names of the jobs ahead; the service left only those that the reader may see."""
    shown = list(ids)[:MAX_AHEAD]
    names = job_views.names(shown) if shown else {}
    return [
        {"name": names[i], "href": url_for("jobs.brief", job_id=i)} for i in shown if i in names
    ]


def room_for(line: JobItem) -> Room | None:
    """Who holds the devices that a waiting job asks for; for who may see the cluster."""
    kind = line.job["device_type"]
    if not kind or not line.job["devices"] or not allowed(Permission.VIEW_CLUSTER):
        return None
    uses = [use for use in cluster_status.node_uses(services().cluster.name) if _has(use, kind)]
    if not uses:
        return None
    shown = sorted(sorted(uses, key=lambda use: -use.available)[:MAX_NODES], key=_name)
    marked = marks(shown)
    return Room(
        lines=[node_line(use, marked) for use in shown],
        more_nodes=len(uses) - len(shown),
        legend=list(marked.values())[:MOST_LEGENDS],
        more_jobs=max(len(marked) - MOST_LEGENDS, 0),
        href=url_for("cluster.nodes", q=kind),
    )


def _has(use: NodeUse, kind: str) -> bool:
    return use.node.device_type == kind and use.node.devices > 0


def _name(use: NodeUse) -> str:
    return use.node.name
