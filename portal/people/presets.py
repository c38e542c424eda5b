"""The roles every installation has: seeded by the init step, never changed by hand."""

from __future__ import annotations

from flask_appbuilder.security.sqla.manager import SecurityManager

from portal.domain.permission import PRESET_ROLES, Permission
from portal.people.grants import PERMISSION_VIEW, PREFIX


def seed(manager: SecurityManager) -> None:
    """Make the permissions and the preset roles, and set right what a preset should hold."""
    rows = {
        code: manager.add_permission_view_menu(f"{PREFIX}{code}", PERMISSION_VIEW)
        for code in Permission
    }
    for name, codes in PRESET_ROLES.items():
        role = manager.add_role(name)
        wanted = [rows[code] for code in codes]
        ours = [row for row in role.permissions if row.view_menu.name == PERMISSION_VIEW]
        if {row.id for row in ours} != {row.id for row in wanted}:
            role.permissions = [row for row in role.permissions if row not in ours] + wanted
            manager.session.commit()
