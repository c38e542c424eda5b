"""Keeping new work off a node, and letting it in again: an administrator's act."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from portal.domain.errors import Forbidden, NotFound
from portal.domain.permission import Actor, Permission
from portal.models import NodeRow
from portal.models.db import database, let_go
from portal.ports import Cluster, Events, Queue
from portal.services.records import audit


class Cordoner:
    """Cordons and uncordons nodes.

    It takes devices from every virtual cluster or gives them back, so it needs the permission
    that shares them out, Manage VC; System Admin has it.
    """

    def __init__(
        self, cluster: Cluster, queue: Queue, events: Events, clock: Callable[[], datetime]
    ) -> None:
        self._cluster = cluster
        self._queue = queue
        self._events = events
        self._clock = clock

    def set_cordoned(self, actor: Actor, name: str, cordoned: bool) -> None:
        """Cordon the node, or end that; running jobs stay. Repeating it changes nothing.

        Raises ``Forbidden``, ``NotFound``, and ``TemporaryFailure`` when the cluster does not
        answer.
        """
        if not may_cordon(actor):
            raise Forbidden("Cordoning a node needs the permission Manage VC")
        where = (NodeRow.cluster == self._cluster.name) & (NodeRow.name == name)
        row = NodeRow.get_or_none(where)
        if row is None:
            raise NotFound("There is no node of this name")
        let_go()
        self._cluster.set_cordoned(name, cordoned)
        with database.atomic():
            # The watch will say the same in a moment; the one who asked sees it at once.
            NodeRow.update(cordoned=cordoned).where(where).execute()
            if row.cordoned != cordoned:
                audit.record(
                    actor,
                    "node.cordon" if cordoned else "node.uncordon",
                    "node",
                    name,
                    at=self._clock(),
                )
        self._events.publish("nodes", self._cluster.name)
        self._queue.enqueue("admit", key="admit")


def may_cordon(actor: Actor) -> bool:
    """Whether they may cordon nodes."""
    return actor.may(Permission.MANAGE_VC)
