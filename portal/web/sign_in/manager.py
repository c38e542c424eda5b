"""The security manager: Flask-AppBuilder's accounts with our sign-in and permission look-up."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from flask import current_app, g
from flask_appbuilder.security.sqla.manager import SecurityManager
from flask_appbuilder.security.sqla.models import User
from flask_jwt_extended import JWTManager
from sqlalchemy import func, or_, select

import portal.people.columns
import portal.people.identities  # noqa: F401  (both add to the tables)
from portal.http.access import grants
from portal.http.problems import problem
from portal.people import api_keys
from portal.people.account_fields import storable
from portal.people.passwords import is_right
from portal.web.sign_in.page import SignInView
from portal.web.sign_in.tokens import TokenApi


class AoliSecurityManager(SecurityManager):  # type: ignore[misc]
    """Registers the sign-in page and the token API, and nothing else of Flask-AppBuilder's."""

    authdbview = SignInView
    security_api = TokenApi

    def register_views(self) -> None:
        """Only what the product shows; its own pages manage users, groups and roles."""
        self.appbuilder.add_api(self.security_api)
        self.user_view = self.userdbmodelview
        self.auth_view = self.authdbview()
        self.appbuilder.add_view_no_menu(self.auth_view)

    def load_user(self, pk: str) -> User | None:
        """The user of a session (``id.epoch``) or of a token (``id``), unless ended or disabled."""
        number, _, epoch = str(pk).partition(".")
        user = self.session.get(User, int(number)) if number.isdecimal() else None
        if user is None or not user.active:
            return None
        if epoch and epoch != str(user.session_epoch or 0):
            return None
        return user

    def load_user_jwt(self, _header: Any, claims: dict[str, Any]) -> User | None:
        """The user of a token; a token from before the password was changed is worthless."""
        user = self.load_user(claims["sub"])
        changed = user.password_changed_on if user is not None else None
        if changed is not None and claims["iat"] < int(changed.replace(tzinfo=UTC).timestamp()):
            return None
        if user is not None:
            g.user = user
        return user

    def end_sessions(self, user: User) -> None:
        """Make every session cookie of the user worthless."""
        user.session_epoch = (user.session_epoch or 0) + 1
        self.session.commit()

    def auth_user_db(self, username: str, password: str) -> User | None:
        """The account of a name (or e-mail address) and its password.

        As slow for an account that does not exist or is disabled as for a wrong password, and
        with the same writes (none), so that nobody learns which accounts there are.
        """
        user = self.account_named(username)
        if not self.opens(user, password):
            return None
        self.note_sign_in(user)
        return user

    def account_named(self, typed: str) -> User | None:
        """The account of a name or an e-mail address, in any case: neither is there twice.

        Where an older version has left two that differ in case alone, each has its exact name.
        """
        typed = storable(typed).strip()
        small = typed.lower()
        named = or_(
            User.username == typed,
            User.email == typed,
            func.lower(User.username) == small,
            func.lower(User.email) == small,
        )
        found = list(self.session.scalars(select(User).where(named).limit(4)))
        for exact in (User.username.key, User.email.key):
            for one in found:
                if getattr(one, exact) == typed:
                    return one
        return found[0] if len(found) == 1 else None

    def opens(self, user: User | None, password: str) -> bool:
        """Whether the password is that of an account that may sign in; as slow for none."""
        right = is_right(user.password if user is not None else None, password)
        return right and user is not None and bool(user.active)

    def note_sign_in(self, user: User) -> None:
        """Count a sign-in."""
        user.login_count = (user.login_count or 0) + 1
        user.last_login = datetime.now(UTC).replace(tzinfo=None)
        self.session.commit()

    def validate_api_key(self, api_key_string: str) -> User | None:
        """The user of an API key, who is then the one who asks."""
        user = api_keys.owner(self.session, api_key_string)
        if user is not None:
            g.user = user
        return user

    def has_access(self, permission_name: str, view_name: str) -> bool:
        """Flask-AppBuilder's own question, answered by our one query."""
        return (permission_name, view_name) in grants().pairs

    def create_jwt_manager(self, app: Any) -> JWTManager:
        """Tokens that are missing, broken or expired are 401 with a problem document."""
        manager: JWTManager = super().create_jwt_manager(app)
        manager.unauthorized_loader(lambda why: problem(401, why))
        manager.invalid_token_loader(lambda why: problem(401, why))
        manager.expired_token_loader(lambda header, data: problem(401, "The token has expired."))
        manager.user_lookup_error_loader(
            lambda header, data: problem(401, "The token's user no longer exists.")
        )
        return manager


def security_manager() -> AoliSecurityManager:
    """The manager of the running application."""
    manager: AoliSecurityManager = current_app.appbuilder.sm  # type: ignore[attr-defined]
    return manager
