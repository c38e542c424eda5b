"""The contract of job kinds: subclass, name the plugin, run pytest.

::

    class TestSweep(JobKindContract):
        plugin = Sweep
        good = {"extra": {"points": 4}}
        wrong = [({"extra": {"points": 0}}, "points")]
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from portal.domain.errors import InvalidSpec
from portal.domain.job import SUBMISSION_FIELDS, Job, JobSpec
from portal.domain.job_state import JobState
from portal.domain.launch import Replica, Workload
from portal.domain.resources import DeviceShape, Placement, Slot
from portal.spi.device_type import DeviceType
from portal.spi.job_kind import JobKind
from portal.testing.builders import a_job, a_spec
from portal.testing.plugin_words import VARIABLE, PluginContract, check_environment, refusal

HOST_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")
"""Replicas are known by it on the cluster, behind the job's id."""
ODD_VALUES: tuple[Any, ...] = (None, "", "x", -1, 0, 1.5, True, [], [1], {}, {"x": 1})
"""What somebody may send for a field of the kind's own."""


class Chip(DeviceType):
    """A device of the contract's own: eight in a node, in any number."""

    spi_version = 1
    name, title = "chip", "CHIP"

    @property
    def shape(self) -> DeviceShape:
        """Eight in a node."""
        return DeviceShape(per_node=8)

    @property
    def resource_name(self) -> str:
        """A name."""
        return "example.com/chip"

    @property
    def node_labels(self) -> Mapping[str, str]:
        """None are needed."""
        return {}

    def environment(self, slot: Slot) -> Mapping[str, str]:
        """Nothing."""
        return {}


class JobKindContract(PluginContract):
    """What every :class:`~portal.spi.JobKind` must keep."""

    group = "portal.job_kinds"
    base: ClassVar[type[Any]] = JobKind
    good: ClassVar[Mapping[str, Any]] = {}
    """Fields of :class:`~portal.spi.JobSpec` that make a submission right for this kind."""
    wrong: ClassVar[Sequence[tuple[Mapping[str, Any], str]]] = ()
    """Fields that make it wrong, each with the name of the field at which the error belongs."""

    def spec(self, **changes: Any) -> JobSpec:
        """A submission that is right, with ``changes``."""
        given = {"kind": self.plugin.name, "device_type": "chip", "devices": 1, **self.good}
        return a_spec(**{**given, **changes})

    def checked(self, spec: JobSpec, limit: int = 64) -> JobSpec:
        """What the kind makes of it."""
        found = self.made().check(spec, Chip({}) if spec.device_type else None, limit)
        assert isinstance(found, JobSpec), f"check must return a JobSpec, not {found!r}"
        return found

    def job(self, **changes: Any) -> Job:
        """A job of the kind that was just given its place."""
        return a_job(JobState.SCHEDULING, spec=self.checked(self.spec(**changes)))

    def placements(self, job: Job) -> list[Placement]:
        """Places that the job may be given."""
        spec = job.spec
        slots = [Slot(f"node-{n}", tuple(range(spec.devices))) for n in range(spec.nodes)]
        together = [Slot("node-1", slot.devices) for slot in slots]
        return [tuple(slots), tuple(together)]

    def workload(self, job: Job, placement: Placement) -> Workload:
        """What the kind runs there; asks for hosts only if its replicas are peers."""
        asked: list[str] = []

        def host_of(name: str) -> str:
            asked.append(name)
            return f"{name}.peers.example"

        found = self.made().workload(job, placement, host_of)
        assert isinstance(found, Workload), f"workload must return a Workload, not {found!r}"
        assert found.peers or not asked, "host names work only in a workload with peers=True"
        return found

    def test_its_own_fields_have_plain_new_names(self) -> None:
        """They stand beside the fields that all kinds share."""
        own = self.plugin.fields
        assert isinstance(own, tuple), f"fields: {own!r}: expected a tuple"
        assert len(set(own)) == len(own), "fields: a name twice"
        shared = SUBMISSION_FIELDS
        for name in own:
            assert VARIABLE.fullmatch(name), f"fields: {name!r}"
            assert name not in shared, f"fields: {name} is a field of every job"
        assert isinstance(self.plugin.multi_node, bool), "multi_node: True or False"

    def test_a_right_submission_is_taken_and_stays_so(self) -> None:
        """Completing it twice is the same as once; what all kinds share is left alone."""
        spec = self.spec()
        done = self.checked(spec)
        assert self.checked(done) == done, "check of what check returned changes it again"
        for name in ("name", "vc", "kind", "image", "priority", "preemptible", "mounts"):
            assert getattr(done, name) == getattr(spec, name), f"check changed {name}"

    def test_what_the_form_sends_is_taken(self) -> None:
        """A form sends text: a number or a yes that the API takes is taken as text, too."""
        typed = self.spec()
        sent = {
            name: str(value) if type(value) is int else value for name, value in typed.extra.items()
        }
        assert self.checked(replace(typed, extra=sent)) == self.checked(typed), (
            f"{sent} is not taken as {dict(typed.extra)} is"
        )

    def test_a_job_without_devices_is_taken_or_refused_at_a_field(self) -> None:
        """Never an error of another kind."""
        error = refusal(InvalidSpec, self.checked, self.spec(device_type=None, devices=0), 0)
        assert error is None or error.errors, "an error without a field"

    def test_more_devices_than_the_quota_are_refused(self) -> None:
        """At the number of devices, or of nodes."""
        spec = self.spec(devices=8)
        error = refusal(InvalidSpec, self.checked, spec, spec.total_devices - 1)
        assert error, f"{spec.total_devices} devices were taken, one less is allowed"
        assert set(error.errors) <= {"devices", "nodes"}, f"the error is at {list(error.errors)}"

    def test_wrong_submissions_are_refused_at_their_field(self) -> None:
        """Those that the subclass lists."""
        for changes, name in self.wrong:
            error = refusal(InvalidSpec, self.checked, self.spec(**changes))
            assert error, f"{changes} was taken"
            assert name in error.errors, f"{changes}: at {list(error.errors)}, not {name}"

    def test_whatever_is_sent_is_taken_or_refused(self) -> None:
        """A field of the kind's own may hold anything, or be missing."""
        extra = dict(self.spec().extra)
        for name in self.plugin.fields:
            without = {key: value for key, value in extra.items() if key != name}
            for tried in ({**without, name: value} for value in ODD_VALUES):
                self._taken_or_refused(tried)
            self._taken_or_refused(without)

    def _taken_or_refused(self, extra: Mapping[str, Any]) -> None:
        try:
            done = self.checked(self.spec(extra=extra))
        except InvalidSpec:
            return
        job = a_job(JobState.SCHEDULING, spec=done)
        assert self.workload(job, self.placements(job)[0])

    def test_one_replica_for_each_place(self) -> None:
        """In rank order, with names that the cluster can use."""
        for nodes in (1, 2) if self.plugin.multi_node else (1,):
            job = self.job(nodes=nodes)
            for placement in self.placements(job):
                replicas = self.workload(job, placement).replicas
                assert tuple(r.slot for r in replicas) == placement, "slots differ from the places"
                assert [r.rank for r in replicas] == list(range(len(placement))), "ranks"
                assert len({r.name for r in replicas}) == len(replicas), "two have one name"
                for replica in replicas:
                    self._check_replica(replica)

    def _check_replica(self, replica: Replica) -> None:
        assert HOST_NAME.fullmatch(replica.name), f"name: {replica.name!r}: a-z, 0-9 and -"
        assert replica.command.strip(), f"{replica.name} has no command"
        check_environment(replica.env, f"env of {replica.name}")
        assert all(0 < port < 65536 for port in replica.ports), f"ports: {replica.ports}"
        assert len(set(replica.ports)) == len(replica.ports), f"ports: {replica.ports}: one twice"

    def test_the_same_attempt_is_the_same_workload(self) -> None:
        """A launch that was broken off is repeated: nothing may be drawn or counted anew."""
        job = self.job()
        (placement, *_) = self.placements(job)
        assert self.workload(job, placement) == self.workload(job, placement)
        later = replace(job, attempt=job.attempt + 1)
        assert self.workload(later, placement).replicas
