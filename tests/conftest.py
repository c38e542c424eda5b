"""A whole portal with fakes behind its ports (:mod:`house`), new for every test that asks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from house import House, build_database, open_house
from web_house import Caller, WebHouse, open_web_house

from portal.models import db


@pytest.fixture(scope="session")
def seeded_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Our tables, two nodes, two virtual clusters."""
    return build_database(tmp_path_factory.mktemp("seed"), accounts=False)


@pytest.fixture(scope="session")
def peopled_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with the accounts of the cast."""
    return build_database(tmp_path_factory.mktemp("peopled"), accounts=True)


@pytest.fixture(scope="session")
def tokens() -> dict[str, str]:
    """Bearer tokens of the cast; every copy of the database takes them."""
    return {}


@pytest.fixture
def house(tmp_path: Path, seeded_database: Path) -> Iterator[House]:
    """The services, without the web application."""
    opened = open_house(tmp_path, seeded_database)
    yield opened
    db.close()


@pytest.fixture
def web_house(tmp_path: Path, peopled_database: Path, tokens: dict[str, str]) -> Iterator[WebHouse]:
    """The services and the web application."""
    opened = open_web_house(tmp_path, peopled_database, tokens)
    yield opened
    opened.close()
    db.close()


@pytest.fixture
def alice(web_house: WebHouse) -> Caller:
    """Who owns the jobs."""
    return web_house.caller("alice")
