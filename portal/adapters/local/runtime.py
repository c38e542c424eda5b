"""The local runtime: a ``Cluster`` that runs commands as processes of this machine.

Nothing is needed but Python and Linux (5.3 or newer). Each replica is driven by a small
process of its own (the shim), which outlives whoever started it; everything that is known
is in files. So web, worker and scheduler, each with its own :class:`LocalCluster` of the
same ``state_dir``, see and do the same, and any of them may be killed.

What differs from a real cluster: the image is not used; devices inform only; replicas see
the machine's files, but not the portal's own (:mod:`portal.adapters.local.isolation`) where
the machine allows it (:attr:`LocalCluster.jobs_reach_portal`). Mounts are at their paths
(``/job``)
where Linux lets us make a private root: as root with the right to mount, or with user
namespaces (:attr:`LocalCluster.mounts_are_real`). Elsewhere the command starts in the
folder of ``/job``, ``$AOLI_WORK_PATH``, ``$AOLI_DATA_PATH`` and ``$AOLI_JOB_PATH`` name the
folders (they are set in both cases), and its HOME has links ``work``, ``data``, ``job``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from threading import Event
from typing import Any

from portal.adapters.local import stopping
from portal.adapters.local.folders import prepare
from portal.adapters.local.layout import (
    SCRATCH,
    SHARED,
    Layout,
    checked_name,
    read_json,
    write_text,
)
from portal.adapters.local.nodes import LocalNodes, hostname
from portal.adapters.local.output import read_lines
from portal.adapters.local.preview import preview
from portal.adapters.local.shim.bell import ring
from portal.adapters.local.starting import ShimOrder, start_shims
from portal.adapters.local.status import ENDED, observe, replica_status, shim_lives
from portal.adapters.local.surroundings import Folder, surroundings
from portal.adapters.local.walls import Walls
from portal.adapters.local.watching import NODES, Watch
from portal.domain.errors import TemporaryFailure
from portal.domain.job import AttemptRef
from portal.domain.launch import Launch, Observed, ReplicaLaunch, SharedFile
from portal.domain.resources import Node
from portal.domain.storage_path import log_path
from portal.ports import ClusterListener


class LocalCluster:
    """See the module.

    ``lifeline``: a file that the supervisor of the portal keeps locked (``flock``,
    exclusive). When the lock goes, because the supervisor ended or was killed, all replicas
    end with it. ``simulated``: the devices were declared, not found. ``real_mounts``:
    ``None`` finds out. ``data_dir``: the portal's own folder, hidden from jobs together with
    the other folders given and the files of ``private``. ``uid_base``: see
    :class:`~portal.adapters.local.walls.Walls`.
    """

    keeps_logs = True

    def __init__(
        self,
        *,
        state_dir: Path,
        storage_root: Path,
        log_dir: Path,
        devices: Mapping[str, int] | None = None,
        simulated: bool = True,
        name: str = "",
        lifeline: Path | None = None,
        real_mounts: bool | None = None,
        data_dir: Path | None = None,
        private: Sequence[Path] = (),
        uid_base: int = 0,
    ) -> None:
        self.name = name or hostname()
        self._layout = Layout(state_dir)
        self._storage_root = storage_root
        self._log_dir = log_dir.absolute()
        self._lifeline = str(lifeline.absolute()) if lifeline else ""
        own = (data_dir.absolute(),) if data_dir else ()
        self._walls = Walls(
            state_dir=self._layout.root,
            ours=(*own, self._layout.root, storage_root.absolute(), self._log_dir),
            private=private,
            uid_base=uid_base,
            real_mounts=real_mounts,
        )
        self._nodes = LocalNodes(hostname(), devices or {}, self._layout.cordoned, simulated)

    @property
    def mounts_are_real(self) -> bool:
        """Whether commands find their mounts at ``/work``, ``/data`` and ``/job``."""
        return bool(self._walls.isolation.namespace)

    @property
    def jobs_reach_portal(self) -> bool:
        """Whether jobs run as the portal's own user, with nothing between them."""
        with _disk():
            return not self._walls.isolation.keeps_out

    def ping(self) -> None:
        """Return when the state folder can be used."""
        with _disk():
            self._layout.prepare()

    def nodes(self) -> Sequence[Node]:
        """One node per declared type of device, or one without."""
        with _disk():
            return self._nodes.all()

    def set_cordoned(self, node: str, cordoned: bool) -> None:
        """Kept in the state folder."""
        with _disk():
            self._nodes.set_cordoned(node, cordoned)
            self._ring(NODES)

    def launch(self, launch: Launch) -> None:
        """Start all replicas; returns when each is in the hands of its shim.

        A call that was broken off is completed by the next one.
        """
        with _disk():
            user = self._walls.user_of(launch.user_id)
            folders = [self._folders(replica, user) for replica in launch.replicas]
            orders = [
                self._order(launch, replica, mounts)
                for replica, mounts in zip(launch.replicas, folders, strict=True)
            ]
            wanted = [order for order in orders if _needs_shim(order.folder)]
            self._ring(str(launch.ref))
            sources = [source for mounts in folders for _, source in mounts]
            given = [order.folder / name for order in wanted for name in (SCRATCH, SHARED)]
            self._walls.open_ways([*sources, *given])
            start_shims(wanted)

    def stop(self, ref: AttemptRef, grace_s: int) -> None:
        """Ask the shims; they end their replicas, :meth:`remove` does the rest."""
        with _disk():
            for folder in self._layout.replicas(ref):
                spec = read_json(folder / "spec.json")
                if spec is not None and replica_status(folder, spec).phase not in ENDED:
                    stopping.ask_to_stop(folder, grace_s)
            self._ring(str(ref))

    def remove(self, ref: AttemptRef, *, force: bool = False) -> None:
        """Kill what is left and forget the attempt; output and the user's folders stay."""
        with _disk():
            for folder in self._layout.replicas(ref):
                if not stopping.end_now(folder) and not force:
                    raise TemporaryFailure(f"processes of {ref}/{folder.name} will not die")
            self._layout.discard(ref)
            self._ring(str(ref))

    def publish(self, ref: AttemptRef, files: Sequence[SharedFile]) -> None:
        """Each replica has copies of its own."""
        with _disk():
            for folder in self._layout.replicas(ref):
                for file in files:
                    if (path := _shared(folder, file)).exists():
                        write_text(path, file.text)

    def observe(self, ref: AttemptRef) -> Observed:
        """As the files say."""
        with _disk():
            return observe(self._layout, ref)

    def observe_all(self) -> Mapping[AttemptRef, Observed]:
        """Everything below the state folder."""
        with _disk():
            everything = {ref: observe(self._layout, ref) for ref in self._layout.attempts()}
        return {ref: seen for ref, seen in everything.items() if not seen.gone}

    def watch(self, listener: ClusterListener, stop: Event) -> None:
        """Push, with a look at everything every ten seconds."""
        Watch(self._layout, self._nodes.all, listener).run(stop)

    def logs(
        self, ref: AttemptRef, replica: str, *, since: datetime | None = None, follow: bool = False
    ) -> Iterator[bytes]:
        """From the kept file, which stays when the replica is gone."""
        path = Path(log_path(str(self._log_dir), ref, replica))
        folder = self._layout.replica(ref, replica)

        def goes_on() -> bool:
            spec = read_json(folder / "spec.json")
            return spec is not None and replica_status(folder, spec).phase not in ENDED

        yield from read_lines(path, since, goes_on if follow else lambda: False)

    def host_of(self, ref: AttemptRef, replica: str) -> str:
        """The host name by which the attempt's other replicas reach this one."""
        return "127.0.0.1"

    def manifests(self, launch: Launch) -> list[dict[str, Any]]:
        """What a shim would be told."""
        return preview(launch)

    def _folders(self, replica: ReplicaLaunch, user: int | None) -> list[Folder]:
        found = [(mount, prepare(mount, self._storage_root, user)) for mount in replica.mounts]
        return [(mount, source) for mount, source in found if source is not None]

    def _order(self, launch: Launch, replica: ReplicaLaunch, mounts: list[Folder]) -> ShimOrder:
        """Claim a replica's folder and say how its shim is to run it."""
        ref = launch.ref
        spec = {
            "node": replica.slot.node,
            "rank": replica.rank,
            "command": replica.command,
            "devices": list(replica.slot.devices),
            "mounts": [asdict(mount) for mount, _ in mounts],
            "serves": replica.serves,
        }
        user = self._walls.user_of(launch.user_id)
        folder = self._layout.claim(ref, replica.name, spec, user)
        if _needs_shim(folder):
            for file in launch.files:
                write_text(_shared(folder, file), file.text)
        around = surroundings(
            replica,
            folder,
            mounts,
            launch.files,
            real_mounts=self.mounts_are_real,
            private=self._walls.hidden() if self.mounts_are_real else (),
            username=launch.username,
        )
        return ShimOrder(
            name=f"{ref}/{replica.name}",
            folder=folder,
            watchers=self._layout.watchers,
            log=Path(log_path(str(self._log_dir), ref, replica.name)),
            lifeline=self._lifeline,
            command=replica.command,
            around=around,
            namespace=self._walls.isolation.namespace,
            user=user,
        )

    def _ring(self, name: str) -> None:
        ring(str(self._layout.watchers), name)


def _shared(folder: Path, file: SharedFile) -> Path:
    return folder / SHARED / checked_name(file.name)


def _needs_shim(folder: Path) -> bool:
    """Whether nobody drives the replica yet and its command was never started."""
    record = read_json(folder / "status.json")
    return record is None or (record.get("phase") == "pending" and not shim_lives(record))


@contextmanager
def _disk() -> Iterator[None]:
    """Trouble with the disk is the runtime not answering."""
    try:
        yield
    except OSError as error:
        raise TemporaryFailure(f"the local runtime's files: {error}") from error
