"""The command line that submits the same job."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator

from portal.domain.job import DEFAULT_PRIORITY, Job, JobSpec


def cli_line(job: Job) -> str:
    """The command that submits the same job; a registry's password is never in it.

    It is for who submits: the values of variables are in clear.
    """
    # The command stays one word: the far shell splits it, not the near one.
    words = [*_asked(job.spec), *_surroundings(job.spec), "--", job.spec.command]
    return shlex.join(["aoli", "job", "submit", *words])


def _asked(spec: JobSpec) -> Iterator[str]:
    """What is run, and on what."""
    yield from ("--vc", spec.vc, "--name", spec.name)
    if spec.kind != "regular":
        yield from ("--kind", spec.kind)
    if spec.device_type and spec.devices:
        yield from ("--device", f"{spec.device_type}={spec.devices}")
    if spec.nodes > 1:
        yield from ("--nodes", str(spec.nodes))
    yield from ("--image", spec.image)
    if spec.preemptible:
        yield "--preemptible"
    if spec.priority != DEFAULT_PRIORITY:
        yield from ("--priority", str(spec.priority))


def _surroundings(spec: JobSpec) -> Iterator[str]:
    """What it finds around it."""
    for port in spec.interactive_ports:
        yield from ("--port", str(port))
    for endpoint in spec.endpoints:
        yield f"--{endpoint}"
    for name, value in spec.env.items():
        yield from ("--env", f"{name}={value}")
    for name in spec.secret_env:
        yield from ("--secret-env", name)
    for name, choice in spec.mounts.items():
        if not choice.enabled:
            yield from ("--no-mount", name)
        elif choice.sub_path:
            yield from ("--mount", f"{name}={choice.sub_path}")
    for field, value in spec.extra.items():
        yield from ("--set", f"{field}={json.dumps(value)}")
