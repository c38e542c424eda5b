"""Who may do what: the seven permissions, and the rules for jobs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Permission(StrEnum):
    """The platform's permissions; plugins may add others beside them."""

    SUBMIT_JOB = "submit_job"
    MANAGE_VC = "manage_vc"
    VIEW_VC = "view_vc"
    VIEW_ALL_JOBS = "view_all_jobs"
    MANAGE_ALL_JOBS = "manage_all_jobs"
    VIEW_CLUSTER = "view_cluster"
    MANAGE_USERS = "manage_users"


STORED_VIEW = "PlatformPermission"
"""Under this name Flask-AppBuilder keeps the platform's permissions ..."""
STORED_PREFIX = "can_"
"""... each with this before its code."""

PRESET_ROLES: dict[str, tuple[Permission, ...]] = {
    "System Admin": tuple(Permission),
    "User": (
        Permission.SUBMIT_JOB,
        Permission.VIEW_VC,
        Permission.VIEW_CLUSTER,
        Permission.VIEW_ALL_JOBS,
    ),
}
"""Roles that every portal has and nobody can delete."""


def with_implied(codes: frozenset[str]) -> frozenset[str]:
    """The permissions with those they include: managing all jobs includes seeing them."""
    if Permission.MANAGE_ALL_JOBS in codes:
        return codes | {Permission.VIEW_ALL_JOBS.value}
    return codes


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks: a signed-in user with what their roles and their groups' roles allow.

    ``address`` is where the request came from, for the audit log.
    """

    user_id: int
    username: str
    permissions: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    nickname: str = ""
    roles: tuple[str, ...] = ()
    address: str = ""

    def may(self, permission: Permission) -> bool:
        """Whether they hold ``permission``; managing all jobs includes seeing them."""
        return permission in with_implied(self.permissions)

    @property
    def anything(self) -> bool:
        """Whether they hold any permission at all; else only their account page is theirs."""
        return bool(self.permissions)


def may_see_job(actor: Actor, owner_id: int) -> bool:
    """The owner, and whoever may view all users' jobs."""
    return actor.user_id == owner_id or actor.may(Permission.VIEW_ALL_JOBS)


def may_manage_job(actor: Actor, owner_id: int) -> bool:
    """The owner, and whoever may manage all users' jobs."""
    return actor.user_id == owner_id or actor.may(Permission.MANAGE_ALL_JOBS)
