"""Rows of templates: submissions kept under a name."""

from __future__ import annotations

import peewee

from portal.models.db import JsonField, Row, UtcField


class TemplateRow(Row):
    """A template. ``place`` is the owner's user id for scope ``user``, the VC for ``team``."""

    scope = peewee.CharField(8)
    place = peewee.CharField(64)
    name = peewee.CharField(64)
    owner_id = peewee.IntegerField()
    owner = peewee.CharField(64)
    body = JsonField()
    updated_at = UtcField()

    class Meta:
        table_name = "template"
        primary_key = peewee.CompositeKey("scope", "place", "name")
