"""The pages around accounts: sign-up, one's own account, and the USER DASHBOARD."""

from __future__ import annotations

from portal.web.views import (
    account,
    audit,
    dashboard,
    groups,
    outside,
    roles,
    sign_up,
    user_wizard,
    users,
)

BLUEPRINTS = tuple(
    part.blueprint
    for part in (sign_up, outside, account, dashboard, users, user_wizard, groups, roles, audit)
)
