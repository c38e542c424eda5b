"""Which owners of waiting jobs may not start anything now, and why.

An account that was disabled, one without a role that allows submitting, one that was taken out
of the virtual cluster: their jobs stay in the queue and start when the right returns.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import peewee

from portal.domain.permission import STORED_PREFIX, STORED_VIEW, Permission
from portal.domain.reason import Reason
from portal.models import GroupMemberRow, GroupRow, UserRow
from portal.models.db import database
from portal.models.user import (
    GroupRoleRow,
    PermissionRow,
    PermissionViewRow,
    RoleGrantRow,
    UserRoleRow,
    ViewRow,
)
from portal.services.queueing.heads import ask, spelled, waits
from portal.services.vcs import reading as virtual_clusters


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose a waiting job is, and in which virtual cluster."""

    user_id: int
    username: str
    vc: str


OWNERS = waits("job_owner")
Barred = dict[tuple[str, str], Reason]
"""By virtual cluster and username: why the jobs of this owner do not start there."""


def of_waiting() -> dict[Owner, int]:
    """Whose jobs wait, and how many of each."""
    columns = "user_id, username, vc"
    found = ask(f"SELECT {columns}, COUNT(*) {OWNERS} GROUP BY {columns}")
    return {Owner(*owner): number for *owner, number in found}


class Owners:
    """Reads rights of the moment; three queries, whatever the number of owners."""

    def __init__(self) -> None:
        self._accounts_are_here = False

    def barred(self, owners: Collection[Owner]) -> Barred:
        """Those of ``owners`` who may not start anything, with the reason."""
        if not owners:
            return {}
        accounts, members = self._accounts(), virtual_clusters.all_members()
        groups = _groups({name for one in members.values() for name in one["groups"]})
        found: Barred = {}
        for owner in owners:
            why = _account_bar(owner, accounts)
            if why is None and not virtual_clusters.belongs(
                owner.username, groups[owner.user_id], members[owner.vc]
            ):
                why = "not_member"
            if why is not None:
                numbers = {"user": owner.username, "vc": owner.vc, "why": why}
                found[owner.vc, owner.username] = Reason("owner", numbers)
        return found

    def _accounts(self) -> dict[int, tuple[bool, bool]] | None:
        """Of each owner of a waiting job: is active, may submit. ``None`` without accounts.

        Flask-AppBuilder makes the tables of accounts; a portal that serves no pages yet has
        none.
        """
        if not self._accounts_are_here:
            self._accounts_are_here = database.table_exists(RoleGrantRow)
        if not self._accounts_are_here:
            return None
        waiting = peewee.SQL(f"(SELECT user_id {spelled(OWNERS)})")
        rows: Any = (
            UserRow.select(UserRow.id, UserRow.active, UserRow.id.in_(_who_may_submit()))
            .where(UserRow.id.in_(waiting))
            .tuples()
        )
        return {user_id: (bool(active), bool(may)) for user_id, active, may in rows}


def _account_bar(owner: Owner, accounts: Mapping[int, tuple[bool, bool]] | None) -> str | None:
    if accounts is None:
        return None
    if owner.user_id not in accounts:
        return "gone"
    active, may_submit = accounts[owner.user_id]
    if not active:
        return "disabled"
    return None if may_submit else "no_role"


def _who_may_submit() -> Any:
    """Ids of users with a role, their own or a group's, that allows submitting jobs."""
    code = f"{STORED_PREFIX}{Permission.SUBMIT_JOB.value}"
    pairs = PermissionViewRow.select(PermissionViewRow.id).where(
        PermissionViewRow.permission_id.in_(
            PermissionRow.select(PermissionRow.id).where(PermissionRow.name == code)
        ),
        PermissionViewRow.view_menu_id.in_(
            ViewRow.select(ViewRow.id).where(ViewRow.name == STORED_VIEW)
        ),
    )
    roles = RoleGrantRow.select(RoleGrantRow.role_id).where(
        RoleGrantRow.permission_view_id.in_(pairs)
    )
    own = UserRoleRow.select(UserRoleRow.user_id).where(UserRoleRow.role_id.in_(roles))
    groups = GroupRoleRow.select(GroupRoleRow.group_id).where(GroupRoleRow.role_id.in_(roles))
    through = GroupMemberRow.select(GroupMemberRow.user_id).where(
        GroupMemberRow.group_id.in_(groups)
    )
    return own | through


def _groups(names: Collection[str]) -> dict[int, set[str]]:
    """By user id: those of the groups that they are in. No question when no VC lists a group."""
    found: dict[int, set[str]] = defaultdict(set)
    if names:
        rows: Any = (
            GroupMemberRow.select(GroupMemberRow.user_id, GroupRow.name)
            .join(GroupRow, on=GroupRow.id == GroupMemberRow.group_id)
            .where(GroupRow.name.in_(list(names)))
            .tuples()
        )
        for user_id, name in rows:
            found[user_id].add(name)
    return found
