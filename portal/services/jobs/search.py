"""Jobs by a part of the name or the beginning of the id, wherever they are."""

from __future__ import annotations

import re
from typing import Any

from portal.domain.job_state import ACTIVE
from portal.domain.permission import Actor, Permission
from portal.models import JobRow
from portal.services.records.job_views import summary

MOST = 6
_ID = re.compile(r"[0-9a-f]{4}[0-9a-f-]{0,32}")


def find_jobs(actor: Actor, text: str, most: int = MOST) -> list[dict[str, Any]]:
    """The actor's newest jobs that match, then those of others that they may see.

    Of others' the active ones are searched by name, all of them by id.
    """
    wanted = text.strip()
    if not wanted:
        return []
    mine = JobRow.user_id == actor.user_id
    name = JobRow.name.contains(wanted)
    found = _newest(mine & name, most)
    by_id = _id_range(wanted.lower())
    everybody = actor.may(Permission.VIEW_ALL_JOBS)
    if by_id is not None:
        found += _newest(by_id if everybody else by_id & mine, most)
    if everybody and len(found) < most:
        active = JobRow.state.in_([state.value for state in ACTIVE])
        found += _newest(active & (JobRow.user_id != actor.user_id) & name, most)
    once = {row.id: row for row in found}
    return [summary(row) for row in list(once.values())[:most]]


def _newest(condition: Any, most: int) -> list[Any]:
    order = (JobRow.submitted_at.desc(), JobRow.id)
    return list(JobRow.select().where(condition).order_by(*order).limit(most))


def _id_range(text: str) -> Any | None:
    """Ids that begin with ``text``, by the index; ``None`` when it begins none."""
    if not _ID.fullmatch(text):
        return None
    return (JobRow.id >= text) & (JobRow.id < text + "g")
