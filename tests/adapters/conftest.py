"""The contracts live in the package: their asserts are to explain themselves as tests' do."""

import pytest

pytest.register_assert_rewrite(
    "portal.testing.cluster_contract_words",
    "portal.testing.cluster_contract_life",
    "portal.testing.cluster_contract_view",
    "portal.testing.cluster_contract_output",
)
