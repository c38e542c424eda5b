"""All that a plugin may import.

``SPI_VERSION`` changes when a plugin written for an older one would break.
"""

from portal.domain.errors import FieldError, InvalidSpec, NotKnownYet
from portal.domain.job import AttemptRef, Job, JobSpec, MountChoice
from portal.domain.launch import HostMount, Replica, Seat, SharedFile, Workload
from portal.domain.resources import DeviceShape, Node, Placement, Slot
from portal.spi.device_type import DeviceType
from portal.spi.job_kind import JobKind
from portal.spi.version import SPI_VERSION

__all__ = [
    "SPI_VERSION",
    "AttemptRef",
    "DeviceShape",
    "DeviceType",
    "FieldError",
    "HostMount",
    "InvalidSpec",
    "Job",
    "JobKind",
    "JobSpec",
    "MountChoice",
    "Node",
    "NotKnownYet",
    "Placement",
    "Replica",
    "Seat",
    "SharedFile",
    "Slot",
    "Workload",
]
