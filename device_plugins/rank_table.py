"""The rank table that HCCL and MindSpore read through ``RANK_TABLE_FILE``: ``hccl.json`` 1.0.

A table names the network address of every chip. Those addresses belong to the chips, not to
the replicas, and no standard call tells them; see :class:`Addresses` for who may know.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from portal.spi import NotKnownYet, Seat

VERSION = "1.0"


@dataclass(frozen=True, slots=True)
class Given:
    """What one replica was given: the server's id, and number and address of each chip."""

    server_id: str
    chips: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Addresses:
    """Who knows the chips' addresses.

    ``note``: the device plugin writes them on each replica under this name, as Ascend's does
    for its own operators: ``{"server_id": …, "devices": [{"device_id": …, "device_ip": …}]}``.
    ``by_node``: an administrator has written them down, chip by chip; that tells enough only
    for a replica with all chips of its node, because which of them a smaller one gets is
    chosen by the device plugin.
    """

    note: str
    by_node: Mapping[str, tuple[str, ...]]

    def tell(self, seats: Sequence[Seat]) -> bool:
        """Whether these replicas can have a table at all."""
        return bool(self.note) or all(self._is_whole_node(seat) for seat in seats)

    def given(self, seat: Seat) -> Given:
        """What a running replica was given. Raises :class:`NotKnownYet`."""
        if self.note and self.note in seat.notes:
            return _read_note(seat, seat.notes[self.note])
        if not self._is_whole_node(seat):
            raise NotKnownYet(f"{seat.name} on {seat.slot.node} has no note {self.note}")
        chips = self.by_node[seat.slot.node]
        return Given(seat.slot.node, tuple((str(n), ip) for n, ip in enumerate(chips)))

    def _is_whole_node(self, seat: Seat) -> bool:
        known = self.by_node.get(seat.slot.node, ())
        return bool(known) and len(known) == len(seat.slot.devices)


def rank_table(seats: Sequence[Seat], addresses: Addresses) -> str:
    """The table of all replicas, ``initializing`` until each of them has an address.

    Ranks go through the replicas in their order and through each one's chips.
    """
    if not all(seat.address for seat in seats):
        return _json("initializing", [])
    servers: dict[str, dict[str, Any]] = {}
    rank = 0
    for seat in sorted(seats, key=lambda seat: seat.rank):
        given = addresses.given(seat)
        server = servers.setdefault(
            given.server_id,
            {"server_id": given.server_id, "container_ip": seat.address, "device": []},
        )
        for number, address in given.chips:
            server["device"].append(
                {"device_id": number, "device_ip": address, "rank_id": str(rank)}
            )
            rank += 1
    return _json("completed", list(servers.values()))


def _json(status: str, servers: list[dict[str, Any]]) -> str:
    table = {
        "version": VERSION,
        "status": status,
        "server_count": str(len(servers)),
        "server_list": servers,
    }
    return json.dumps(table, indent=1) + "\n"


def _read_note(seat: Seat, text: str) -> Given:
    try:
        said = json.loads(text)
        chips = tuple((str(chip["device_id"]), str(chip["device_ip"])) for chip in said["devices"])
        server_id = str(said.get("server_id") or seat.slot.node)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise NotKnownYet(f"{seat.name}: its device plugin's note cannot be read") from error
    if len(chips) != len(seat.slot.devices):
        raise NotKnownYet(f"{seat.name}: its device plugin notes {len(chips)} devices")
    return Given(server_id, chips)
