"""``POST /api/v1/security/login``: a password for a bearer token, for programs."""

from __future__ import annotations

from typing import Any

from flask import jsonify, request
from flask_appbuilder.security.api import SecurityApi
from flask_jwt_extended import create_access_token, create_refresh_token

from portal.http.problems import problem
from portal.web.base.fab import expose
from portal.web.sign_in.page import TooManyTries, enter


class TokenApi(SecurityApi):  # type: ignore[misc]
    """Flask-AppBuilder's log-in call, slowed down like the page and with our error documents."""

    @expose("/login", methods=("POST",))
    def login(self) -> Any:
        """Check a password and hand out a token.
        ---
        post:
          summary: Get a bearer token for an account and password
          requestBody:
            required: true
            content:
              application/json:
                schema:
                  type: object
                  required: [username, password]
                  properties:
                    username: {type: string}
                    password: {type: string}
                    provider: {type: string, enum: [db], default: db}
                    refresh: {type: boolean, default: false}
          responses:
            200:
              description: The token
              content:
                application/json:
                  schema:
                    type: object
                    properties:
                      access_token: {type: string}
                      refresh_token: {type: string}
            401: {description: The account or the password is wrong}
            422: {description: Bad fields}
            429: {description: Too many wrong passwords}
        """
        try:
            body = request.get_json(silent=True)
        except RecursionError:
            body = None
        if not isinstance(body, dict):
            return problem(422, "The body must be a JSON object.")
        errors = {
            name: ["Is required"]
            for name in ("username", "password")
            if not isinstance(body.get(name), str) or not body[name]
        }
        if body.get("provider", "db") != "db":
            errors["provider"] = ["Must be db"]
        if errors:
            return problem(422, "Some fields are wrong.", errors=errors)
        return self._answer(body["username"], body["password"], bool(body.get("refresh")))

    def _answer(self, username: str, password: str, refresh: bool) -> Any:
        try:
            user = enter(username, password)
        except TooManyTries as refused:
            answer = problem(429, str(refused))
            answer.headers["Retry-After"] = str(refused.wait_s)
            return answer
        if user is None:
            return problem(401, "The account or the password is wrong.")
        tokens = {"access_token": create_access_token(identity=user.get_id(), fresh=True)}
        if refresh:
            tokens["refresh_token"] = create_refresh_token(identity=user.get_id())
        return jsonify(tokens)
