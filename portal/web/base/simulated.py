"""Which devices are only declared: wherever they are shown, the pages say so."""

from __future__ import annotations

from flask import Flask, g

from portal.http.services import services
from portal.services.records.inventory import simulated_types


def is_simulated(device_type: str) -> bool:
    """Whether there is no such device in the machines; asked once for each answer."""
    if "simulated_types" not in g:
        g.simulated_types = simulated_types(services().cluster.name)
    return device_type in g.simulated_types


def install(app: Flask) -> None:
    """Add the template test ``is simulated``."""
    app.jinja_env.tests["simulated"] = is_simulated
