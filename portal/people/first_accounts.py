"""The parts of the init step that belong to accounts: preset roles, administrators.

Run before any web process starts (``aoli db upgrade``, ``aoli up``); safe to repeat. They
need an application whose tables are made (:func:`portal.application.make_tables`).
"""

from __future__ import annotations

from flask import Flask, current_app
from flask_appbuilder.security.sqla.manager import SecurityManager
from flask_appbuilder.security.sqla.models import User
from sqlalchemy import select

from portal.domain.permission import PRESET_ROLES
from portal.people import presets
from portal.people.account_fields import USERNAME, stored_email

ADMIN_ROLE = next(iter(PRESET_ROLES))


class AccountRefused(Exception):
    """An account cannot be made; the text says why."""


def security_manager() -> SecurityManager:
    """Flask-AppBuilder's manager of the running application."""
    return current_app.appbuilder.sm  # type: ignore[attr-defined]


def seed_roles(app: Flask) -> None:
    """Make the permissions and the preset roles."""
    with app.app_context():
        presets.seed(security_manager())


def make_first_admin(app: Flask, username: str, password: str) -> bool:
    """Make one administrator if there is nobody yet; whether they were made."""
    with app.app_context():
        manager = security_manager()
        if manager.session.scalar(select(User.id).limit(1)) is not None:
            return False
        create_user(manager, username, password, roles=(ADMIN_ROLE,))
        return True


def make_admin(app: Flask, username: str, password: str) -> None:
    """Make another administrator; raises :class:`AccountRefused`."""
    with app.app_context():
        manager = security_manager()
        presets.seed(manager)
        create_user(manager, username, password, roles=(ADMIN_ROLE,))


def create_user(
    manager: SecurityManager,
    username: str,
    password: str,
    *,
    roles: tuple[str, ...] = (),
    nickname: str = "",
    email: str = "",
) -> User:
    """Make an account with roles by name; raises :class:`AccountRefused`."""
    if not USERNAME.fullmatch(username):
        raise AccountRefused("a username has 3 to 64 letters, digits and . _ -")
    if not password:
        raise AccountRefused("a password is needed")
    if manager.find_user(username=username) is not None:
        raise AccountRefused(f"there is an account {username} already")
    user = manager.add_user(
        username=username,
        first_name=nickname or username,
        last_name="",
        email=stored_email(username, email),
        role=[manager.find_role(name) for name in roles],
        password=password,
    )
    if not user:
        raise AccountRefused(f"the account {username} could not be made")
    user.nickname = nickname or username
    manager.session.commit()
    return user
