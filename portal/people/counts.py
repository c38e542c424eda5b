"""How many accounts, groups and roles there are: one query."""

from __future__ import annotations

from dataclasses import dataclass

from flask_appbuilder.security.sqla.models import Group, Role, User
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.people.grants import HIDDEN_ROLES


@dataclass(frozen=True, slots=True)
class Counts:
    """How many there are."""

    users: int
    groups: int
    roles: int


def count_people(session: Session) -> Counts:
    """Flask-AppBuilder's own roles do not count."""
    wanted = (
        select(func.count()).select_from(User).scalar_subquery(),
        select(func.count()).select_from(Group).scalar_subquery(),
        select(func.count()).where(Role.name.not_in(HIDDEN_ROLES)).scalar_subquery(),
    )
    return Counts(*session.execute(select(*wanted)).one())
