"""The side panel of the submit page: what a submission would lead to, and the same as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import yaml

from portal.domain.errors import InvalidSpec, PluginFailed
from portal.domain.planning import remedy
from portal.domain.resources import Slot
from portal.http.access import actor
from portal.http.services import services
from portal.services.cluster import status as cluster_status
from portal.services.cluster.status import NodeUse
from portal.services.jobs.service import Preview
from portal.services.vcs.reading import VirtualCluster
from portal.web.base.formats import ordinal
from portal.web.base.refusals import Errors, errors_of, is_missing, plugin_words
from portal.web.base.words import gettext, listed, ngettext, sentences
from portal.web.jobs.items import reason_text

MAX_NODES = 8
"""Nodes drawn in the panel; more would push the text out of sight."""
HIDDEN = "…"


NOT_NEEDED_FOR_A_PLACE = ("name", "image", "command")
"""What may be missing while the panel says already when the job would start."""
STAND_IN = "x"


@dataclass(frozen=True, slots=True)
class NodeSquares:
    """One node of the planned place: class, letter and words of each device, all in words."""

    node: str
    cells: Sequence[tuple[str, str, str]]
    label: str


@dataclass(frozen=True, slots=True)
class Panel:
    """What the template draws; a row without a figure is left out."""

    to_fill: str = ""
    """The required fields that are still empty, while nothing else is wrong."""
    corrections: str = ""
    starts_now: bool = False
    reason: str = ""
    facts: Sequence[tuple[str, str]] = ()
    squares: Sequence[NodeSquares] = ()
    other_type: Mapping[str, Any] | None = None
    cli: str = ""
    yaml: str = ""
    kubernetes: str = ""


def errors_of_job(invalid: InvalidSpec) -> Errors:
    """The errors of a submission: an empty field says what to enter."""
    return errors_of(invalid, _asks())


def errors_of_plugin(failed: PluginFailed) -> Errors:
    """The error at the field in which the plugin was chosen."""
    field = "device_type" if failed.kind == "device type" else "kind"
    return {field: [plugin_words(failed)]}


def _asks() -> dict[str, str]:
    """What to do about a required field that is empty."""
    return {
        "name": gettext("Enter a job name."),
        "image": gettext("Enter a Docker image."),
        "command": gettext(
            "Enter a command. %(sleep)s keeps the container open.", sleep="sleep infinity"
        ),
        "registry.server": gettext("Enter the address of the registry."),
        "registry.username": gettext("Enter the user name."),
        "registry.password": gettext("Enter the password."),
    }


def panel_with_errors(errors: Errors) -> Panel:
    """The panel while something is wrong."""
    count = len(errors)
    return Panel(corrections=ngettext("%(num)s correction", "%(num)s corrections", count))


def panel_while_typing(invalid: InvalidSpec, body: Mapping[str, Any], vc: VirtualCluster) -> Panel:
    """The panel while something is missing or wrong; what is only empty yet is no mistake.

    When the job would start depends on none of the fields that are usually filled last.
    """
    names = _titles()
    empty = all(
        name in names and all(is_missing(error) for error in found)
        for name, found in invalid.errors.items()
    )
    if not empty:
        return panel_with_errors(errors_of(invalid))
    fields = listed(title for name, title in names.items() if name in invalid.errors)
    to_fill = gettext("Still to fill in: %(fields)s.", fields=fields)
    if not set(invalid.errors) <= set(NOT_NEEDED_FOR_A_PLACE):
        return Panel(to_fill=to_fill)
    filled = {**body, **dict.fromkeys(invalid.errors, STAND_IN)}
    return replace(panel_of(filled, vc), to_fill=to_fill, cli="", yaml="", kubernetes="")


def _titles() -> dict[str, str]:
    """What the form calls its required fields, in its order."""
    return {
        "name": gettext("Job name"),
        "image": gettext("Docker image"),
        "command": gettext("Command"),
        "registry.server": gettext("Registry"),
        "registry.username": gettext("User name"),
        "registry.password": gettext("Password"),
    }


def secret_titles(names: Sequence[str]) -> list[str]:
    """What the form calls the fields with these dotted names: ``HF_TOKEN``, ``Password``."""
    titles = {
        "registry.password": gettext("Password of the registry"),
        "command": gettext("Command"),
    }
    return [titles.get(name, name.removeprefix("env.")) for name in names]


def panel_of(body: Mapping[str, Any], vc: VirtualCluster) -> Panel:
    """The panel of a submission; raises ``InvalidSpec`` when it could not be submitted."""
    preview = services().jobs.preview(actor(), body)
    return Panel(
        starts_now=preview.starts_now,
        reason=_reason(preview),
        facts=_facts(body, vc),
        squares=_squares(preview.placement, body),
        other_type=None if preview.starts_now else _other_type(body, vc),
        cli=_broken(preview.cli),
        yaml=as_yaml(body),
        kubernetes=_documents(preview.manifests),
    )


def _reason(preview: Preview) -> str:
    said = [reason_text(preview.reason)]
    if preview.position and preview.position > 1:
        place = ordinal(preview.position)
        said.append(gettext("It would be %(position)s in the queue.", position=place))
    cure = remedy(preview.reason) if preview.reason else None
    return sentences([*said, gettext(cure) if cure else ""])


def _facts(body: Mapping[str, Any], vc: VirtualCluster) -> list[tuple[str, str]]:
    facts = []
    device_type = body.get("device_type")
    if device_type:
        nodes, devices = body.get("nodes", 1), body.get("devices", 0)
        asked = f"{nodes} × {devices} {device_type}" if nodes != 1 else f"{devices} × {device_type}"
        facts.append((gettext("Asked for"), asked))
        used, quota = vc.used.get(device_type, 0), vc.quota.get(device_type, 0)
        said = gettext("%(used)s of %(quota)s used", used=used, quota=quota)
        usable = vc.usable_quota.get(device_type, quota)
        if usable < quota:
            said = f"{said}; {gettext('%(n)s usable now', n=usable)}"
        facts.append((gettext("VC quota"), f"{device_type} {said}"))
    facts.append((gettext("Priority"), str(body.get("priority", ""))))
    return facts


def _squares(placement: Sequence[Slot], body: Mapping[str, Any]) -> list[NodeSquares]:
    """The nodes of the place: what the job would get, and what others hold there."""
    if not body.get("devices"):
        return []
    planned: dict[str, set[int]] = {}
    for slot in placement:
        planned.setdefault(slot.node, set()).update(slot.devices)
    names = list(planned)[:MAX_NODES]
    uses = {use.node.name: use for use in cluster_status.node_uses(services().cluster.name)}
    return [_node_squares(uses.get(name), name, planned[name]) for name in names]


def _node_squares(use: NodeUse | None, name: str, planned: set[int]) -> NodeSquares:
    listed = ", ".join(str(index) for index in sorted(planned))
    label = gettext("devices %(list)s of %(node)s", list=listed, node=name)
    held = set(use.owners) if use else set()
    devices = range(max(use.node.devices if use else 0, max(planned) + 1))
    this, busy, free = gettext("this job"), gettext("in use"), gettext("free")
    kinds = {True: ("plan", "", this), False: ("free", "", free)}
    cells = [("c8", "", busy) if i in held - planned else kinds[i in planned] for i in devices]
    return NodeSquares(name, cells, label)


def _other_type(body: Mapping[str, Any], vc: VirtualCluster) -> dict[str, Any] | None:
    """A device type with enough free devices when the chosen one has too few."""
    devices = body.get("devices")
    if not isinstance(devices, int) or not body.get("device_type"):
        return None
    for name, quota in sorted(vc.quota.items()):
        free = vc.usable_quota.get(name, quota) - vc.used.get(name, 0)
        if name != body["device_type"] and free >= devices * int(body.get("nodes", 1)) > 0:
            return {"name": name, "free": free}
    return None


def _broken(line: str) -> str:
    """A command line over several lines, an option on each."""
    head, mark, command = line.partition(" -- ")
    return head.replace(" --", " \\\n  --") + (f" \\\n  -- {command}" if mark else "")


def as_yaml(body: Mapping[str, Any]) -> str:
    """The body as ``aoli job submit -f`` takes it; a password shows as a placeholder."""
    shown = {key: value for key, value in body.items() if value not in ("", [], {}, None)}
    if isinstance(shown.get("registry"), Mapping):
        shown["registry"] = {**shown["registry"], "password": HIDDEN}
    return yaml.dump(shown, Dumper=_Plain, sort_keys=False, allow_unicode=True, width=4096)


class _Plain(yaml.SafeDumper):
    """Writes text of several lines as a block."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Plain.add_representer(str, _text)


def _documents(manifests: Sequence[Mapping[str, Any]]) -> str:
    """Kubernetes objects as one YAML stream; empty on a cluster that has none."""
    objects = [dict(item) for item in manifests if "kind" in item]
    return yaml.dump_all(objects, Dumper=_Plain, sort_keys=False, allow_unicode=True, width=4096)
