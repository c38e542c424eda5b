"""Every component on one page, for whoever builds pages. Only in development."""

from __future__ import annotations

from flask import Blueprint, render_template

blueprint = Blueprint("components", __name__)


@blueprint.get("/_components")
def index() -> str:
    """Show all components in all their states."""
    return render_template("components_page.html")
