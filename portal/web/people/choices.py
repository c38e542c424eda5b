"""Choosing what belongs together: some of a few roles or groups, users out of many."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from flask import render_template, request

from portal.people.administration import administration
from portal.web.people.listing import Listing


def choose(
    title: str,
    kind: str,
    choices: Sequence[Any],
    chosen: Collection[str],
    **place: Any,
) -> str:
    """The page that offers all roles or groups (``kind``), with the names ``chosen`` checked."""
    page = "people/choose.html"
    return render_template(page, title=title, kind=kind, choices=choices, chosen=chosen, **place)


def choose_users(title: str, path: str, *, group: str = "", role: str = "", **place: Any) -> str:
    """The page that offers users to a group or a role: a search, a page of them, checked those
    who belong; ``only`` leaves out all others.
    """
    only = {"group": group, "role": role} if request.args.get("only", "").strip() else {}
    listing = Listing.read(path, administration().users.find, ("q", "only"), **only)
    inside = {
        one.id
        for one in listing.rows
        if (group and group in one.groups) or (role and role in one.roles)
    }
    page = "people/choose_users.html"
    return render_template(page, title=title, choice=listing, inside=inside, **place)


def numbers(name: str) -> set[int]:
    """The ids that a form sends under ``name``."""
    return {int(one) for one in request.form.getlist(name) if one.isdecimal() and len(one) < 10}


def changes() -> tuple[list[int], list[int]]:
    """The ids that a form of users took in, and those that it let go."""
    checked, before = numbers("chosen"), numbers("before")
    return sorted(checked - before), sorted(before - checked)
