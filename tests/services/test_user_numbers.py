"""A number of a user is never given twice, also in a database that an older version made."""

from __future__ import annotations

import runpy
import sqlite3
from pathlib import Path

import peewee

from portal import migrations


def add(database: sqlite3.Connection, name: str) -> int:
    columns = "first_name, last_name, username, email, active"
    made = database.execute(
        f"INSERT INTO ab_user ({columns}) VALUES (?, '', ?, ?, 1)", (name, name, f"{name}@x")
    )
    assert made.lastrowid is not None
    return made.lastrowid


def test_the_number_of_a_deleted_user_is_not_used_again(peopled_database: Path, tmp_path: Path):
    file = tmp_path / "copy.db"
    file.write_bytes(peopled_database.read_bytes())
    with sqlite3.connect(file) as database:
        newest = add(database, "nina")
        database.execute("DELETE FROM ab_user WHERE id = ?", (newest,))
        assert add(database, "otto") == newest + 1
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_an_old_database_goes_on_behind_the_owners_of_its_jobs(tmp_path: Path):
    step = runpy.run_path(str(Path(migrations.__path__[0]) / "steps" / "0016_user_number.py"))
    db = peewee.SqliteDatabase(tmp_path / "old.db")
    db.execute_sql(
        "CREATE TABLE ab_user (id INTEGER NOT NULL, first_name TEXT, last_name TEXT,"
        " username TEXT, email TEXT, active BOOLEAN, PRIMARY KEY (id), UNIQUE (username))"
    )
    for table, column in (
        *(("job", "user_id"), ("template", "owner_id"), ("user_choice", "user_id")),
        *(("ab_user_role", "role_id"), ("ab_user_group", "group_id")),
    ):
        db.execute_sql(f"CREATE TABLE {table} ({column} INTEGER)")
    db.execute_sql("INSERT INTO job VALUES (41)")
    other = sqlite3.connect(tmp_path / "old.db")
    assert other.execute("SELECT COUNT(*) FROM ab_user").fetchone() == (0,)
    with db.atomic():
        step["up"](None, db)
    assert add(other, "nina") == 42
    other.close()
    db.close()
