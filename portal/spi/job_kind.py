"""What a job kind's plugin does: check the fields, then say which replicas to run."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from portal.domain.job import Job, JobSpec
from portal.domain.launch import Workload
from portal.domain.resources import Placement
from portal.spi.device_type import DeviceType


class JobKind(ABC):
    """A way of running a command on the cluster.

    ``check`` runs in web requests, ``workload`` in workers; neither does I/O.
    """

    spi_version: ClassVar[int]
    """The version of this interface that the plugin was written for; the plugin says it."""
    name: ClassVar[str]
    """As the API writes it: ``regular``."""
    title: ClassVar[str]
    """As pages show it: ``Regular``."""
    multi_node: ClassVar[bool] = False
    """Whether the form asks for a number of nodes."""

    fields: ClassVar[tuple[str, ...]] = ()
    """Names of further fields of the submission that this kind takes (``JobSpec.extra``)."""
    field_titles: ClassVar[Mapping[str, str]] = {}
    """What the form calls a further field; its name without one."""
    field_choices: ClassVar[Mapping[str, Mapping[str, str]]] = {}
    """For a further field with few values: each value and what the form calls it; the first
    is chosen as long as the user chooses none."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.settings = settings

    @abstractmethod
    def check(self, spec: JobSpec, device_type: DeviceType | None, limit: int) -> JobSpec:
        """Return the spec, perhaps completed, or raise :class:`InvalidSpec` at a field.

        The fields that all kinds share are already checked. ``limit`` is the virtual
        cluster's quota of the device type (0 without one).
        """

    @abstractmethod
    def workload(self, job: Job, placement: Placement, host_of: Callable[[str], str]) -> Workload:
        """The replicas of the job's present attempt, one per slot of ``placement``.

        ``host_of`` tells the host name by which the others reach the replica of that name
        (only in a workload with ``peers``).
        """
