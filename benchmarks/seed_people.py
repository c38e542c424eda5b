"""Groups, roles and an audit log around the seeded users: 200 groups, 200 roles, 200,000 entries.

Every user is in one group of fifty and in ``everybody``, which holds all of them.
"""

from __future__ import annotations

import json
import random
import sqlite3
from datetime import UTC, datetime, timedelta

GROUPS, ROLES, ENTRIES = 200, 200, 200_000
EVERYBODY = "everybody"
ACTIONS = ("user.create", "user.modify", "group.modify", "role.relate", "user.password")


def seed_people(database: sqlite3.Connection, rng: random.Random) -> None:
    """Make them all, in one database that holds the users already."""
    users = [row[0] for row in database.execute("SELECT id FROM ab_user ORDER BY id")]
    names = [row[0] for row in database.execute("SELECT username FROM ab_user")]
    _roles(database, rng)
    _groups(database, users, rng)
    _audit(database, names, rng)


def _roles(database: sqlite3.Connection, rng: random.Random) -> None:
    pairs = [row[0] for row in database.execute("SELECT id FROM ab_permission_view")]
    for number in range(ROLES):
        made = database.execute(
            "INSERT INTO ab_role(name, description) VALUES(?, ?)",
            (f"role-{number:03}", f"What team {number} does"),
        )
        database.executemany(
            "INSERT INTO ab_permission_view_role(permission_view_id, role_id) VALUES(?, ?)",
            [(pair, made.lastrowid) for pair in rng.sample(pairs, 3)],
        )


def _groups(database: sqlite3.Connection, users: list[int], rng: random.Random) -> None:
    roles = [row[0] for row in database.execute("SELECT id FROM ab_role WHERE name LIKE 'role-%'")]
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    groups = []
    for name in (*(f"group-{number:03}" for number in range(GROUPS)), EVERYBODY):
        made = database.execute(
            "INSERT INTO ab_group(name, label, description, created_on) VALUES(?, ?, ?, ?)",
            (name, name, f"The people of {name}", now),
        )
        groups.append(made.lastrowid)
    database.executemany(
        "INSERT INTO ab_group_role(group_id, role_id) VALUES(?, ?)",
        [(group, role) for group in groups[:-1] for role in rng.sample(roles, 2)],
    )
    member = "INSERT INTO ab_user_group(user_id, group_id) VALUES(?, ?)"
    database.executemany(member, [(user, groups[-1]) for user in users])
    database.executemany(member, [(user, groups[user % GROUPS]) for user in users])


def _audit(database: sqlite3.Connection, names: list[str], rng: random.Random) -> None:
    now = datetime.now(UTC)
    rows = []
    for number in range(ENTRIES):
        at = now - timedelta(minutes=2 * (ENTRIES - number))
        action = rng.choice(ACTIONS)
        kind = action.partition(".")[0]
        rows.append(
            (
                *(at.strftime("%Y-%m-%d %H:%M:%S.%f"), rng.choice(("root", "user-00001"))),
                *("10.0.0.1", action, kind, rng.choice(names)),
                *(json.dumps({"nickname": "before"}), json.dumps({"nickname": "after"})),
            )
        )
    database.executemany(
        "INSERT INTO audit(at, actor, address, action, object_type, object, before, after)"
        " VALUES(?, ?, ?, ?, ?, ?, ?, ?)",
        rows,
    )
