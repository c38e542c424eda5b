"""A read-only mirror of Flask-AppBuilder's users and groups, and what we keep beside them.

``ab_user`` and ``ab_group`` belong to Flask-AppBuilder; they are never created or written
from here.
"""

from __future__ import annotations

import peewee

from portal.models.db import Row


class UserRow(Row):
    """A user, to read."""

    id = peewee.AutoField()
    username = peewee.CharField(64)
    nickname = peewee.CharField(64, null=True)
    email = peewee.CharField(320)
    active = peewee.BooleanField()

    class Meta:
        table_name = "ab_user"


class GroupRow(Row):
    """A group of users, to read."""

    id = peewee.AutoField()
    name = peewee.CharField(100)

    class Meta:
        table_name = "ab_group"


class GroupMemberRow(Row):
    """A user in a group, to read."""

    user_id = peewee.IntegerField()
    group_id = peewee.IntegerField()

    class Meta:
        table_name = "ab_user_group"
        primary_key = False


class UserChoiceRow(Row):
    """What a user chose for himself: the current VC."""

    user_id = peewee.IntegerField(primary_key=True)
    current_vc = peewee.CharField(64, null=True)

    class Meta:
        table_name = "user_choice"
