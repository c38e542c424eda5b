"""A read-only mirror of Flask-AppBuilder's users, groups and roles, and what we keep beside them.

The tables ``ab_…`` belong to Flask-AppBuilder; they are never created or written from here.
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


class UserRoleRow(Row):
    """A role of a user's own, to read."""

    user_id = peewee.IntegerField()
    role_id = peewee.IntegerField()

    class Meta:
        table_name = "ab_user_role"
        primary_key = False


class GroupRoleRow(Row):
    """A role that a group gives to its members, to read."""

    group_id = peewee.IntegerField()
    role_id = peewee.IntegerField()

    class Meta:
        table_name = "ab_group_role"
        primary_key = False


class RoleGrantRow(Row):
    """What a role gives, to read: a permission on a view."""

    permission_view_id = peewee.IntegerField()
    role_id = peewee.IntegerField()

    class Meta:
        table_name = "ab_permission_view_role"
        primary_key = False


class PermissionViewRow(Row):
    """A permission on a view, to read."""

    id = peewee.AutoField()
    permission_id = peewee.IntegerField()
    view_menu_id = peewee.IntegerField()

    class Meta:
        table_name = "ab_permission_view"


class PermissionRow(Row):
    """The name of a permission, to read."""

    id = peewee.AutoField()
    name = peewee.CharField(100)

    class Meta:
        table_name = "ab_permission"


class ViewRow(Row):
    """The name of a view, to read."""

    id = peewee.AutoField()
    name = peewee.CharField(250)

    class Meta:
        table_name = "ab_view_menu"


class UserChoiceRow(Row):
    """What a user chose for themselves: the current VC."""

    user_id = peewee.IntegerField(primary_key=True)
    current_vc = peewee.CharField(64, null=True)

    class Meta:
        table_name = "user_choice"
