"""The planner's rules, one sentence each."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from planner_words import (
    GPU,
    NOW,
    NPU,
    cluster,
    held,
    job,
    minutes_ago,
    node,
    reasons,
    slot,
    started,
    victims,
)

from portal.domain.moment import rfc3339
from portal.domain.planning.planner import plan, preview
from portal.domain.planning.snapshot import Admission, Snapshot, VcShare, Waiting
from portal.domain.reason import Reason


@dataclass(frozen=True)
class Case:
    """A cluster, and what becomes of it."""

    snapshot: Snapshot
    starts: dict[str, str] = field(default_factory=dict)
    preempts: dict[str, str] = field(default_factory=dict)
    waits: dict[str, str] = field(default_factory=dict)


def share(name: str, quota: int, limit: int | None = None) -> VcShare:
    return VcShare(name, {GPU: quota}, {} if limit is None else {GPU: limit})


ORDER = {
    "nothing waits, nothing happens": Case(cluster(node("a"))),
    "non-preemptible jobs come before preemptible ones of any priority": Case(
        cluster(node("a"), job("yes", 8, preemptible=True, priority=1000), job("no", 8)),
        starts={"no": "a:0-7"},
        waits={"yes": "no_free_devices"},
    ),
    "the higher priority comes first": Case(
        cluster(node("a"), job("low", 8, waits=9, priority=99), job("high", 8)),
        starts={"high": "a:0-7"},
        waits={"low": "no_free_devices"},
    ),
    "of equal priority the earlier submission comes first": Case(
        cluster(node("a"), job("late", 8, waits=1), job("early", 8, waits=2)),
        starts={"early": "a:0-7"},
        waits={"late": "no_free_devices"},
    ),
    "submitted at the same moment, the id decides": Case(
        cluster(node("a"), job("y", 8), job("x", 8)),
        starts={"x": "a:0-7"},
        waits={"y": "no_free_devices"},
    ),
    "a small job passes a big one that does not fit": Case(
        cluster(node("a"), held("h", "a:0-3"), job("big", 8, waits=2), job("small", 4)),
        starts={"small": "a:4-7"},
        waits={"big": "no_free_devices"},
    ),
    "a job in back-off is passed over": Case(
        cluster(
            node("a"),
            job("hot", 8, waits=9, not_before=NOW + timedelta(seconds=1)),
            job("next", 8),
        ),
        starts={"next": "a:0-7"},
        waits={"hot": "back_off"},
    ),
    "a back-off that is over does not count": Case(
        cluster(node("a"), job("j", 8, not_before=NOW)), starts={"j": "a:0-7"}
    ),
    "a job whose virtual cluster is gone waits": Case(
        cluster(node("a"), job("j", vc="gone")), waits={"j": "no_vc"}
    ),
    "a job without devices whose virtual cluster is gone waits too": Case(
        cluster(node("a"), job("j", 0, vc="gone")), waits={"j": "no_vc"}
    ),
}

BARRED = Reason("owner", {"user": "alice", "vc": "red", "why": "disabled"})

OWNERS = {
    "who may not start anything waits, whatever is free": Case(
        cluster(node("a"), job("j", 1), job("cpu", 0), barred={("red", "alice"): BARRED}),
        waits={"j": "owner", "cpu": "owner"},
    ),
    "others are not held up by it, however long it has waited": Case(
        cluster(
            node("a"),
            held("h", "a:0-3"),
            job("barred", 8, waits=99, priority=1000),
            job("other", 4, user="bob"),
            barred={("red", "alice"): BARRED},
        ),
        starts={"other": "a:4-7"},
        waits={"barred": "owner"},
    ),
    "nobody is preempted for it": Case(
        cluster(
            node("a"),
            held("h", "a:0-7", preemptible=True, vc="blue"),
            job("j", 8),
            barred={("red", "alice"): BARRED},
        ),
        waits={"j": "owner"},
    ),
    "the same user starts where he still may": Case(
        cluster(node("a"), job("j", 1, vc="blue"), job("k", 1), barred={("red", "alice"): BARRED}),
        starts={"j": "a:0"},
        waits={"k": "owner"},
    ),
}

QUOTA = {
    "up to the quota jobs start": Case(
        cluster(node("a"), share("red", 4), job("j", 4)), starts={"j": "a:0-3"}
    ),
    "above the quota they wait": Case(
        cluster(node("a"), share("red", 4), held("h", "a:0"), job("j", 4)),
        waits={"j": "vc_quota"},
    ),
    "without a quota of the type nothing starts": Case(
        cluster(node("a"), VcShare("red"), job("j", 1)), waits={"j": "vc_quota_too_small"}
    ),
    "another virtual cluster's use does not count": Case(
        cluster(node("a"), share("red", 4), held("h", "a:0-3", vc="blue"), job("j", 4)),
        starts={"j": "a:4-7"},
    ),
    "another device type's use does not count": Case(
        cluster(
            node("a"),
            node("n", kind=NPU),
            share("red", 4),
            held("h", "n:0-3", device_type=NPU),
            job("j", 4),
        ),
        starts={"j": "a:0-3"},
    ),
    "the sum of quotas may be above the cluster, the nodes are not": Case(
        cluster(node("a"), job("r", 8), job("b", 8, vc="blue")),
        starts={"b": "a:0-7"},
        waits={"r": "no_free_devices"},
    ),
    "a preemptible job uses what is left of the quota": Case(
        cluster(node("a"), share("red", 4), held("h", "a:0-1"), job("j", 2, preemptible=True)),
        starts={"j": "a:2-3"},
    ),
    "a preemptible job does not borrow by default": Case(
        cluster(node("a"), share("red", 4), held("h", "a:0-1"), job("j", 3, preemptible=True)),
        waits={"j": "vc_quota"},
    ),
    "with the scope of the cluster a preemptible job borrows": Case(
        cluster(
            node("a"),
            share("red", 4),
            held("h", "a:0-1"),
            job("j", 3, preemptible=True),
            preemptible_scope="cluster",
        ),
        starts={"j": "a:2-4"},
    ),
    "with the scope of the cluster preemptible use does not count for the others": Case(
        cluster(
            node("a"),
            share("red", 4),
            held("h", "a:0-3", preemptible=True),
            job("j", 4),
            preemptible_scope="cluster",
        ),
        starts={"j": "a:4-7"},
    ),
    "both classes together stay within the quota: the own VC's job is preempted": Case(
        cluster(node("a"), share("red", 4), held("h", "a:0-3", preemptible=True), job("j", 2)),
        preempts={"h": "j"},
        waits={"j": "preempting"},
    ),
    "the user's limit holds within the quota": Case(
        cluster(node("a"), share("red", 8, limit=2), held("h", "a:0"), job("j", 2)),
        waits={"j": "user_limit"},
    ),
    "the limit counts what the user holds in both classes": Case(
        cluster(
            node("a"),
            share("red", 8, limit=2),
            held("h", "a:0", preemptible=True),
            job("j", 2),
        ),
        waits={"j": "user_limit"},
    ),
    "one user's limit is not another's": Case(
        cluster(node("a"), share("red", 8, limit=2), held("h", "a:0-1", user="bob"), job("j", 2)),
        starts={"j": "a:2-3"},
    ),
    "more than the quota is told as such, whatever is in use": Case(
        cluster(node("a"), share("red", 4), held("h", "a:0-1"), job("j", 5)),
        waits={"j": "vc_quota_too_small"},
    ),
    "more than the user's limit is told as such, whatever is in use": Case(
        cluster(node("a"), share("red", 8, limit=2), held("h", "a:0-7"), job("j", 3)),
        waits={"j": "user_limit_too_small"},
    ),
    "all of the limit can be had": Case(
        cluster(node("a"), share("red", 8, limit=2), job("j", 2)), starts={"j": "a:0-1"}
    ),
    "all nodes of a job count against the limit together": Case(
        cluster(node("a"), node("b"), share("red", 16, limit=8), job("j", 5, replicas=2)),
        waits={"j": "user_limit_too_small"},
    ),
    "who borrows is not bound by the quota, but by the limit": Case(
        cluster(
            node("a"),
            share("red", 1, limit=4),
            job("fits", 4, preemptible=True),
            job("large", 5, preemptible=True),
            preemptible_scope="cluster",
        ),
        starts={"fits": "a:0-3"},
        waits={"large": "user_limit_too_small"},
    ),
    "a quota that is only short of nodes is not too small": Case(
        cluster(node("a", cordoned=True), node("b"), share("red", 16), job("j", 8, replicas=2)),
        waits={"j": "vc_shortage"},
    ),
    "what the plan starts counts at once": Case(
        cluster(node("a"), share("red", 8, limit=2), job("i", 2, waits=2), job("j", 1)),
        starts={"i": "a:0-1"},
        waits={"j": "user_limit"},
    ),
}

PREEMPTION = {
    "a preemptible job makes way": Case(
        cluster(node("a"), held("h", "a:0-7", preemptible=True, vc="blue"), job("j", 8)),
        preempts={"h": "j"},
        waits={"j": "preempting"},
    ),
    "a preemptible job never preempts": Case(
        cluster(
            node("a"),
            held("h", "a:0-7", preemptible=True, priority=1),
            job("j", 8, preemptible=True, priority=1000),
        ),
        waits={"j": "no_free_devices"},
    ),
    "a non-preemptible job is never preempted": Case(
        cluster(node("a"), held("h", "a:0-7", priority=1), job("j", 8, priority=1000)),
        waits={"j": "no_free_devices"},
    ),
    "nobody is preempted while there is room": Case(
        cluster(node("a"), node("b"), held("h", "a:0-7", preemptible=True), job("j", 8)),
        starts={"j": "b:0-7"},
    ),
    "nobody is preempted when it would not be enough": Case(
        cluster(node("a"), held("p", "a:0-3", preemptible=True), held("h", "a:4"), job("j", 8)),
        waits={"j": "no_free_devices"},
    ),
    "nobody is preempted when the quota does not allow the start": Case(
        cluster(
            node("a"), share("red", 4), held("p", "a:0-7", preemptible=True, vc="blue"), job("j", 8)
        ),
        waits={"j": "vc_quota_too_small"},
    ),
    "one large victim rather than two small ones": Case(
        cluster(
            node("a"),
            node("b"),
            held("s1", "a:0-1", preemptible=True),
            held("s2", "a:2-3", preemptible=True),
            held("s3", "a:4-7"),
            held("large", "b:0-7", preemptible=True),
            job("j", 4),
        ),
        preempts={"large": "j"},
        waits={"j": "preempting"},
    ),
    "of victims that suffice the smallest": Case(
        cluster(
            node("a"),
            node("b"),
            held("eight", "a:0-7", preemptible=True, priority=1),
            held("four", "b:0-3", preemptible=True),
            held("firm", "b:4-7"),
            job("j", 4),
        ),
        preempts={"four": "j"},
        waits={"j": "preempting"},
    ),
    "a victim's size counts all its devices": Case(
        cluster(
            node("a", 4),
            node("b", 4),
            node("c", 4),
            held("gang", "a:0-3", "b:0-3", preemptible=True, priority=1),
            held("single", "c:0-3", preemptible=True),
            job("j", 4),
        ),
        preempts={"single": "j"},
        waits={"j": "preempting"},
    ),
    "of equal victims the lowest priority": Case(
        cluster(
            node("a"),
            held("high", "a:0-3", preemptible=True, priority=200),
            held("low", "a:4-7", preemptible=True, priority=50, admitted_at=minutes_ago(600)),
            job("j", 4),
        ),
        preempts={"low": "j"},
        waits={"j": "preempting"},
    ),
    "of equal priority the latest started": Case(
        cluster(
            node("a"),
            held("old", "a:0-3", preemptible=True, admitted_at=minutes_ago(9)),
            held("new", "a:4-7", preemptible=True, admitted_at=minutes_ago(3)),
            job("j", 4),
        ),
        preempts={"new": "j"},
        waits={"j": "preempting"},
    ),
    "what is stopping suffices: nobody else is preempted": Case(
        cluster(
            node("a"),
            held("going", "a:0-3", preemptible=True, stopping=True),
            held("stays", "a:4-7", preemptible=True),
            job("j", 4),
        ),
        waits={"j": "preempting"},
    ),
    "what is stopping is reckoned with: only the rest is preempted": Case(
        cluster(
            node("a"),
            held("going", "a:0-3", stopping=True),
            held("goes", "a:4-7", preemptible=True),
            job("j", 8),
        ),
        preempts={"goes": "j"},
        waits={"j": "preempting"},
    ),
    "a preemptible job waits for what is stopping, too": Case(
        cluster(node("a"), held("going", "a:0-7", stopping=True), job("j", 8, preemptible=True)),
        waits={"j": "preempting"},
    ),
    "the victims' devices are not taken by a later job": Case(
        cluster(
            node("a"),
            held("p", "a:0-3", preemptible=True),
            job("first", 8, waits=2),
            job("later", 4, preemptible=True),
        ),
        preempts={"p": "first"},
        waits={"first": "preempting", "later": "no_free_devices"},
    ),
    "nor in the pass after, by the order alone": Case(
        cluster(
            node("a"),
            held("p", "a:0-3", preemptible=True, stopping=True),
            job("first", 8, waits=2),
            job("later", 4, preemptible=True),
        ),
        waits={"first": "preempting", "later": "no_free_devices"},
    ),
    "what a victim gives back beyond the need is for the next in order": Case(
        cluster(
            node("a"),
            held("p", "a:0-7", preemptible=True),
            job("first", 4, waits=2),
            job("second", 4, waits=1),
        ),
        preempts={"p": "first"},
        waits={"first": "preempting", "second": "preempting"},
    ),
    "victims on several nodes make way for a distributed job": Case(
        cluster(
            node("a"),
            node("b"),
            held("p", "a:0-3", preemptible=True),
            held("q", "b:0-3", preemptible=True),
            job("gang", 8, replicas=2),
        ),
        preempts={"p": "gang", "q": "gang"},
        waits={"gang": "preempting"},
    ),
    "above the quota only jobs of the own virtual cluster are taken": Case(
        cluster(
            node("a"),
            node("b"),
            share("red", 8),
            held("own", "a:0-7", preemptible=True, priority=500),
            held("other", "b:0-3", preemptible=True, vc="blue", priority=1),
            job("j", 4),
        ),
        preempts={"own": "j"},
        waits={"j": "preempting"},
    ),
    "the fewest of the own jobs give back what is too much": Case(
        cluster(
            node("a"),
            node("b"),
            share("red", 8),
            held("one", "a:0", preemptible=True),
            held("two", "a:1-2", preemptible=True),
            held("four", "a:3-6", preemptible=True),
            job("j", 3),
        ),
        preempts={"two": "j"},
        waits={"j": "preempting"},
    ),
    "own jobs in the way are taken before others": Case(
        cluster(
            node("a", 4),
            node("b", 4),
            share("red", 4),
            held("own", "a:0-3", preemptible=True, priority=500),
            held("other", "b:0-3", preemptible=True, vc="blue", priority=1),
            job("j", 4),
        ),
        preempts={"own": "j"},
        waits={"j": "preempting"},
    ),
    "a preemptible job that borrowed gives back to the owner": Case(
        cluster(
            node("a"),
            share("red", 8),
            held("guest", "a:0-7", preemptible=True, vc="blue"),
            job("owner", 8),
            preemptible_scope="cluster",
        ),
        preempts={"guest": "owner"},
        waits={"owner": "preempting"},
    ),
}

PLACEMENT = {
    "the fullest node that has room is taken": Case(
        cluster(node("a"), node("b"), held("h", "b:0-4"), job("j", 2)), starts={"j": "b:5-6"}
    ),
    "of equal nodes the first by name": Case(
        cluster(node("b"), node("a"), job("j", 8)), starts={"j": "a:0-7"}
    ),
    "a cordoned node takes nothing new": Case(
        cluster(node("a", cordoned=True), node("b"), job("j", 1)), starts={"j": "b:0"}
    ),
    "a node that is not ready takes nothing new": Case(
        cluster(node("a", ready=False), node("b"), job("j", 1)), starts={"j": "b:0"}
    ),
    "nobody is preempted on a cordoned node": Case(
        cluster(
            node("a", cordoned=True),
            node("b"),
            held("p", "a:0-7", preemptible=True),
            held("h", "b:0-7"),
            job("j", 8),
        ),
        waits={"j": "no_free_devices"},
    ),
    "without any schedulable node the job waits": Case(
        cluster(node("a", cordoned=True), job("j", 1)), waits={"j": "node_unavailable"}
    ),
    "devices that are free on several nodes do not make one": Case(
        cluster(node("a"), node("b"), held("h", "a:0-3"), held("i", "b:0-3"), job("j", 8)),
        waits={"j": "no_fitting_node"},
    ),
    "foreign devices are the highest free ones": Case(
        cluster(node("a", foreign_devices=2), job("j", 6), job("k", 1, waits=0)),
        starts={"j": "a:0-5"},
        waits={"k": "no_free_devices"},
    ),
    "devices that a node has lost stay counted while they are held": Case(
        cluster(node("a", 6), held("h", "a:6-7"), job("j", 5), job("k", 4, waits=0)),
        starts={"k": "a:0-3"},
        waits={"j": "no_free_devices"},
    ),
    "a distributed job starts whole, on as few nodes as can be": Case(
        cluster(node("a"), node("b"), held("h", "a:0-3"), job("gang", 4, replicas=2)),
        starts={"gang": "b:0-3 b:4-7"},
    ),
    "or not at all": Case(
        cluster(node("a"), node("b"), held("h", "b:0-2"), job("gang", 6, replicas=2)),
        waits={"gang": "gang"},
    ),
    "its last replica goes where it fits best": Case(
        cluster(node("a"), node("b"), node("c"), held("h", "c:0-3"), job("gang", 4, replicas=3)),
        starts={"gang": "a:0-3 a:4-7 c:4-7"},
    ),
    "a job without devices starts on the least loaded node": Case(
        cluster(
            *(node("a"), node("b"), VcShare("red")),
            held("h", "a", device_type=None),
            job("j", 0),
        ),
        starts={"j": "b"},
    ),
    "replicas without devices are spread": Case(
        cluster(
            *(node("a"), node("b"), VcShare("red")),
            job("gang", 0, device_type=None, replicas=4),
        ),
        starts={"gang": "a b a b"},
    ),
    "a job without devices needs a schedulable node": Case(
        cluster(node("a", ready=False), job("j", 0)), waits={"j": "node_unavailable"}
    ),
    "a job without devices starts above any quota": Case(
        cluster(node("a"), VcShare("red"), job("j", 0)), starts={"j": "a"}
    ),
    "a job without devices stays with its device type's nodes": Case(
        cluster(
            *(node("a"), node("n", kind=NPU), VcShare("red")),
            job("j", 0, device_type=NPU),
        ),
        starts={"j": "n"},
    ),
}

RINGS = {
    f"{count} devices come out of one ring": Case(
        cluster(
            node("n", kind=NPU),
            held("h", "n:0-1", device_type=NPU),
            held("i", "n:4-5", device_type=NPU),
            job("j", count, device_type=NPU),
        ),
        starts={"j": place},
    )
    for count, place in ((1, "n:2"), (2, "n:2-3"))
} | {
    "four free as two and two cannot host four": Case(
        cluster(
            node("n", kind=NPU),
            held("h", "n:0-1", device_type=NPU),
            held("i", "n:4-5", device_type=NPU),
            job("j", 4, device_type=NPU),
        ),
        waits={"j": "no_fitting_node"},
    ),
    "eight take the whole node": Case(
        cluster(node("n", kind=NPU), job("j", 8, device_type=NPU)), starts={"j": "n:0-7"}
    ),
    "eight do not take a node in use": Case(
        cluster(
            node("m", kind=NPU),
            node("n", kind=NPU),
            held("h", "m:0", device_type=NPU),
            held("i", "n:7", device_type=NPU),
            job("j", 8, device_type=NPU),
        ),
        waits={"j": "no_fitting_node"},
    ),
    "a broken ring is used up before a whole one": Case(
        cluster(
            node("m", kind=NPU),
            node("n", kind=NPU),
            held("h", "n:4-5", device_type=NPU),
            job("j", 2, device_type=NPU),
        ),
        starts={"j": "n:6-7"},
    ),
    "a victim is one that makes a ring whole": Case(
        cluster(
            node("n", kind=NPU),
            held("firm", "n:0", device_type=NPU),
            held("beside", "n:1", device_type=NPU, preemptible=True, priority=1),
            held("between", "n:6-7", device_type=NPU, preemptible=True),
            job("j", 4, device_type=NPU),
        ),
        preempts={"between": "j"},
        waits={"j": "preempting"},
    ),
}

STARVATION = {
    "a job that has waited too long holds back later ones": Case(
        cluster(node("a"), held("h", "a:0"), job("big", 8, waits=11), job("small", 1)),
        waits={"big": "no_free_devices", "small": "held_back"},
    ),
    "until then it does not": Case(
        cluster(node("a"), held("h", "a:0"), job("big", 8, waits=10), job("small", 1)),
        starts={"small": "a:1"},
        waits={"big": "no_free_devices"},
    ),
    "other virtual clusters are not held back": Case(
        cluster(node("a"), held("h", "a:0"), job("big", 8, waits=11), job("b", 1, vc="blue")),
        starts={"b": "a:1"},
        waits={"big": "no_free_devices"},
    ),
    "jobs that are ahead are not held back": Case(
        cluster(node("a"), held("h", "a:0"), job("big", 8, waits=11), job("up", 1, priority=101)),
        starts={"up": "a:1"},
        waits={"big": "no_free_devices"},
    ),
    "nodes that it could never use are free for others": Case(
        cluster(
            node("a"), node("b", 4), held("h", "a:0"), job("big", 8, waits=11), job("small", 1)
        ),
        starts={"small": "b:0"},
        waits={"big": "no_fitting_node"},
    ),
    "one that needs more than there will ever be holds back nobody": Case(
        cluster(node("a", 4), job("big", 8, waits=11), job("small", 1)),
        starts={"small": "a:0"},
        waits={"big": "no_free_devices"},
    ),
    "one that needs more than its quota holds back nobody": Case(
        cluster(node("a"), share("red", 4), job("big", 8, waits=11), job("small", 1)),
        starts={"small": "a:0"},
        waits={"big": "vc_quota_too_small"},
    ),
    "the quota that it waits for is not eaten up by small ones": Case(
        cluster(
            node("a"),
            node("b"),
            share("red", 8),
            held("h", "a:0"),
            job("big", 8, waits=11),
            job("small", 1),
        ),
        waits={"big": "vc_quota", "small": "held_back"},
    ),
    "one that waits for its user's limit holds back nobody": Case(
        cluster(
            node("a"),
            share("red", 8, limit=4),
            held("h", "a:0"),
            job("big", 4, waits=11),
            job("small", 1),
        ),
        starts={"small": "a:1"},
        waits={"big": "user_limit"},
    ),
    "preemptible jobs use meanwhile what it can have back at any time": Case(
        cluster(
            node("a"),
            held("h", "a:0"),
            job("big", 8, waits=11),
            job("meanwhile", 1, preemptible=True),
        ),
        starts={"meanwhile": "a:1"},
        waits={"big": "no_free_devices"},
    ),
    "a starving preemptible job holds back preemptible ones": Case(
        cluster(
            node("a"),
            held("h", "a:0"),
            job("big", 8, waits=11, preemptible=True),
            job("small", 1, preemptible=True),
        ),
        waits={"big": "no_free_devices", "small": "held_back"},
    ),
}

TWO_TEAMS = (share("red", 16), share("blue", 16))
"""With nodes a, b, c, d of 8 devices."""
A_IS_CLOSED = (node("a", cordoned=True), node("b"), node("c"), node("d"))

SHORTAGE = {
    "a shortage is shared: a VC gets its part, not what is another's": Case(
        cluster(*A_IS_CLOSED, *TWO_TEAMS, job("first", 8), job("second", 4), job("third", 1)),
        starts={"first": "b:0-7", "second": "c:0-3"},
        waits={"third": "vc_shortage"},
    ),
    "the other VC has its part of it too": Case(
        cluster(
            *A_IS_CLOSED,
            *TWO_TEAMS,
            held("h", "b:0-7"),
            held("i", "c:0-3"),
            job("eight", 8, vc="blue"),
            job("four", 4, vc="blue"),
        ),
        starts={"eight": "d:0-7", "four": "c:4-7"},
    ),
    "who runs above his part goes on, and gets no more": Case(
        cluster(*A_IS_CLOSED, *TWO_TEAMS, held("h", "b:0-7"), held("i", "c:0-5"), job("j", 1)),
        waits={"j": "vc_shortage"},
    ),
    "what still runs on a closed node counts against the quota alone": Case(
        cluster(*A_IS_CLOSED, *TWO_TEAMS, held("h", "a:0-7"), job("eight", 8), job("one", 1)),
        starts={"eight": "b:0-7"},
        waits={"one": "vc_quota"},
    ),
    "a single VC has all that is left": Case(
        cluster(
            *(node("a", cordoned=True), node("b"), share("red", 16)),
            *(held("h", "a:0-7"), job("j", 8)),
        ),
        starts={"j": "b:0-7"},
    ),
    "a node that is gone is missing like a cordoned one": Case(
        cluster(node("b"), node("c"), node("d"), *TWO_TEAMS, job("big", 8), job("more", 8)),
        starts={"big": "b:0-7"},
        waits={"more": "vc_shortage"},
    ),
    "devices that others use are missing too": Case(
        cluster(node("a", foreign_devices=4), share("red", 8), job("four", 4), job("one", 1)),
        starts={"four": "a:0-3"},
        waits={"one": "vc_shortage"},
    ),
    "preemptible jobs of a VC keep to its part": Case(
        cluster(
            *A_IS_CLOSED,
            *TWO_TEAMS,
            held("h", "b:0-7", preemptible=True),
            job("four", 4, preemptible=True),
            job("one", 1, preemptible=True),
        ),
        starts={"four": "c:0-3"},
        waits={"one": "vc_shortage"},
    ),
    "with scope cluster they borrow what is idle": Case(
        cluster(
            *A_IS_CLOSED,
            *TWO_TEAMS,
            *(held("h", "b:0-7", preemptible=True), job("j", 8, preemptible=True)),
            preemptible_scope="cluster",
        ),
        starts={"j": "c:0-7"},
    ),
    "a start above the part preempts in its own VC first": Case(
        cluster(
            *A_IS_CLOSED,
            *TWO_TEAMS,
            held("old", "b:0-3", preemptible=True, admitted_at=minutes_ago(9)),
            held("new", "b:4-7", preemptible=True, admitted_at=minutes_ago(3)),
            job("j", 8),
        ),
        preempts={"new": "j"},
        waits={"j": "preempting"},
    ),
    "for the part nobody is preempted on a closed node": Case(
        cluster(
            *A_IS_CLOSED,
            *TWO_TEAMS,
            held("closed", "a:0-1", preemptible=True, admitted_at=minutes_ago(1)),
            held("open", "b:0-7", preemptible=True, admitted_at=minutes_ago(9)),
            job("j", 6),
        ),
        preempts={"open": "j"},
        waits={"j": "preempting"},
    ),
    "nobody else is held back for a job above the VC's part": Case(
        cluster(
            *(node("a", cordoned=True), node("b"), share("red", 8), share("blue", 8)),
            *(job("big", 8, waits=99), job("small", 4)),
        ),
        starts={"small": "b:0-3"},
        waits={"big": "vc_shortage"},
    ),
    "small jobs do not take for ever what a large one needs of the part": Case(
        cluster(
            *(node("a", cordoned=True), node("b"), share("red", 8), share("blue", 8)),
            *(held("h", "b:0"), job("big", 4, waits=99), job("small", 1)),
        ),
        waits={"big": "vc_shortage", "small": "held_back"},
    ),
    "without any node that takes jobs that is the reason": Case(
        cluster(node("a", cordoned=True), share("red", 8), job("j", 1)),
        waits={"j": "node_unavailable"},
    ),
}

CASES = ORDER | OWNERS | QUOTA | PREEMPTION | PLACEMENT | RINGS | STARVATION | SHORTAGE


@pytest.mark.parametrize("sentence", CASES)
def test_rule(sentence: str) -> None:
    case = CASES[sentence]
    made = plan(case.snapshot, NOW)
    assert started(made) == case.starts
    assert victims(made) == case.preempts
    assert reasons(made) == case.waits


MESSAGES = {
    "The virtual cluster's quota is in use: 3 of 4 gpu, 2 needed.": cluster(
        node("a"), share("red", 4), held("h", "a:0-2"), job("j", 2)
    ),
    "The virtual cluster may use 4 of its 8 gpu now: 3 in use, 2 needed. Nodes that take jobs"
    " have 8 of the 16 devices given to virtual clusters (1 nodes cordoned, 0 not ready).": cluster(
        *(node("a"), node("b", cordoned=True), share("red", 8), share("blue", 8)),
        *(held("h", "a:0-2"), job("j", 2)),
    ),
    "The limit per user in this virtual cluster is reached: 1 of 2 gpu, 2 needed.": cluster(
        node("a"), share("red", 8, limit=2), held("h", "a:0"), job("j", 2)
    ),
    "Not enough free devices: 3 gpu free, 4 needed.": cluster(
        node("a"), held("h", "a:0-4"), job("j", 4)
    ),
    "9 gpu are free, but no node has 6 together (the most on one node is 5).": cluster(
        node("a"), node("b"), held("h", "a:0-2"), held("i", "b:0-3"), job("j", 6)
    ),
    "4 npu are free, but no node has 4 together (the most on one node is 2).": cluster(
        node("n", kind=NPU),
        held("h", "n:0-1", device_type=NPU),
        held("i", "n:4-5", device_type=NPU),
        job("j", 4, device_type=NPU),
    ),
    "Needs 6 gpu on each of 2 nodes at once; 1 nodes have room now.": cluster(
        node("a"), node("b"), held("h", "b:0-2"), job("j", 6, replicas=2)
    ),
    "No schedulable node with gpu: 1 cordoned, 2 not ready.": cluster(
        node("a", cordoned=True),
        node("b", ready=False),
        node("c", ready=False, cordoned=True),
        node("n", kind=NPU),
        job("j", 1),
    ),
    "Waiting for 5 devices that preempted jobs are giving back.": cluster(
        node("a"), held("p", "a:0-4", preemptible=True), job("j", 8)
    ),
    "The cluster could not start it; the next try is at 2026-01-01T12:01:00.000000Z.": cluster(
        node("a"), job("j", not_before=NOW + timedelta(minutes=1))
    ),
    "The cluster does not answer; last seen 2026-01-01T11:58:00.000000Z.": cluster(
        node("a"), job("j"), cluster_reachable=False, cluster_seen_at=minutes_ago(2)
    ),
    "The virtual cluster gone no longer exists.": cluster(node("a"), job("j", vc="gone")),
}


@pytest.mark.parametrize("message", MESSAGES)
def test_the_numbers_of_a_wait(message: str) -> None:
    assert plan(MESSAGES[message], NOW).waiting["j"].reason.message == message


def test_who_is_held_back_is_told_for_whom() -> None:
    made = plan(cluster(node("a"), held("h", "a:0"), job("big", 8, waits=11), job("small", 1)), NOW)
    assert made.waiting["small"].reason.numbers == {"for_job": "big"}


def test_a_line_is_the_virtual_cluster_and_the_device_type() -> None:
    made = plan(
        cluster(
            node("a", cordoned=True),
            job("third", 1, preemptible=True),
            job("first", 1, waits=3),
            job("second", 1, waits=2),
            job("elsewhere", 1, vc="blue"),
            job("other", 1, device_type=NPU),
        ),
        NOW,
    )
    assert {job_id: w.position for job_id, w in made.waiting.items()} == {
        "first": 1,
        "second": 2,
        "third": 3,
        "elsewhere": 1,
        "other": 1,
    }
    assert made.waiting["third"].ahead == ("first", "second")


def test_at_most_ten_of_those_ahead_are_named() -> None:
    waiting = [job(f"j{n:02}", 1, waits=99 - n) for n in range(15)]
    made = plan(cluster(node("a", cordoned=True), *waiting), NOW)
    assert made.waiting["j14"].position == 15
    assert made.waiting["j14"].ahead == tuple(f"j{n:02}" for n in range(10))


def test_the_reserved_place_is_kept_when_the_demand_brings_it_back() -> None:
    snapshot = cluster(node("a"), node("b"), job("j", 4, reserved=(slot("b:2-5"),)))
    assert started(plan(snapshot, NOW)) == {"j": "b:2-5"}


@pytest.mark.parametrize(
    "place", ["b:0-2", "b:5-8", "gone:0-3", "c:0-3"], ids=["size", "index", "node", "held"]
)
def test_a_reserved_place_that_is_no_more_is_forgotten(place: str) -> None:
    snapshot = cluster(
        node("a"), node("b"), node("c"), held("h", "c:0"), job("j", 4, reserved=(slot(place),))
    )
    assert started(plan(snapshot, NOW)) == {"j": "c:1-4"}


def test_a_preview_says_where_a_job_would_start() -> None:
    snapshot = cluster(node("a"), held("h", "a:0-3"))
    assert preview(snapshot, job("new", 4), NOW) == Admission("new", (slot("a:4-7"),))


def test_a_preview_says_why_a_job_would_wait_and_behind_whom() -> None:
    snapshot = cluster(node("a"), held("h", "a:0-3"), job("ahead", 8, waits=5))
    answer = preview(snapshot, job("new", 8), NOW)
    assert isinstance(answer, Waiting)
    assert (answer.position, answer.ahead) == (2, ("ahead",))
    assert answer.reason.code == "no_free_devices"


def test_a_preview_of_a_waiting_job_replaces_it() -> None:
    snapshot = cluster(node("a"), held("h", "a:0-3"), job("j", 8))
    assert preview(snapshot, job("j", 4), NOW) == Admission("j", (slot("a:4-7"),))


def test_a_back_off_says_what_the_trouble_was() -> None:
    trouble = Reason("cluster_quota", {"tries": 3, "detail": "exceeded quota: gpus"})
    later = NOW + timedelta(seconds=60)
    waits = cluster(
        node("a"), job("told", not_before=later, trouble=trouble), job("untold", not_before=later)
    )
    made = plan(waits, NOW).waiting
    numbers = {**trouble.numbers, "until": rfc3339(later)}
    assert made["told"].reason == Reason("cluster_quota", numbers)
    assert made["untold"].reason == Reason("back_off", {"until": rfc3339(later)})
    assert plan(waits, later).waiting == {}
