"""The services of administrators, kept on the application for pages and API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from flask import Flask, current_app
from sqlalchemy.orm import Session

from portal.people.accounts import Accounts
from portal.people.groups import Groups
from portal.people.passwords import PasswordPolicy
from portal.people.roles import Roles
from portal.settings import Settings

_KEY = "aoli-administration"


@dataclass(frozen=True, slots=True)
class Administration:
    """Users, groups and roles; ``policy`` says what a good password is."""

    users: Accounts
    groups: Groups
    roles: Roles
    policy: PasswordPolicy


def session() -> Session:
    """The request's session of Flask-AppBuilder's database."""
    return cast(Session, current_app.appbuilder.session)  # type: ignore[attr-defined]


def install(app: Flask, settings: Settings) -> None:
    """Put the services on the application."""
    policy = PasswordPolicy.of(settings)
    app.extensions[_KEY] = Administration(
        users=Accounts(session, policy),
        groups=Groups(session),
        roles=Roles(session),
        policy=policy,
    )


def administration() -> Administration:
    """The services of the running application."""
    found: Administration = current_app.extensions[_KEY]
    return found
