"""The security manager: Flask-AppBuilder's accounts with our sign-in and permission look-up."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from flask import current_app, g
from flask_appbuilder.security.sqla.models import User
from flask_jwt_extended import JWTManager

from portal.http.access import grants
from portal.http.problems import problem
from portal.people import api_keys
from portal.people.account_manager import AccountManager
from portal.web.sign_in.page import SignInView
from portal.web.sign_in.tokens import TokenApi


class AoliSecurityManager(AccountManager):
    """Registers the sign-in page and the token API, and nothing else of Flask-AppBuilder's."""

    authdbview = SignInView
    security_api = TokenApi

    def register_views(self) -> None:
        """Only what the product shows; its own pages manage users, groups and roles."""
        self.appbuilder.add_api(self.security_api)
        self.user_view = self.userdbmodelview
        self.auth_view = self.authdbview()
        self.appbuilder.add_view_no_menu(self.auth_view)

    def load_user_jwt(self, _header: Any, claims: dict[str, Any]) -> User | None:
        """The user of a token, which ends with the user's sessions: by logging out, being
        disabled, or another password. A refresh token hands on what it was made for.
        """
        user = self.load_user(claims["sub"]) if "." in str(claims["sub"]) else None
        changed = user.password_changed_on if user is not None else None
        if changed is not None and claims["iat"] < int(changed.replace(tzinfo=UTC).timestamp()):
            return None
        if user is not None:
            g.user = user
        return user

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
