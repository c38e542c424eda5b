"""Deleting a user, group or role: a page that asks by name, then the act."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for

from portal.http.access import actor
from portal.web.base.refusals import refusals_flashed
from portal.web.people.menu import managers_only

Words = dict[str, str]


def add_deletion(
    blueprint: Blueprint, noun: str, service: Callable[[], Any], words: Callable[[Any], Words]
) -> None:
    """Add both under the blueprint's ``<noun_id>/delete``; then the list shows again.

    ``words``, in the reader's language: ``title``, ``text`` and ``act`` of the page, and ``done``.
    """
    path, index = f"/<int:{noun}_id>/delete", f"{blueprint.name}.index"

    @blueprint.get(path)
    @managers_only
    def confirm_delete(**place: int) -> str:
        asked = words(service().get(actor(), *place.values()))
        return render_template("people/confirm.html", back=url_for(index), **asked)

    @blueprint.post(path)
    @managers_only
    @refusals_flashed
    def delete(**place: int) -> Any:
        done = words(service().get(actor(), *place.values()))["done"]
        service().delete(actor(), *place.values())
        flash(done, "success")
        return redirect(url_for(index), 303)
