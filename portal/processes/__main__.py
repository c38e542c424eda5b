"""``python -m portal.processes web|worker|scheduler|demo``: what the supervisor starts."""

from __future__ import annotations

import importlib
import sys

from portal.domain.errors import TemporaryFailure
from portal.settings import SettingsError, load_settings

NAMES = ("web", "worker", "scheduler", "demo")


def main() -> int:
    """Run one process."""
    name = sys.argv[1] if len(sys.argv) == 2 else ""
    if name not in NAMES:
        print(f"usage: python -m portal.processes {'|'.join(NAMES)}", file=sys.stderr)  # noqa: T201
        return 2
    try:
        importlib.import_module(f"portal.processes.{name}").run(load_settings())
    except (SettingsError, TemporaryFailure) as error:
        print(f"aoli: {error}", file=sys.stderr)  # noqa: T201
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
