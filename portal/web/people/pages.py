"""The pages around accounts: sign-up, one's own account, and the USER DASHBOARD."""

from __future__ import annotations

from portal.web.people import account, audit, dashboard, groups, roles, user_wizard, users
from portal.web.sign_in import outside, sign_up

BLUEPRINTS = tuple(
    part.blueprint
    for part in (sign_up, outside, account, dashboard, users, user_wizard, groups, roles, audit)
)
