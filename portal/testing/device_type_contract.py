"""The contract of device types: subclass, name the plugin, run pytest.

::

    class TestAcmeNpu(DeviceTypeContract):
        plugin = AcmeNpu
        wrong_settings = {"devices_per_node": 0}
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, ClassVar

from portal.domain.errors import InvalidSpec
from portal.domain.job import MOUNT_POINTS
from portal.domain.resources import DeviceShape, Slot
from portal.spi.device_type import DeviceType
from portal.testing.plugin_words import PluginContract, check_environment, refusal

_PART = r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?"
QUALIFIED = re.compile(rf"([a-z0-9]([a-z0-9.-]{{0,251}}[a-z0-9])?/)?{_PART}")
"""A resource's or label's name, as Kubernetes takes it."""
LABEL_VALUE = re.compile(rf"({_PART})?")


class DeviceTypeContract(PluginContract):
    """What every :class:`~portal.spi.DeviceType` must keep."""

    group = "portal.device_types"
    base: ClassVar[type[Any]] = DeviceType
    hides_devices: ClassVar[bool] = True
    """A replica without devices is told to see none. False only where it cannot see any."""

    def counts(self) -> Iterator[int]:
        """Every legal number of devices on one node, 0 too."""
        shape = self.made().shape
        return (n for n in range(shape.per_node + 1) if shape.allows(n))

    def slots(self) -> Iterator[Slot]:
        """A place for every legal number of devices."""
        return (Slot("node-1", tuple(range(n))) for n in self.counts())

    def test_its_shape_is_possible(self) -> None:
        """Rings divide a node; counts are in order, fit into a node, and 0 is one of them."""
        shape = self.made().shape
        assert isinstance(shape, DeviceShape), f"shape: {shape!r}"
        assert shape.per_node >= 1, f"per_node: {shape.per_node}"
        assert shape.ring >= 0, f"ring: {shape.ring}"
        assert not shape.ring or shape.per_node % shape.ring == 0, "ring does not divide per_node"
        counts = shape.counts
        if counts is not None:
            assert isinstance(counts, tuple), f"counts: {counts!r}"
            assert list(counts) == sorted(set(counts)), f"counts: {counts}: ascending, each once"
            assert counts[:1] == (0,), "counts: 0 is always legal: a job without devices"
            assert counts[-1] <= shape.per_node, f"counts: {counts[-1]} are more than a node has"

    def test_its_names_on_the_cluster(self) -> None:
        """Kubernetes must take them."""
        made = self.made()
        name = made.resource_name
        assert isinstance(name, str), f"resource_name: {name!r}"
        assert QUALIFIED.fullmatch(name), f"resource_name: {name!r} is no name of a resource"
        for label, value in made.node_labels.items():
            assert QUALIFIED.fullmatch(label), f"node_labels: {label!r}"
            assert LABEL_VALUE.fullmatch(value), f"node_labels: {label}: {value!r}"

    def test_legal_counts_are_taken_and_others_refused(self) -> None:
        """The error stands at the field ``devices``."""
        made = self.made()
        legal = set(self.counts())
        limit = made.shape.per_node
        for count in sorted(legal):
            made.check_count(count, limit)
        refused = [-1, limit + 1, *(n for n in range(limit) if n not in legal)]
        refused_here = [(count, limit) for count in refused]
        over_quota = [(count, count - 1) for count in legal if count]
        for count, most in refused_here + over_quota:
            error = refusal(InvalidSpec, made.check_count, count, most)
            assert error, f"{count} devices were taken, at most {most} are allowed"
            assert list(error.errors) == ["devices"], f"the error is at {list(error.errors)}"

    def test_what_it_asks_the_cluster_for(self) -> None:
        """Its own resource in the right number, nothing for nothing."""
        made = self.made()
        for count in self.counts():
            asked = made.resources(count)
            assert asked.get(made.resource_name, 0) == count, f"resources({count}): {asked}"
            assert all(isinstance(n, int) and n > 0 for n in asked.values()), f"{asked}"
        assert not made.resources(0), "a replica without devices asks for none"

    def test_what_replicas_find_in_their_environment(self) -> None:
        """The same each time, for a launch may be repeated."""
        made = self.made()
        for slot in self.slots():
            for call in (made.environment, made.selection):
                where = f"{call.__name__}({slot})"
                check_environment(call(slot), where)
                assert call(slot) == call(slot), f"{where} differs from call to call"
        if self.hides_devices:
            assert made.environment(Slot("node-1")), (
                "environment of a replica without devices: an image built for the device sees"
                " all of the node's unless a variable tells it not to (or hides_devices = False)"
            )

    def test_mounts_are_absolute_and_not_in_the_way(self) -> None:
        """Drivers of the node; never over the job's own folders."""
        for slot in self.slots():
            mounts = self.made().mounts(slot)
            assert isinstance(mounts, tuple), f"mounts({slot}): expected a tuple"
            assert len({mount.name for mount in mounts}) == len(mounts), "names of mounts repeat"
            for mount in mounts:
                for path in (mount.source, mount.target):
                    assert path.startswith("/"), f"mounts: {path!r} is not absolute"
                    assert ".." not in path.split("/"), f"mounts: {path!r}"
                assert mount.target not in MOUNT_POINTS.values(), f"mounts: over {mount.target}"
                assert mount.name not in MOUNT_POINTS, f"mounts: the name {mount.name} is taken"

    def test_looking_for_devices_finds_a_number(self) -> None:
        """On any machine, also one without the devices or their driver."""
        found = self.made().detect()
        assert isinstance(found, int), f"detect: {found!r}"
        assert found >= 0, f"detect: {found}"
