"""Plugins of somebody else: a package that is really installed, in a folder of its own."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent

import pytest

CHECKS = {
    "endless": "while True: pass",
    "regex": "__import__('re').match(r'(a+)+$', 'a' * 64 + 'b')",
    "asleep": "__import__('time').sleep(600)",
    "raises": "raise RuntimeError('no such card')",
    "nothing": "return None",
    "leaves": "__import__('os')._exit(3)",
    "refuses": "raise InvalidSpec('nodes', 'Only %(most)s here', most=1)",
    "unkept": "return replace(spec, extra={'thing': {1, 2}})",
    "good": "return replace(spec, command='echo checked; ' + spec.command)",
    "counts": "device_type.check_count(spec.devices, limit)\n        return spec",
}
"""What the ``check`` of each kind does."""

KIND = """
class Kind_{name}(JobKind):
    spi_version = 1
    name, title = "{name}", "{name}"

    def check(self, spec, device_type, limit):
        {check}

    def workload(self, job, placement, host_of):
        return Workload(
            tuple(
                Replica(name, rank, job.spec.command, slot, env={{"ME": host_of(name)}})
                for rank, slot in enumerate(placement)
                for name in [f"r{{rank}}"]
            ),
            peers=True,
        )
"""
HEAD = """
from dataclasses import replace
from portal.spi import InvalidSpec, JobKind, Replica, Workload
"""


def announce(
    site: Path, monkeypatch: pytest.MonkeyPatch, package: str, kinds: Mapping[str, str]
) -> None:
    """Let the modules in ``site`` be the installed ``package`` with these job kinds."""
    info = site / f"{package.replace('-', '_')}-2.5.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 2.5\n")
    points = "".join(f"{name} = {target}\n" for name, target in kinds.items())
    (info / "entry_points.txt").write_text(f"[portal.job_kinds]\n{points}")
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setenv("PYTHONPATH", str(site), prepend=":")


@contextmanager
def installed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The package ``aoli-plugin-odd`` with a kind for each of :data:`CHECKS`."""
    site = folder / "site"
    points = {name: f"aoli_plugin_odd:Kind_{name}" for name in CHECKS}
    announce(site, monkeypatch, "aoli-plugin-odd", points)
    text = HEAD + "".join(KIND.format(name=name, check=check) for name, check in CHECKS.items())
    (site / "aoli_plugin_odd.py").write_text(dedent(text))
    try:
        yield
    finally:
        sys.modules.pop("aoli_plugin_odd", None)
