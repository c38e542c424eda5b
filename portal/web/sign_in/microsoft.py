"""Microsoft's sign-in (OpenID Connect): PKCE, state, nonce, a signed id_token whose issuer is
the tenant's.
"""

from __future__ import annotations

import re
from typing import Any

from authlib.common.errors import AuthlibBaseError
from authlib.integrations.flask_client import OAuth
from authlib.integrations.flask_client.apps import FlaskOAuth2App
from flask import Flask, request
from joserfc.errors import JoseError

from portal.people.provider import AWAY, BROKEN, DENIED, STALE, TIMEOUT_S, Outsider, ProviderRefused


class Microsoft:
    """The flow, by Authlib; ``tenant`` is a directory's id or ``common``."""

    name = "microsoft"

    def __init__(self, app: Flask, client_id: str, secret: str, tenant: str, url: str) -> None:
        registry = OAuth(app)
        base = f"{url.rstrip('/')}/{tenant}/v2.0"
        self._client: FlaskOAuth2App = registry.register(
            self.name,
            client_id=client_id,
            client_secret=secret,
            server_metadata_url=f"{base}/.well-known/openid-configuration",
            client_kwargs={
                "scope": "openid profile email",
                "code_challenge_method": "S256",
                "default_timeout": TIMEOUT_S,
            },
        )

    def start(self, redirect_uri: str) -> Any:
        """To Microsoft's page."""
        try:
            return self._client.authorize_redirect(redirect_uri, prompt="select_account")
        except (OSError, ValueError, RuntimeError, AuthlibBaseError) as error:
            raise ProviderRefused(AWAY, type(error).__name__) from None

    def finish(self) -> Outsider:
        """Who signed in there: the tenant's id and the person's id in it."""
        if request.args.get("error") == "access_denied":
            raise ProviderRefused(DENIED)
        claims = self._claims()
        person, directory = claims.get("oid") or claims.get("sub"), claims.get("tid")
        if not isinstance(person, str) or not isinstance(directory, str):
            raise ProviderRefused(BROKEN, "no oid or tid")
        login = str(claims.get("preferred_username") or "")
        return Outsider(
            provider=self.name,
            subject=f"{directory}.{person}"[:255],
            name=str(claims.get("name") or login)[:64],
            username=re.sub(r"[^A-Za-z0-9._-]", "", login.partition("@")[0])[:48],
            email=str(claims.get("email") or ""),
        )

    def _claims(self) -> dict[str, Any]:
        try:
            issuer = self._client.load_server_metadata()["issuer"]
            # Made anew each time: Authlib takes "validate" out of it.
            options = {
                "iss": {
                    "essential": True,
                    "validate": lambda claims, value: value == self._issuer(issuer, claims),
                }
            }
            token = self._client.authorize_access_token(claims_options=options)
            return dict(token["userinfo"])
        except AuthlibBaseError as error:
            words = BROKEN if "claim" in str(error.error) else STALE
            raise ProviderRefused(words, error.error) from None
        except JoseError as error:
            raise ProviderRefused(BROKEN, error.error) from None
        except OSError as error:
            raise ProviderRefused(AWAY, type(error).__name__) from None
        except (KeyError, ValueError, TypeError, RuntimeError) as error:
            raise ProviderRefused(BROKEN, type(error).__name__) from None

    def _issuer(self, issuer: str, claims: dict[str, Any]) -> str:
        """The shared tenants' documents leave a place for the directory's id."""
        return issuer.replace("{tenantid}", str(claims.get("tid", "")))
