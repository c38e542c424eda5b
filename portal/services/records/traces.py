"""What our own tables know of users and groups, for whoever administers them."""

from __future__ import annotations

from collections.abc import Iterable

from portal.domain.job_state import TERMINAL
from portal.models import JobRow, VcMemberRow


def unfinished_jobs(username: str) -> int:
    """How many jobs of a user have not ended."""
    ended = [state.value for state in TERMINAL]
    return int(
        JobRow.select().where(JobRow.username == username, JobRow.state.not_in(ended)).count()
    )


def remembered(usernames: Iterable[str]) -> set[str]:
    """Those of the names that jobs or virtual clusters still know.

    A new account must not come into what belonged to somebody of the same name.
    """
    names = list(usernames)
    of_jobs = JobRow.select(JobRow.username).where(JobRow.username.in_(names)).distinct()
    of_vcs = VcMemberRow.select(VcMemberRow.name).where(
        VcMemberRow.kind == "user", VcMemberRow.name.in_(names)
    )
    return {row.username for row in of_jobs} | {row.name for row in of_vcs}


def vcs_of_group(name: str) -> list[str]:
    """The virtual clusters that list a group as a member."""
    rows = (
        VcMemberRow.select(VcMemberRow.vc)
        .where(VcMemberRow.kind == "group", VcMemberRow.name == name)
        .order_by(VcMemberRow.vc)
    )
    return [row.vc for row in rows]
