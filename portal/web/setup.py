"""The init step: tables, permissions, preset roles and the first administrator.

Run before any web process starts (``aoli db upgrade``, ``aoli up``); safe to repeat. Web
processes themselves never make tables: four of them on an empty database would race.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from flask_appbuilder.security.sqla.models import User
from sqlalchemy import select

from portal.domain.permission import PRESET_ROLES
from portal.settings import Settings
from portal.web.app import make_flask
from portal.web.security import presets
from portal.web.security.manager import AoliSecurityManager, security_manager
from portal.wiring import Portal, upgrade

ADMIN_ROLE = next(iter(PRESET_ROLES))
MAIL_PLACEHOLDER = "{username}@users.invalid"
"""Flask-AppBuilder wants a unique address for every account; this one can receive nothing."""


@dataclass(frozen=True, slots=True)
class Initialised:
    """What was done. ``password`` is set when an administrator was made with a random one."""

    migrations: list[str]
    administrator: str = ""
    password: str = ""


def initialise_database(portal: Portal) -> Initialised:
    """Bring the database up to date and make what the first start needs."""
    app = make_flask(portal.settings, initialising=True)
    with app.app_context():
        applied = upgrade(portal)
        manager = security_manager()
        presets.seed(manager)
        name, password = _first_administrator(manager, portal.settings)
    return Initialised(applied, name, password)


def _first_administrator(manager: AoliSecurityManager, settings: Settings) -> tuple[str, str]:
    """One administrator, if there is nobody yet; never with a well-known password."""
    if manager.session.scalar(select(User.id).limit(1)) is not None:
        return "", ""
    given = settings.admin_password.get_secret_value()
    password = given or secrets.token_urlsafe(12)
    create_user(manager, settings.admin_username, password, roles=(ADMIN_ROLE,))
    return settings.admin_username, "" if given else password


def create_user(
    manager: AoliSecurityManager,
    username: str,
    password: str,
    *,
    roles: tuple[str, ...] = (),
    nickname: str = "",
    email: str = "",
) -> User:
    """Make an account with roles by name; raises ``ValueError`` when the name is taken."""
    if manager.find_user(username=username) is not None:
        raise ValueError(f"there is an account {username} already")
    user = manager.add_user(
        username=username,
        first_name=nickname or username,
        last_name="",
        email=email or MAIL_PLACEHOLDER.format(username=username),
        role=[manager.find_role(name) for name in roles],
        password=password,
    )
    if not user:
        raise ValueError(f"the account {username} could not be made")
    user.nickname = nickname or username
    manager.session.commit()
    return user


def create_administrator(portal: Portal, username: str, password: str) -> None:
    """Make an account with every permission; for ``aoli user create-admin``."""
    app = make_flask(portal.settings, initialising=False)
    with app.app_context():
        create_user(security_manager(), username, password, roles=(ADMIN_ROLE,))
