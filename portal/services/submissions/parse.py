"""From the body of a submission to a checked :class:`JobSpec`: the one place that does it.

The page, the API, the CLI's YAML and a template all bring the same body
(``../docs/api.md``); every field that is wrong is reported, not only the first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from portal.domain.errors import FieldError, InvalidSpec
from portal.domain.job import DEFAULT_PRIORITY, MOUNT_POINTS, JobSpec, MountChoice, RegistryLogin
from portal.domain.limits import together_too_long
from portal.services.submissions import field_checks as check
from portal.services.submissions.field_checks import FieldProblem
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


class _Errors:
    """Collects what is wrong while the rest is still being looked at."""

    def __init__(self) -> None:
        self.found: list[tuple[str, FieldError]] = []

    def add(self, field: str, template: str, **params: object) -> None:
        self.found.append((field, FieldError(template, params)))

    def take(self, field: str, value: Any, checker: Callable[[Any], Any], default: Any) -> Any:
        """The checked value; ``default`` when it is wrong (the error is noted)."""
        try:
            return checker(value)
        except FieldProblem as problem:
            for one in (problem, *problem.others):
                name = f"{field}.{one.sub}" if one.sub else field
                self.found.append((name, one.error))
            return default


def parse(body: Any, registry: Registry, offers: Mapping[str, VcOffer]) -> Submission:
    """Check ``body`` whole; raise :class:`InvalidSpec` with every field that is wrong.

    ``offers`` are the VCs that the submitter may use, by name.
    """
    if not isinstance(body, Mapping):
        raise InvalidSpec("body", "Must be an object")
    errors = _Errors()
    kind = _kind(body, registry, errors)
    _unknown_fields(body, kind, errors)
    offer = _vc(body, offers, errors)
    device_type = _device_type(body, registry, offer, errors)
    login = errors.take("registry", body.get("registry"), check.registry, None)
    spec = _spec(body, kind, offer, device_type, errors)
    if (error := together_too_long(spec.command, spec.env)) is not None:
        errors.found.append(("env", error))
    if kind is not None and offer is not None:
        spec = _kind_check(spec, kind, device_type, offer, errors)
    if errors.found:
        raise InvalidSpec.of(errors.found)
    return Submission(spec, login)


def _kind(body: Mapping[str, Any], registry: Registry, errors: _Errors) -> JobKind | None:
    name = body.get("kind", "regular")
    kind = registry.job_kinds.get(name) if isinstance(name, str) else None
    if kind is None:
        known = ", ".join(sorted(registry.job_kinds))
        errors.add("kind", "Must be one of %(kinds)s", kinds=known)
    return kind


def _unknown_fields(body: Mapping[str, Any], kind: JobKind | None, errors: _Errors) -> None:
    known = {*COMMON_FIELDS, *(kind.fields if kind else ())}
    for field in body:
        if field not in known:
            errors.add(str(field)[:64], "Unknown field")


def _vc(body: Mapping[str, Any], offers: Mapping[str, VcOffer], errors: _Errors) -> VcOffer | None:
    name = body.get("vc")
    offer = offers.get(name) if isinstance(name, str) else None
    if offer is None:
        if not name:
            errors.add("vc", "Required")
        else:
            errors.add("vc", "There is no virtual cluster of this name that you may use")
    return offer


def _device_type(
    body: Mapping[str, Any], registry: Registry, offer: VcOffer | None, errors: _Errors
) -> DeviceType | None:
    name = body.get("device_type")
    if name in (None, ""):
        if _wants_devices(body):
            errors.add("device_type", "Choose a device type, or ask for 0 devices")
        return None
    device_type = registry.device_types.get(name) if isinstance(name, str) else None
    if device_type is None:
        known = ", ".join(sorted(registry.device_types))
        errors.add("device_type", "Must be one of %(types)s", types=known)
    elif offer is not None and not offer.quota.get(device_type.name) and _wants_devices(body):
        errors.add("device_type", "%(vc)s has no quota of this device type", vc=offer.name)
    return device_type


def _wants_devices(body: Mapping[str, Any]) -> bool:
    devices = body.get("devices")
    return isinstance(devices, int) and devices > 0


def _spec(
    body: Mapping[str, Any],
    kind: JobKind | None,
    offer: VcOffer | None,
    device_type: DeviceType | None,
    errors: _Errors,
) -> JobSpec:
    def take(field: str, checker: Callable[[Any], Any], default: Any) -> Any:
        return errors.take(field, body.get(field, default), checker, default)

    per_node = device_type.shape.per_node if device_type and kind and kind.multi_node else 0
    devices = take("devices", lambda value: check.integer(value, 0), per_node)
    return JobSpec(
        name=take("name", check.name, ""),
        vc=offer.name if offer else "",
        kind=kind.name if kind else "",
        image=take("image", check.image, ""),
        command=take("command", check.command, ""),
        device_type=device_type.name if device_type else None,
        devices=devices,
        nodes=take("nodes", lambda value: check.integer(value, 1, 10000), 1),
        preemptible=take("preemptible", check.boolean, False),
        priority=take("priority", check.priority, DEFAULT_PRIORITY),
        interactive_ports=take("interactive_ports", check.ports, []),
        endpoints=take("endpoints", check.endpoints, []),
        mounts=errors.take(
            "mounts",
            body.get("mounts", {}),
            check.mounts,
            {name: MountChoice() for name in MOUNT_POINTS},
        ),
        env=take("env", check.env, {}),
        secret_env=take("secret_env", lambda value: check.secret_env(value, body.get("env")), ()),
        extra={name: body[name] for name in (kind.fields if kind else ()) if name in body},
    )


def _kind_check(
    spec: JobSpec, kind: JobKind, device_type: DeviceType | None, offer: VcOffer, errors: _Errors
) -> JobSpec:
    """Ask the plugin about the fields it answers for, unless they are wrong already."""
    if any(field in ("device_type", "devices", "nodes") for field, _ in errors.found):
        return spec
    limit = offer.quota.get(device_type.name, 0) if device_type else 0
    try:
        spec = kind.check(spec, device_type, limit)
    except InvalidSpec as invalid:
        errors.found += [(name, e) for name, found in invalid.errors.items() for e in found]
        return spec
    _user_limit(spec, offer, errors)
    return spec


def _user_limit(spec: JobSpec, offer: VcOffer, errors: _Errors) -> None:
    """What one user may never hold would wait for ever."""
    limit = offer.user_limit.get(spec.device_type or "")
    if limit is None or spec.total_devices <= limit:
        return
    if spec.devices > limit:
        errors.add("devices", "One user may hold at most %(limit)s", limit=limit)
    else:
        errors.add(
            "nodes",
            "%(total)s devices in all are more than the %(limit)s that one user may hold",
            total=spec.total_devices,
            limit=limit,
        )
