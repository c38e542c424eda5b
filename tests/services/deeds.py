"""Every call of a service that writes, each in a scene in which it has something to do.

``test_crashes`` holds the list against the code: a call that is neither here nor among
:data:`QUIET` fails there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from house import GPU, House, actor, body
from public_keys import key_line

from portal.domain.job import AttemptRef
from portal.domain.job_state import Trigger
from portal.domain.launch import Observed
from portal.domain.reason import Reason
from portal.models import GroupRow, UserRow
from portal.models.db import database, session
from portal.services.jobs import priority as job_priority
from portal.services.jobs.listing import JobQuery
from portal.services.people import ssh_keys
from portal.services.records import job_store
from portal.services.usage.over_time import span_of
from portal.services.vcs import reading as virtual_clusters
from portal.testing import a_node

LOGIN = {"server": "registry.example.org", "username": "alice", "password": "open sesame"}
MAIL = {"kind": "test", "receivers": ["ops@example.org"], "subject": "It fires", "body": "Now.\n"}


@dataclass(frozen=True)
class Scene:
    """A shared cluster with something in every state that lasts."""

    house: House
    running: str
    """On one of the four GPUs of ``vision``."""
    preemptible: str
    """On two of them; gives them up for ``wanting``."""
    waiting: str
    """Wants all four."""
    paused: str
    admitted: str
    """In ``platform``, not launched yet."""
    launched: str
    """In ``platform``, its replicas pending."""

    @property
    def portal(self) -> Any:
        """The services."""
        return self.house.portal

    def observed(self, job_id: str) -> Observed:
        """What the cluster has of a job."""
        return self.house.cluster.observe(self.house.ref(job_id))


def set_scene(house: House) -> Scene:
    """Bring the house into it."""
    house.cluster.keeps_logs = True  # no threads that follow output
    with session():
        database.create_tables([UserRow, GroupRow])
        for number, name in enumerate(("alice", "bob"), start=1):
            UserRow.insert(id=number, username=name, email=f"{name}@x.org", active=True).execute()
    running = house.run(device_type=GPU, devices=1)
    preemptible = house.run("bob", device_type=GPU, devices=2, preemptible=True)
    paused = house.run(device_type=GPU, devices=1)
    with session():
        house.portal.jobs.act(actor("alice"), paused, "pause")
    house.look()
    house.advance(1)
    waiting = house.submit(device_type=GPU, devices=4)
    house.work()
    launched = house.submit(vc="platform", device_type=GPU, devices=1, registry=LOGIN)
    house.work()
    admitted = house.submit(vc="platform", device_type=GPU, devices=1)
    with session():
        house.portal.admitter.admit()
    house.queue.waiting.clear()
    return Scene(house, running, preemptible, waiting, paused, admitted, launched)


def ended(scene: Scene, job_id: str, exit_code: int = 0) -> Observed:
    """The job's command has ended, which nobody has noticed yet."""
    scene.house.cluster.finish(scene.house.ref(job_id), exit_code=exit_code)
    return scene.observed(job_id)


def stopping(scene: Scene, job_id: str, action: str = "kill") -> str:
    """The job is asked to stop; no worker has done anything yet."""
    scene.portal.jobs.act(actor("root"), job_id, action)
    scene.house.queue.waiting.clear()
    return job_id


def on_its_way_out(scene: Scene) -> str:
    """A job whose command has ended and is written down; the cluster still has it."""
    scene.portal.driver.observed(ended(scene, scene.running))
    scene.house.queue.waiting.clear()
    return scene.running


def wanted_by_all(scene: Scene) -> None:
    """Jobs to admit, and one to preempt for."""
    for _ in range(3):
        scene.house.submit(vc="platform", device_type=GPU, devices=1)
    scene.house.submit(device_type=GPU, devices=3)
    scene.house.queue.waiting.clear()


def over_its_time(scene: Scene) -> None:
    """``vision`` lets no job run so long as those that run."""
    scene.portal.vc_editor.modify(actor("root"), "vision", {"max_run_time_s": 60})
    scene.house.advance(100)
    scene.house.queue.waiting.clear()


def half_stopped(scene: Scene) -> None:
    """As a database holds it in which an older version was killed between two commits."""
    for job_id, trigger in ((scene.waiting, Trigger.PAUSE), (scene.paused, Trigger.KILL)):
        reason = Reason("user", {"action": "Killed", "user": "alice"})
        job = scene.house.job(job_id)
        assert job_store.transition(job, trigger, scene.house.now, reason=reason, actor="alice")


def mail_waits(scene: Scene) -> None:
    """Two mails are due."""
    with database.atomic():
        for key in ("one", "two"):
            scene.portal.outbox.put(key, **MAIL)


def old_mail(scene: Scene) -> None:
    """One was sent long ago, one is due."""
    mail_waits(scene)
    scene.portal.outbox.send_due()
    scene.house.advance(40 * 24 * 3600)
    with database.atomic():
        scene.portal.outbox.put("three", **MAIL)


def more_nodes(scene: Scene) -> Any:
    """The cluster has grown, and one node went."""
    scene.house.cluster.set_nodes(a_node("node-1"), a_node("node-3"))
    return scene.house.cluster.nodes()


def key_of(scene: Scene) -> int:
    """An SSH key of alice's."""
    return ssh_keys.add(actor("alice"), "laptop", key_line(), scene.house.now).id


def template(scene: Scene) -> None:
    """A template of alice's."""
    scene.portal.templates.put(actor("alice"), "user", "mine", None, body(), overwrite=False)


def foreign(scene: Scene) -> Observed:
    """An attempt on the cluster that no job owns any more."""
    ref = AttemptRef("00000000-0000-4000-8000-000000000000", 1)
    scene.house.cluster.launch(replace(scene.house.cluster.launches[-1], ref=ref))
    return scene.house.cluster.observe(ref)


def all_stopped(scene: Scene) -> None:
    """Nothing of ``vision`` is busy; a job is paused, one has just come."""
    for job_id in (scene.waiting, scene.running, scene.preemptible):
        stopping(scene, job_id)
    scene.house.look()
    scene.house.submit(device_type=GPU, devices=1)


def many_alike(scene: Scene) -> Any:
    """A look at the queue that has left jobs out."""
    for _ in range(2):
        scene.house.submit(device_type=GPU, devices=4)
    return scene.portal.snapshots.take(1)


Prepare = Callable[[Scene], Any]
Deed = tuple[Prepare | None, Callable[[Scene, Any], Any]]


def by_root(action: str, which: str) -> Deed:
    """What an administrator does to somebody else's job."""
    return None, lambda s, _: s.portal.jobs.act(actor("root"), getattr(s, which), action)


def drive(prepare: Prepare) -> Deed:
    """A worker's turn with the job that ``prepare`` names."""
    return prepare, lambda s, job_id: s.portal.driver.drive(job_id)


def runs(s: Scene) -> Observed:
    """The launched job runs, which nobody has noticed yet."""
    s.house.cluster.run(s.house.ref(s.launched))
    return s.observed(s.launched)


def changes(s: Scene) -> Any:
    """News of several jobs at once."""
    runs(s)
    ended(s, s.running)
    return s.house.cluster.observe_all()


DEEDS: dict[str, dict[str, Deed]] = {
    "jobs.submit": {
        "with a login": (
            None,
            lambda s, _: s.portal.jobs.submit(actor("alice"), body(registry=LOGIN)),
        ),
        "under a key": (
            None,
            lambda s, _: s.portal.jobs.submit(actor("alice"), body(), key="mine"),
        ),
    },
    "jobs.act": {
        f"{action} {which}": by_root(action, which)
        for action, kinds in {
            "pause": ("waiting", "admitted", "launched", "running"),
            "resume": ("paused",),
            "kill": ("waiting", "paused", "admitted", "launched", "running", "preemptible"),
        }.items()
        for which in kinds
    },
    "jobs.act_on_many": {
        "kill": (
            None,
            lambda s, _: s.portal.jobs.act_on_many(
                actor("root"), "kill", [s.waiting, s.paused, s.running]
            ),
        ),
    },
    "jobs.set_priority": {
        "of another": (
            None,
            lambda s, _: s.portal.jobs.set_priority(actor("root"), s.waiting, 300, 100),
        ),
    },
    "jobs.set_priorities": {
        "of others": (
            None,
            lambda s, _: s.portal.jobs.set_priorities(
                actor("root"), {s.waiting: 300, s.paused: 200, s.running: 50}
            ),
        ),
    },
    "portal.services.jobs.priority.change": {
        "of another": (
            None,
            lambda s, _: job_priority.change(
                actor("root"), s.house.job(s.waiting), 7, None, s.house.now
            ),
        ),
    },
    "admitter.admit": {
        "starts and preempts": (wanted_by_all, lambda s, _: s.portal.admitter.admit()),
    },
    "driver.drive": {
        "launch": drive(lambda s: s.admitted),
        "runs": drive(lambda s: runs(s).ref.job_id),
        "ended": drive(lambda s: ended(s, s.running).ref.job_id),
        "failed": drive(lambda s: ended(s, s.running, 3).ref.job_id),
        "clear": drive(on_its_way_out),
        "kill": drive(lambda s: stopping(s, s.running)),
        "pause": drive(lambda s: stopping(s, s.running, "pause")),
        "kill what was never launched": drive(lambda s: stopping(s, s.admitted)),
        "kill what was preempted": drive(lambda s: stopping(s, s.preemptible)),
    },
    "driver.observed": {
        "runs": (runs, lambda s, seen: s.portal.driver.observed(seen)),
        "ended": (lambda s: ended(s, s.running), lambda s, seen: s.portal.driver.observed(seen)),
        "ended before it was seen to run": (
            lambda s: runs(s) and ended(s, s.launched, 4),
            lambda s, seen: s.portal.driver.observed(seen),
        ),
    },
    "passes.full_pass": {
        "news": (
            lambda s: (changes(s), more_nodes(s)),
            lambda s, _: s.portal.passes.full_pass(),
        ),
    },
    "passes.compare": {
        "news": (changes, lambda s, seen: s.portal.passes.compare(seen, s.house.now)),
    },
    "passes.due": {
        "overtime": (over_its_time, lambda s, _: s.portal.passes.due()),
        "half stopped": (half_stopped, lambda s, _: s.portal.passes.due()),
    },
    "passes.stop_unheld": {"two": (half_stopped, lambda s, _: s.portal.passes.stop_unheld())},
    "passes.overtime": {"two": (over_its_time, lambda s, _: s.portal.passes.overtime())},
    "watch_handler.nodes_changed": {
        "grown": (more_nodes, lambda s, nodes: s.portal.watch_handler.nodes_changed(nodes)),
        "back": (
            lambda s: s.portal.watch_handler.unreachable("no route") or s.house.cluster.nodes(),
            lambda s, nodes: s.portal.watch_handler.nodes_changed(nodes),
        ),
    },
    "watch_handler.attempt_changed": {
        "runs": (runs, lambda s, seen: s.portal.watch_handler.attempt_changed(seen))
    },
    "watch_handler.listed": {
        "news": (changes, lambda s, seen: s.portal.watch_handler.listed(seen))
    },
    "watch_handler.unreachable": {
        "gone": (None, lambda s, _: s.portal.watch_handler.unreachable("no route"))
    },
    "vc_editor.add": {
        "with members": (
            lambda s: s.house.cluster.set_nodes(a_node("node-1", devices=16)) or s.house.look(),
            lambda s, _: s.portal.vc_editor.add(
                actor("root"),
                {"name": "audio", "quota": {GPU: 2}, "members": {"users": ["bob"]}},
            ),
        ),
    },
    "vc_editor.modify": {
        "members and limit": (
            None,
            lambda s, _: s.portal.vc_editor.modify(
                actor("root"),
                "vision",
                {"user_limit": {GPU: 3}, "members": {"users": ["alice"], "groups": []}},
            ),
        ),
    },
    "vc_editor.delete": {
        "with its jobs": (
            all_stopped,
            lambda s, _: s.portal.vc_editor.delete(actor("root"), "vision"),
        ),
    },
    "templates.put": {
        "new": (None, lambda s, _: template(s)),
        "again": (
            template,
            lambda s, _: s.portal.templates.put(
                actor("alice"), "user", "mine", None, body(name="other"), overwrite=True
            ),
        ),
    },
    "templates.delete": {
        "own": (
            template,
            lambda s, _: s.portal.templates.delete(actor("alice"), "user", "mine", None),
        ),
    },
    "cordoner.set_cordoned": {
        "cordon": (
            None,
            lambda s, _: s.portal.cordoner.set_cordoned(actor("root"), "node-1", True),
        ),
    },
    "outbox.put": {"within a transaction": (None, lambda s, _: mail_waits(s))},
    "outbox.send_due": {"two": (mail_waits, lambda s, _: s.portal.outbox.send_due())},
    "outbox.sweep": {"old and due": (old_mail, lambda s, _: s.portal.outbox.sweep())},
    "support.ask": {
        "once": (
            None,
            lambda s, _: s.portal.support.ask(actor("alice"), s.running, {"message": "Help"}),
        ),
    },
    "portal.services.people.ssh_keys.add": {"own": (None, lambda s, _: key_of(s))},
    "portal.services.people.ssh_keys.remove": {
        "own": (key_of, lambda s, key: ssh_keys.remove(actor("alice"), key, s.house.now)),
    },
    "readiness.check": {"all answer": (None, lambda s, _: s.portal.readiness.check())},
    "portal.services.vcs.reading.select": {
        "another": (None, lambda s, _: virtual_clusters.select(actor("alice"), "platform")),
    },
}

QUIET: dict[str, Deed] = {
    "driver.sweep": (foreign, lambda s, seen: s.portal.driver.sweep(seen)),
    "passes.sweep": (foreign, lambda s, seen: s.portal.passes.sweep(seen.ref.job_id, 1)),
    "jobs.check": (None, lambda s, _: s.portal.jobs.check(actor("alice"), body())),
    "jobs.preview": (None, lambda s, _: s.portal.jobs.preview(actor("alice"), body())),
    "jobs.get": (None, lambda s, _: s.portal.jobs.get(actor("alice"), s.waiting)),
    "jobs.value": (None, lambda s, _: s.portal.jobs.value(actor("alice"), s.waiting)),
    "jobs.body": (None, lambda s, _: s.portal.jobs.body(actor("alice"), s.waiting)),
    "jobs.page": (None, lambda s, _: s.portal.jobs.page(actor("alice"), JobQuery())),
    "jobs.counts": (None, lambda s, _: s.portal.jobs.counts(actor("alice"), JobQuery())),
    "jobs.events": (None, lambda s, _: s.portal.jobs.events(actor("alice"), s.waiting)),
    "jobs.replicas": (None, lambda s, _: s.portal.jobs.replicas(actor("alice"), s.running)),
    "snapshots.take": (None, lambda s, _: s.portal.snapshots.take()),
    "snapshots.further": (
        many_alike,
        lambda s, taken: s.portal.snapshots.further(taken, list(taken.cut)),
    ),
    "snapshots.stamp": (None, lambda s, _: s.portal.snapshots.stamp()),
    "vc_editor.would_not_fit": (
        None,
        lambda s, _: s.portal.vc_editor.would_not_fit(actor("root"), "vision", {"quota": {GPU: 1}}),
    ),
    "portal.services.vcs.reading.ensure_first": (
        None,
        lambda s, _: virtual_clusters.ensure_first(s.house.now),
    ),
    "vc_editor.remaining": (None, lambda s, _: s.portal.vc_editor.remaining()),
    "templates.visible": (
        template,
        lambda s, _: s.portal.templates.visible(actor("alice"), "vision"),
    ),
    "templates.get": (
        template,
        lambda s, _: s.portal.templates.get(actor("alice"), "user", "mine", None),
    ),
    "outbox.wake": (mail_waits, lambda s, _: s.portal.outbox.wake()),
    "outbox.written_since": (
        mail_waits,
        lambda s, _: s.portal.outbox.written_since("test", "alice", s.house.now),
    ),
    "metrics.text": (None, lambda s, _: s.portal.metrics.text()),
    "support.draft": (None, lambda s, _: s.portal.support.draft(actor("alice"), s.running)),
    "cluster_series.of": (
        None,
        lambda s, _: s.portal.cluster_series.of(span_of("24h", s.house.now), {}),
    ),
    "storage.usage": (None, lambda s, _: s.portal.storage.usage({})),
}
