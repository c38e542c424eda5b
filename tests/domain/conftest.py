"""Random tests take the same steps in every run; ``HYPOTHESIS_PROFILE=search`` looks further."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

_SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
settings.register_profile(
    "same", derandomize=True, deadline=None, database=None, suppress_health_check=_SLOW
)
settings.register_profile("search", deadline=None, database=None, suppress_health_check=_SLOW)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))
