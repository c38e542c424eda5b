"""The accounts' part of the init step: tables, permissions, roles, the first administrator.

Called by ``portal.processes.initialise``, never by a process that serves.
"""

from __future__ import annotations

from flask import Flask

from portal.settings import Settings
from portal.web.app import make_flask
from portal.web.security import presets
from portal.web.security.manager import security_manager

ADMIN_ROLE = "System Admin"


class AccountRefused(Exception):
    """An account cannot be made; the text says why."""


def make_tables(settings: Settings) -> Flask:
    """Make Flask-AppBuilder's tables and permissions where they are missing."""
    return make_flask(settings, initialising=True)


def seed_roles(app: Flask) -> None:
    """Make the preset roles and the platform's permissions."""
    with app.app_context():
        presets.seed(security_manager())


def make_first_admin(app: Flask, username: str, password: str) -> bool:
    """Make an administrator when there is no user yet; True if made."""
    with app.app_context():
        if security_manager().count_users():
            return False
    make_admin(app, username, password)
    return True


def make_admin(app: Flask, username: str, password: str) -> None:
    """Make a user who may do everything, or raise :class:`AccountRefused`."""
    with app.app_context():
        manager = security_manager()
        if manager.find_user(username=username):
            raise AccountRefused(f"there is a user {username} already")
        made = manager.add_user(
            username,
            first_name=username,
            last_name="",
            email=f"{username}@users.invalid",
            role=manager.find_role(ADMIN_ROLE),
            password=password,
        )
        if not made:
            raise AccountRefused(f"the user {username} was refused; the log says why")
