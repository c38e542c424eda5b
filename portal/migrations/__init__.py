"""Forward steps of the schema, run by ``aoli db upgrade``.

Steps are the numbered files in ``steps/``; each has ``up(migrator, db)``. Applied ones are
noted in the table ``migration``.
"""

from __future__ import annotations

from pathlib import Path

from playhouse.migrations import Runner

from portal.models.db import database

STEPS = Path(__file__).parent / "steps"


def _runner() -> Runner:
    return Runner(database.obj, str(STEPS), "migration")


def upgrade() -> list[str]:
    """Apply what is missing, in order; return the names of the steps that were applied."""
    return [str(step) for step in _runner().up()]


def pending() -> list[str]:
    """Names of the steps that have not been applied."""
    return [step.name for step in _runner().status() if step.path and not step.applied]
