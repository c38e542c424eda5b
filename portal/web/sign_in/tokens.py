"""``POST /api/v1/security/login``: a password for a bearer token, for programs."""

from __future__ import annotations

from typing import Any

from flask import jsonify, request
from flask_appbuilder.security.api import SecurityApi
from flask_jwt_extended import create_access_token, create_refresh_token

from portal.domain.errors import WrongValue
from portal.domain.fields import Fields, one_of
from portal.http.problems import problem
from portal.web.base.fab import expose
from portal.web.sign_in.page import TooManyTries, enter


def _typed(value: Any) -> str:
    if not isinstance(value, str):
        raise WrongValue("Must be text")
    return value


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
        fields = Fields(body)
        name = fields.take("username", _typed, required=True)
        password = fields.take("password", _typed, required=True)
        fields.take("provider", one_of(["db"]), "db")
        fields.done()
        return self._answer(name, password, bool(fields.body.get("refresh")))

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
