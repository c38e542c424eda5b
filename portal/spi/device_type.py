"""What a device type's plugin says: names on the cluster, shape of a node, environment."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from portal.domain.errors import InvalidSpec
from portal.domain.launch import HostMount, Seat, SharedFile
from portal.domain.resources import DeviceShape, Slot


class DeviceType(ABC):
    """One kind of AI chip.

    The registry makes one instance with the plugin's section of the settings
    (``plugins.<name>`` in ``portal.yaml``); a wrong value should raise ``ValueError`` with a
    sentence that names the key. Everything here is called in web requests: no I/O.
    """

    spi_version: ClassVar[int]
    """The version of this interface that the plugin was written for; the plugin says it."""
    name: ClassVar[str]
    """As users and the API write it, such as ``nvidia_gpu_amd64``."""
    title: ClassVar[str]
    """A short word for tables: ``GPU``."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.settings = settings

    @property
    @abstractmethod
    def shape(self) -> DeviceShape:
        """How the devices sit in a node and which counts are legal."""

    @property
    @abstractmethod
    def resource_name(self) -> str:
        """The cluster's name for one device, such as ``nvidia.com/gpu``."""

    @property
    @abstractmethod
    def node_labels(self) -> Mapping[str, str]:
        """Labels of the nodes that have this type; empty: the resource name alone tells."""

    def check_count(self, devices: int, limit: int) -> None:
        """Raise :class:`InvalidSpec` on ``devices`` unless one node may be asked for so many.

        ``limit`` is the most that the virtual cluster's quota allows.
        """
        counts = self.shape.counts
        if counts is not None and (devices not in counts or devices > limit):
            raise InvalidSpec(
                "devices",
                "Must be a positive integer from 0 to %(limit)s, and can only be one of %(counts)s",
                limit=limit,
                counts=", ".join(str(count) for count in counts),
            )
        if not 0 <= devices <= limit:
            raise InvalidSpec("devices", "Must be an integer from 0 to %(limit)s", limit=limit)

    def resources(self, devices: int) -> Mapping[str, int]:
        """What a replica with so many devices asks the cluster for."""
        return {self.resource_name: devices} if devices else {}

    @abstractmethod
    def environment(self, slot: Slot) -> Mapping[str, str]:
        """Environment of a replica that holds the devices of ``slot`` (perhaps none)."""

    def selection(self, slot: Slot) -> Mapping[str, str]:
        """Environment that narrows a process to the devices of ``slot``.

        Only for a cluster that does not hand out devices itself (the local runtime). On
        Kubernetes the device plugin chooses, perhaps other indexes, and sets its own.
        """
        return {}

    def mounts(self, slot: Slot) -> tuple[HostMount, ...]:
        """Folders of the node that a replica with these devices needs (drivers)."""
        return ()

    @property
    def notes(self) -> tuple[str, ...]:
        """Names under which the cluster's device plugin notes on a replica what it gave it.

        What is found there is in :attr:`Seat.notes` (on Kubernetes: annotations of the pod).
        """
        return ()

    def shared_files(self, seats: Sequence[Seat]) -> tuple[SharedFile, ...]:
        """Files about all replicas of an attempt that each of them can read.

        Asked when the attempt is launched, with seats that have no address yet, and again
        when all of them run; the texts of the second answer then replace those of the
        first, and only after that the job counts as running. Raise :class:`NotKnownYet` as
        long as something is missing that the cluster is about to say.
        """
        return ()

    def detect(self) -> int:
        """How many devices this machine has; asked once at start by the local runtime."""
        return 0
