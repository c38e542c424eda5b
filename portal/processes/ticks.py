"""What the leading scheduler does by the clock, as one table."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from portal.domain.errors import TemporaryFailure
from portal.models.db import session

if TYPE_CHECKING:
    from portal.services.portal import Portal

log = logging.getLogger(__name__)

DUE_S = 2
MAIL_S = 10
CLEAN_QUEUE_S = 60


@dataclass(frozen=True, slots=True)
class Tick:
    """A call to make every ``every_s`` seconds."""

    name: str
    every_s: float
    call: Callable[[], object]

    def run(self) -> None:
        """Make the call; what goes wrong is logged, the next tick comes anyway."""
        try:
            with session():
                self.call()
        except TemporaryFailure as failure:
            log.warning("%s: %s", self.name, failure)
        except Exception:
            log.exception("%s failed", self.name)


def all_ticks(portal: Portal) -> tuple[Tick, ...]:
    """Every tick of the portal."""
    settings = portal.settings
    ticks = [
        Tick("admit", settings.admit_tick_s, lambda: portal.queue.enqueue("admit", key="admit")),
        Tick("full pass", settings.full_pass_s, portal.passes.full_pass),
        Tick("due", DUE_S, portal.passes.due),
        Tick("mail", MAIL_S, portal.outbox.sweep),
    ]
    clean = getattr(portal.queue, "clean", None)
    if clean is not None:
        ticks.append(Tick("clean queue", CLEAN_QUEUE_S, clean))
    return tuple(ticks)
