"""The nodes that this machine plays: one for each type of device that was declared."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from pathlib import Path

from portal.domain.errors import PermanentFailure
from portal.domain.resources import Node

SIMULATED_LABEL = "aoli/simulated"
ADDRESS = "127.0.0.1"


def hostname() -> str:
    """This machine's short name."""
    return socket.gethostname().partition(".")[0] or "localhost"


class LocalNodes:
    """``devices``: how many of each type; ``simulated`` when they were only declared."""

    def __init__(
        self, machine: str, devices: Mapping[str, int], cordoned: Path, simulated: bool = True
    ) -> None:
        self._simulated = simulated
        self._cordoned = cordoned
        self._nodes: dict[str, tuple[str | None, int]] = {
            f"{machine}-{kind}": (kind, count) for kind, count in devices.items() if count > 0
        }
        if not self._nodes:
            self._nodes[machine] = (None, 0)

    def all(self) -> list[Node]:
        """All nodes, by name."""
        return [self._node(name) for name in sorted(self._nodes)]

    def set_cordoned(self, name: str, cordoned: bool) -> None:
        """A file for each cordoned node: nothing to read, change and write back."""
        if name not in self._nodes:
            raise PermanentFailure(f"there is no node {name}")
        if cordoned:
            self._cordoned.mkdir(parents=True, exist_ok=True)
            (self._cordoned / name).touch()
        else:
            (self._cordoned / name).unlink(missing_ok=True)

    def _node(self, name: str) -> Node:
        kind, count = self._nodes[name]
        simulated = kind is not None and self._simulated
        return Node(
            name=name,
            ip=ADDRESS,
            device_type=kind,
            devices=count,
            cordoned=(self._cordoned / name).exists(),
            simulated=simulated,
            labels={SIMULATED_LABEL: "true"} if simulated else {},
        )
