"""Headers of every answer: what a page may load, who may frame it, a name for the request."""

from __future__ import annotations

import secrets

from flask import Flask, Response, current_app, g, request

from portal.web.base import assets


def csp_nonce() -> str:
    """The nonce of this answer's inline scripts."""
    if "csp_nonce" not in g:
        g.csp_nonce = secrets.token_urlsafe(16)
    return str(g.csp_nonce)


def request_id() -> str:
    """A short name of this request, shown on error pages and written to the log."""
    if "request_id" not in g:
        g.request_id = f"{secrets.token_hex(2)}-{secrets.token_hex(2)}"
    return str(g.request_id)


def _form_targets() -> str:
    """Where a form may lead: to us, and on to where one signs in from outside."""
    return " ".join(["'self'", *current_app.config.get("AOLI_FORM_TARGETS", ())])


def _policy() -> str:
    return (
        "default-src 'self'; "
        f"script-src 'self' 'nonce-{csp_nonce()}'; "
        "style-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
        f"frame-ancestors 'none'; form-action {_form_targets()}"
    )


def _add_headers(response: Response) -> Response:
    if request.endpoint == assets.ENDPOINT:
        return response
    headers = response.headers
    headers["X-Request-Id"] = request_id()
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("Referrer-Policy", "same-origin")
    if response.mimetype == "text/html":
        headers.setdefault("Content-Security-Policy", _policy())
        headers.setdefault("Cache-Control", "no-store")
    if request.is_secure:
        headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    return response


def install(app: Flask) -> None:
    """Add the headers to every answer, and the nonce to the templates."""
    app.after_request(_add_headers)
    app.jinja_env.globals.update(csp_nonce=csp_nonce)
