"""A whole portal with fakes behind its ports (:mod:`house`), new for every test that asks.

Random tests take the same steps in every run; ``HYPOTHESIS_PROFILE=search`` looks further.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import quick_routes
from house import House, build_database, build_postgres, open_house, open_postgres_house
from hypothesis import HealthCheck, settings
from servers import PostgresServer, postgres_server
from web_house import Caller, WebHouse, open_web_house

from portal.models import db
from portal.people import passwords

# How quick the machine is at this moment says nothing about the code.
_SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
settings.register_profile(
    "same", derandomize=True, deadline=None, database=None, suppress_health_check=_SLOW
)
settings.register_profile("search", deadline=None, database=None, suppress_health_check=_SLOW)
quick_routes.share()
SLOW_HASH, passwords.METHOD = passwords.METHOD, "pbkdf2:sha256:1"  # "slow_hashes" has the real one
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))


@pytest.fixture(scope="session")
def seeded_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Our tables, two nodes, two virtual clusters."""
    return build_database(tmp_path_factory.mktemp("seed"), accounts=False)


@pytest.fixture(scope="session")
def peopled_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with the accounts of the cast."""
    return build_database(tmp_path_factory.mktemp("peopled"), accounts=True)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL of this test process."""
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="session")
def seeded_postgres(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> str:
    """As ``seeded_database``, in PostgreSQL."""
    return build_postgres(tmp_path_factory.mktemp("postgres"), postgres)


@pytest.fixture
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    """The services, without the web application; see ``house.BOTH_DATABASES``."""
    if getattr(request, "param", "sqlite") == "sqlite":
        yield open_house(tmp_path, request.getfixturevalue("seeded_database"))
        db.close()
        return
    server, template = (request.getfixturevalue(n) for n in ("postgres", "seeded_postgres"))
    with open_postgres_house(tmp_path, server, template) as opened:
        yield opened


@pytest.fixture
def web_house(tmp_path: Path, peopled_database: Path) -> Iterator[WebHouse]:
    """The services and the web application."""
    opened = open_web_house(tmp_path, peopled_database)
    yield opened
    opened.close()
    db.close()


@pytest.fixture
def slow_hashes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Passwords are hashed from now on as they are outside of tests."""
    monkeypatch.setattr(passwords, "METHOD", SLOW_HASH)
    passwords._nobodys.cache_clear()
    yield
    passwords._nobodys.cache_clear()


@pytest.fixture
def alice(web_house: WebHouse) -> Caller:
    """Who owns the jobs."""
    return web_house.caller("alice")
