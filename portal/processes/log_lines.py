"""One log format for every process: to standard error, in UTC, calm."""

from __future__ import annotations

import logging
import sys
import time

LINE = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"
QUIET = ("apscheduler", "rq", "alembic", "urllib3", "flask_appbuilder", "kubernetes")
"""Libraries that tell of every step they take; only their warnings are of use."""


def configure_logging() -> None:
    """Set up the root logger; called once, at the start of a process."""
    handler = logging.StreamHandler(sys.stderr)
    formatter = logging.Formatter(LINE, "%H:%M:%S")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    # "No user yet created, use flask fab command to do it": we make the first one ourselves.
    logging.getLogger("flask_appbuilder.security.manager").setLevel(logging.ERROR)
