"""Every component on one page, for whoever builds pages. Only in development."""

from __future__ import annotations

from flask import Blueprint, render_template, url_for

from portal.web.base.pager import Pager
from portal.web.base.table_address import TableAddress

blueprint = Blueprint("components", __name__)


@blueprint.get("/_components")
def index() -> str:
    """Show all components in all their states."""
    address = TableAddress(url_for("components.index"), number=6)
    pages = Pager.of(address, address.limit, 600, True)
    return render_template("home/components_page.html", pages=pages)
