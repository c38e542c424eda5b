"""The migrations lead to what the models say."""

from __future__ import annotations

from pathlib import Path

from playhouse.schema_diff import diff_models

from portal import migrations
from portal.models import OWNED, db


def test_the_steps_make_exactly_what_the_models_say(tmp_path: Path) -> None:
    db.bind(f"sqlite:///{tmp_path / 'x.db'}")
    with db.session():
        assert migrations.pending()
        migrations.upgrade()
        assert migrations.pending() == []
        assert not diff_models(db.database.obj, list(OWNED))
        assert migrations.upgrade() == []
