"""WeChat and Microsoft on this machine, as strict as the real ones about their protocols."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

SECRET = "the-secret-of-the-application"
KEY = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"}, private=True)
OTHER_KEY = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"}, private=True)
TENANT = "11111111-2222-3333-4444-555555555555"


class FakeProvider:
    """A server of both; tests change what it says. ``codes`` can be spent once."""

    def __init__(self) -> None:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.answer(self, parse(self.path))

            def do_POST(self) -> None:
                sent = self.rfile.read(int(self.headers["Content-Length"])).decode()
                outer.answer(self, {**parse(self.path), **flat(parse_qs(sent))})

            def log_message(self, *_args: Any) -> None:
                """Keep quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.codes: dict[str, dict[str, str]] = {}
        self.person: dict[str, Any] = {}
        self.claims: dict[str, Any] = {}
        self.issuer = f"{self.url}/{{tenantid}}/v2.0"
        self.key = KEY
        self.asked: list[str] = []
        self._thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self._thread.join()
        self.server.server_close()

    def allow(self, location: str) -> dict[str, str]:
        """The person says yes at the page that ``location`` is; what comes back with him."""
        query = flat(parse_qs(urlsplit(location).query))
        code = secrets.token_hex(8)
        self.codes[code] = query
        return {"code": code, "state": query["state"]}

    def answer(self, handler: BaseHTTPRequestHandler, query: dict[str, str]) -> None:
        path = urlsplit(handler.path).path
        self.asked.append(path)
        status, body, kind = 404, {"error": "not_found"}, "application/json"
        if path in ("/connect/qrconnect", "/" + path.split("/")[1] + "/authorize"):
            self.ask_the_person(handler, query)
            return
        if path == "/sns/oauth2/access_token":
            status, body, kind = 200, self.wechat_token(query), "text/plain"
        elif path == "/sns/userinfo":
            status, body, kind = 200, dict(self.person), "text/plain"
        elif path.endswith("/openid-configuration"):
            status, body = 200, self.metadata(path.split("/")[1])
        elif path == "/keys":
            status, body = 200, {"keys": [KEY.as_dict(private=False)]}
        elif path.endswith("/token"):
            status, body = self.microsoft_token(handler, query)
        content = json.dumps(body, ensure_ascii=False).encode()
        handler.send_response(status)
        handler.send_header("Content-Type", kind)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    def ask_the_person(self, handler: BaseHTTPRequestHandler, query: dict[str, str]) -> None:
        """The page where somebody says yes or no; both lead back to the portal."""
        code = secrets.token_hex(8)
        self.codes[code] = query
        yes = urlencode({"code": code, "state": query["state"]})
        no = urlencode({"error": "access_denied", "state": query["state"]})
        links = "".join(
            f'<p><a href="{escape(query["redirect_uri"])}?{escape(way)}">{word}</a></p>'
            for word, way in (("Allow", yes), ("Refuse", no))
        )
        content = f"<!DOCTYPE html><title>Provider</title>{links}".encode()
        handler.send_response(200)
        handler.send_header("Content-Type", "text/html; charset=utf-8")
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    def wechat_token(self, query: dict[str, str]) -> dict[str, Any]:
        asked = self.codes.pop(query["code"], None)
        if query.get("secret") != SECRET:
            return {"errcode": 40125, "errmsg": "invalid appsecret"}
        if asked is None or asked["appid"] != query["appid"]:
            return {"errcode": 40163, "errmsg": "code been used"}
        found = {"access_token": "at", "expires_in": 7200, "openid": self.person["openid"]}
        return {**found, **{k: v for k, v in self.person.items() if k == "unionid"}}

    def metadata(self, tenant: str) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.url}/{tenant}/authorize",
            "token_endpoint": f"{self.url}/{tenant}/token",
            "jwks_uri": f"{self.url}/keys",
            "id_token_signing_alg_values_supported": ["RS256"],
        }

    def microsoft_token(
        self, handler: BaseHTTPRequestHandler, query: dict[str, str]
    ) -> tuple[int, dict[str, Any]]:
        asked = self.codes.pop(query.get("code", ""), None)
        challenge = base64.urlsafe_b64encode(
            hashlib.sha256(query.get("code_verifier", "").encode()).digest()
        ).rstrip(b"=")
        login = handler.headers.get("Authorization", "").removeprefix("Basic ")
        right = (
            asked is not None
            and asked["code_challenge_method"] == "S256"
            and asked["code_challenge"] == challenge.decode()
            and asked["redirect_uri"] == query.get("redirect_uri")
            and base64.b64decode(login).decode().endswith(f":{SECRET}")
        )
        if not right or asked is None:
            return 400, {"error": "invalid_grant", "error_description": "AADSTS70008"}
        now = int(time.time())
        claims = {
            "iss": f"{self.url}/{TENANT}/v2.0",
            "aud": asked["client_id"],
            "iat": now,
            "exp": now + 600,
            "nonce": asked["nonce"],
            "sub": "pairwise",
            "tid": TENANT,
            **self.claims,
        }
        token = jwt.encode({"alg": "RS256", "kid": "one"}, claims, self.key)
        return 200, {"access_token": "at", "token_type": "Bearer", "id_token": token}


def flat(query: dict[str, list[str]]) -> dict[str, str]:
    return {name: values[0] for name, values in query.items()}


def parse(path: str) -> dict[str, str]:
    return flat(parse_qs(urlsplit(path).query))
