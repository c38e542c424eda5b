"""From the body of a submission to a checked :class:`JobSpec`: the one place that does it.

The page, the API, the CLI's YAML and a template all bring the same body
(``../docs/api.md``); every field that is wrong is reported, not only the first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from portal.domain.fields import Fields, boolean, integer
from portal.domain.job import DEFAULT_PRIORITY, JobSpec, RegistryLogin
from portal.domain.limits import together_too_long
from portal.services.submissions import field_checks as check
from portal.services.vcs.offer import VcOffer
from portal.spi.device_type import DeviceType
from portal.spi.job_kind import JobKind
from portal.spi.registry import Registry

COMMON_FIELDS = (
    "name",
    "vc",
    "kind",
    "preemptible",
    "priority",
    "device_type",
    "devices",
    "nodes",
    "image",
    "command",
    "interactive_ports",
    "endpoints",
    "mounts",
    "env",
    "secret_env",
    "registry",
)


@dataclass(frozen=True, slots=True)
class Submission:
    """A checked submission. The registry login is kept apart: it is a secret."""

    spec: JobSpec
    registry: RegistryLogin | None


def parse(body: Any, registry: Registry, offers: Mapping[str, VcOffer]) -> Submission:
    """Check ``body`` whole; raise :class:`InvalidSpec` with every field that is wrong.

    ``offers`` are the VCs that the submitter may use, by name.
    """
    fields = Fields(body)
    kind = _kind(fields, registry)
    fields.refuse_unknown({*COMMON_FIELDS, *(kind.fields if kind else ())})
    offer = _vc(fields, offers)
    device_type = _device_type(fields, registry, offer)
    login = fields.take("registry", check.registry)
    spec = _spec(fields, kind, offer, device_type)
    if (error := together_too_long(spec.command, spec.env)) is not None:
        fields.note("env", error)
    asked = ("device_type", "devices", "nodes")
    if kind is not None and offer is not None and not fields.any_wrong(asked):
        limit = offer.quota.get(device_type.name, 0) if device_type else 0
        with fields.noting():
            spec = kind.check(spec, device_type, limit)
            _user_limit(spec, offer, fields)
    fields.done()
    return Submission(spec, login)


def _kind(fields: Fields, registry: Registry) -> JobKind | None:
    name = fields.body.get("kind", "regular")
    kind = registry.job_kinds.get(name) if isinstance(name, str) else None
    if kind is None:
        known = ", ".join(sorted(registry.job_kinds))
        fields.note("kind", "Must be one of %(kinds)s", kinds=known)
    return kind


def _vc(fields: Fields, offers: Mapping[str, VcOffer]) -> VcOffer | None:
    name = fields.body.get("vc")
    offer = offers.get(name) if isinstance(name, str) else None
    if not name:
        fields.note("vc", "Required")
    elif offer is None:
        fields.note("vc", "There is no virtual cluster of this name that you may use")
    return offer


def _device_type(fields: Fields, registry: Registry, offer: VcOffer | None) -> DeviceType | None:
    name, devices = fields.body.get("device_type"), fields.body.get("devices")
    wanted = isinstance(devices, int) and devices > 0
    if name in (None, ""):
        if wanted:
            fields.note("device_type", "Choose a device type, or ask for 0 devices")
        return None
    device_type = registry.device_types.get(name) if isinstance(name, str) else None
    if device_type is None:
        known = ", ".join(sorted(registry.device_types))
        fields.note("device_type", "Must be one of %(types)s", types=known)
    elif offer is not None and wanted and not offer.quota.get(device_type.name):
        fields.note("device_type", "%(vc)s has no quota of this device type", vc=offer.name)
    return device_type


def _spec(
    fields: Fields, kind: JobKind | None, offer: VcOffer | None, device_type: DeviceType | None
) -> JobSpec:
    take, body = fields.take, fields.body
    per_node = device_type.shape.per_node if device_type and kind and kind.multi_node else 0
    return JobSpec(
        name=take("name", check.name, ""),
        vc=offer.name if offer else "",
        kind=kind.name if kind else "",
        image=take("image", check.image, ""),
        command=take("command", check.command, ""),
        device_type=device_type.name if device_type else None,
        devices=take("devices", integer(0), per_node),
        nodes=take("nodes", integer(1, 10000), 1),
        preemptible=take("preemptible", boolean, False),
        priority=take("priority", check.priority, DEFAULT_PRIORITY),
        interactive_ports=take("interactive_ports", check.ports, []),
        endpoints=take("endpoints", check.endpoints, []),
        mounts=take("mounts", check.mounts, {}) or check.mounts({}),
        env=take("env", check.env, {}),
        secret_env=take("secret_env", lambda value: check.secret_env(value, body.get("env")), ()),
        extra={name: body[name] for name in (kind.fields if kind else ()) if name in body},
    )


def _user_limit(spec: JobSpec, offer: VcOffer, fields: Fields) -> None:
    """What one user may never hold would wait for ever."""
    limit = offer.user_limit.get(spec.device_type or "")
    if limit is None or spec.total_devices <= limit:
        return
    if spec.devices > limit:
        fields.note("devices", "One user may hold at most %(limit)s", limit=limit)
    else:
        fields.note(
            "nodes",
            "%(total)s devices in all are more than the %(limit)s that one user may hold",
            total=spec.total_devices,
            limit=limit,
        )
