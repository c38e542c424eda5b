"""``python -m benchmarks [PART…]``: measure, and print one table.

The Kubernetes part runs when ``AOLI_TEST_KUBECONFIG`` names a cluster on this machine
(``AOLI_TEST_IMAGE``: an image there with a shell, ``train:local`` by default); how soon
freed devices are used again, when a node there has a GPU, real or declared.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
from pathlib import Path

from benchmarks import freed_devices, jobs, planner, plugins, processes, waiting
from benchmarks.table import Row, show

PARTS = ("planner", "waiting", "processes", "plugins", "local", "kubernetes")


def planner_rows() -> list[Row]:
    """The planner on a busy cluster."""
    rows = []
    for number in (1_000, 10_000, 100_000):
        median, worst, _ = planner.measure(planner.cluster("busy", 1_000, number), 3)
        figure = f"{median:,.0f} ms, worst {worst:,.0f} ms"
        aim = "< 1 s" if number == 100_000 else ""
        rows.append(Row(f"planner: {number:,} waiting jobs, 1,000 nodes", figure, aim))
    return rows


def measure(part: str, folder: Path) -> list[Row]:
    """The rows of one part."""
    if part == "planner":
        return planner_rows()
    if part == "waiting":
        return waiting.measure(folder)
    if part == "processes":
        return processes.measure(folder)
    if part == "plugins":
        return plugins.measure(folder)
    if part == "local":
        rows = jobs.measure(folder / "jobs", "local", "python:3.11")
        one = {"AOLI_LOCAL_DEVICES": f"{freed_devices.TYPE}=1"}
        return rows + freed_devices.measure(folder / "freed", "local", "python:3.11", **one)
    kubeconfig = os.environ.get("AOLI_TEST_KUBECONFIG")
    if not kubeconfig:
        return [Row("kubernetes", "not measured: AOLI_TEST_KUBECONFIG is not set")]
    image = os.environ.get("AOLI_TEST_IMAGE", "train:local")
    settings = {
        "AOLI_CLUSTER": "kubernetes",
        "AOLI_KUBECONFIG": kubeconfig,
        "AOLI_NAMESPACE": "aoli-bench",
    }
    rows = jobs.measure(folder / "jobs", "kubernetes", image, **settings)
    return rows + freed_devices.measure(folder / "freed", "kubernetes", image, **settings)


def main() -> None:
    """Measure part after part."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", default=list(PARTS), metavar="|".join(PARTS))
    parts = parser.parse_args().parts
    if unknown := set(parts) - set(PARTS):
        parser.error(f"no part {', '.join(sorted(unknown))}")
    print(f"Python {platform.python_version()}, {os.cpu_count()} CPUs, {platform.machine()}")
    for part in parts:
        with tempfile.TemporaryDirectory(prefix="aoli-bench-") as folder:
            show(part, measure(part, Path(folder)))


if __name__ == "__main__":
    main()
