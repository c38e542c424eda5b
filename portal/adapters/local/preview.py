"""What a launch would do, for people to read."""

from __future__ import annotations

import re
from typing import Any

from portal.domain.launch import Launch, ReplicaLaunch

BLOTTED = "••••••"
_SECRET = re.compile(r"PASS|SECRET|TOKEN|CREDENTIAL|(^|_)KEY(_|$)|API_?KEY", re.IGNORECASE)


def preview(launch: Launch) -> list[dict[str, Any]]:
    """One entry per replica; values that look secret are blotted out."""
    return [_replica(launch, replica) for replica in launch.replicas]


def _replica(launch: Launch, replica: ReplicaLaunch) -> dict[str, Any]:
    return {
        "kind": "Process",
        "name": f"{launch.ref}/{replica.name}",
        "node": replica.slot.node,
        "devices": list(replica.slot.devices),
        "image": f"{launch.image} (not used by the local runtime)",
        "command": replica.command,
        "environment": {
            name: BLOTTED if _SECRET.search(name) else value for name, value in replica.env.items()
        },
        "folders": [
            {
                "path": mount.target,
                "source": f"{mount.source}/{mount.sub_path}".rstrip("/"),
                "read_only": mount.read_only,
            }
            for mount in replica.mounts
        ],
        "ports": list(replica.ports),
        "grace_s": launch.grace_s,
    }
