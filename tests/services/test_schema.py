"""The migrations lead from nothing to what the models say, on each database."""

from __future__ import annotations

from pathlib import Path

import pytest
from house import close_database
from playhouse.schema_diff import diff_models

from portal import migrations
from portal.models import OWNED, db


def check() -> None:
    with db.session():
        assert migrations.pending()
        migrations.upgrade()
        assert migrations.pending() == []
        assert not diff_models(db.database.obj, list(OWNED))
        assert migrations.upgrade() == []


def test_the_steps_make_exactly_what_the_models_say(tmp_path: Path) -> None:
    db.bind(f"sqlite:///{tmp_path / 'x.db'}")
    check()


def test_the_same_on_postgresql(request: pytest.FixtureRequest) -> None:
    server = request.getfixturevalue("postgres")
    name = server.create()
    db.bind(server.url(name))
    try:
        check()
    finally:
        close_database()
        server.drop(name)
