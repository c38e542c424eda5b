"""Rows of virtual clusters and their members."""

from __future__ import annotations

import peewee

from portal.models.db import JsonField, Row, UtcField


class VcRow(Row):
    """A named share of the cluster. ``quota`` and ``user_limit`` map device type to number."""

    name = peewee.CharField(64, primary_key=True)
    quota = JsonField()
    user_limit = JsonField()
    max_run_time_s = peewee.IntegerField(null=True)
    preempt_grace_s = peewee.IntegerField(default=30)
    version = peewee.IntegerField(default=1)
    created_at = UtcField()

    class Meta:
        table_name = "vc"


class VcMemberRow(Row):
    """Who may use a VC; a VC without rows is open to every user. ``kind``: user or group."""

    vc = peewee.CharField(64)
    kind = peewee.CharField(8)
    name = peewee.CharField(64)

    class Meta:
        table_name = "vc_member"
        primary_key = peewee.CompositeKey("vc", "kind", "name")
