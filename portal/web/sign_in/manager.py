"""The security manager: Flask-AppBuilder's accounts with our sign-in and permission look-up."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from typing import Any

from flask import current_app, g
from flask_appbuilder.security.sqla.models import User
from flask_jwt_extended import JWTManager

from portal.http import access
from portal.http.problems import problem
from portal.people import api_keys
from portal.people.account_manager import AccountManager
from portal.services.records.key_print import fingerprint
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
        """Flask-AppBuilder's own question, answered by our one query for its views and ours."""
        return access.has_access(permission_name, view_name)

    def create_jwt_manager(self, app: Any) -> JWTManager:
        """Tokens that are missing, broken or expired are 401 with a problem document."""
        manager: JWTManager = super().create_jwt_manager(app)
        manager.unauthorized_loader(lambda why: problem(401, why))
        manager.invalid_token_loader(lambda why: problem(401, why))
        manager.expired_token_loader(lambda header, data: problem(401, "The token has expired."))
        manager.user_lookup_error_loader(
            lambda header, data: problem(401, "The token's user no longer exists.")
        )
        _take_older_keys(manager, [app.config["SECRET_KEY"], *app.config["SECRET_KEY_FALLBACKS"]])
        return manager


def _take_older_keys(manager: JWTManager, secret_keys: Sequence[str]) -> None:
    """A token names the key that signed it, so that it lives on when a newer one comes."""
    by_name = {fingerprint(key): key for key in secret_keys}
    newest = next(iter(by_name))
    manager.additional_headers_loader(lambda _identity: {"kid": newest})
    manager.decode_key_loader(
        lambda header, _claims: by_name.get(header.get("kid"), by_name[newest])
    )


def security_manager() -> AoliSecurityManager:
    """The manager of the running application."""
    manager: AoliSecurityManager = current_app.appbuilder.sm  # type: ignore[attr-defined]
    return manager
