"""What a launch would do, for people to read."""

from __future__ import annotations

from typing import Any

from portal.domain.launch import Launch, ReplicaLaunch
from portal.domain.secret_words import redacted


def preview(launch: Launch) -> list[dict[str, Any]]:
    """One entry per replica; secrets are redacted."""
    return [_replica(launch, replica) for replica in launch.replicas]


def _replica(launch: Launch, replica: ReplicaLaunch) -> dict[str, Any]:
    asked = {"command": replica.command, "env": replica.env, "secret_env": launch.concealed}
    shown, _ = redacted(asked)
    return {
        "kind": "Process",
        "name": f"{launch.ref}/{replica.name}",
        "node": replica.slot.node,
        "devices": list(replica.slot.devices),
        "image": f"{launch.image} (not used by the local runtime)",
        "command": shown["command"],
        "environment": shown["env"],
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
