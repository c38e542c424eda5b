"""The contracts live in the package: their asserts are to explain themselves as tests' do."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from local_replicas import Place

pytest.register_assert_rewrite(
    "portal.testing.cluster_contract_words",
    "portal.testing.cluster_contract_life",
    "portal.testing.cluster_contract_view",
    "portal.testing.cluster_contract_output",
)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """The folders of a local runtime; nothing of it may be left in the end."""
    place = Place(tmp_path)
    yield place
    cluster = place.cluster()
    for ref in place.layout.attempts():
        cluster.remove(ref, force=True)
    assert place.processes() == []
