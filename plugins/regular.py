"""Regular Job: one replica on one node."""

from __future__ import annotations

from collections.abc import Callable

from portal.spi import DeviceType, InvalidSpec, Job, JobKind, JobSpec, Placement, Replica, Workload


class Regular(JobKind):
    """Runs the command once, on one node, with 0 or more devices."""

    spi_version = 1
    name = "regular"
    title = "Regular"

    def check(self, spec: JobSpec, device_type: DeviceType | None, limit: int) -> JobSpec:
        """One node, and a count that the device type can give."""
        if device_type is not None:
            device_type.check_count(spec.devices, limit)
        if spec.nodes != 1:
            raise InvalidSpec("nodes", "A regular job runs on one node")
        return spec

    def workload(self, job: Job, placement: Placement, host_of: Callable[[str], str]) -> Workload:
        """The single replica ``main``."""
        main = Replica(
            name="main",
            rank=0,
            command=job.spec.command,
            slot=placement[0],
            ports=job.spec.interactive_ports,
        )
        return Workload(replicas=(main,))
