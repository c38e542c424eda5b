"""What ``aoli up --demo`` adds, once: a second VC and example jobs that really train.

The devices are simulated, the jobs are not: they run the script of ``examples/`` on this
machine's processor.
"""

from __future__ import annotations

import importlib.util
import logging
import shutil
from pathlib import Path
from typing import Any

from portal import wiring
from portal.domain.errors import AoliError
from portal.domain.permission import PRESET_ROLES, Actor
from portal.models import UserRow
from portal.models.db import session
from portal.processes.log_lines import configure_logging
from portal.services.portal import Portal
from portal.services.vcs import reading as virtual_clusters
from portal.settings import Settings

log = logging.getLogger(__name__)

SCRIPT = Path(__file__).parents[2] / "examples" / "train_digits.py"
SECOND_VC = "research"
GPU, NPU = "nvidia_gpu_amd64", "huawei_npu_arm64"
TRAIN = 'python "$AOLI_DATA_PATH/examples/train_digits.py"'
IMAGE = "python:3.11"


def run(settings: Settings) -> None:
    """The process that the supervisor starts once when everything is ready."""
    configure_logging()
    portal = wiring.connect(settings)
    with session():
        actor = _administrator(settings.admin_username)
        if actor is None:
            log.warning("no examples: there is no user %s", settings.admin_username)
        elif any(vc.name == SECOND_VC for vc in virtual_clusters.list_all()):
            log.info("the examples are there already")
        else:
            _add_everything(portal, actor)


def _administrator(username: str) -> Actor | None:
    row = UserRow.get_or_none(UserRow.username == username)
    if row is None:
        return None
    role, permissions = next(iter(PRESET_ROLES.items()))
    return Actor(row.id, username, frozenset(permissions), nickname=username, roles=(role,))


def _add_everything(portal: Portal, actor: Actor) -> None:
    """Halve the first VC's quota, give the rest to the second, submit the jobs."""
    devices = virtual_clusters.device_totals()
    half = {kind: count // 2 for kind, count in devices.items()}
    rest = {kind: count - half[kind] for kind, count in devices.items()}
    portal.vc_editor.modify(actor, virtual_clusters.FIRST_VC, {"quota": rest})
    portal.vc_editor.add(actor, {"name": SECOND_VC, "quota": half})
    if not _provide_script(portal.settings):
        return
    for body in example_jobs():
        try:
            portal.jobs.submit(actor, body)
        except AoliError as error:
            log.warning("the example %s was refused: %s", body["name"], error)
    log.info("the example jobs are submitted")


def _provide_script(settings: Settings) -> bool:
    """Put the script where every job sees it (below ``/data``)."""
    if not SCRIPT.exists() or importlib.util.find_spec("sklearn") is None:
        log.warning("no example jobs: they need the source tree and scikit-learn (extra 'demo')")
        return False
    folder = Path(settings.storage) / "storage" / "examples"
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(SCRIPT, folder / SCRIPT.name)
    return True


def example_jobs() -> list[dict[str, Any]]:
    """Submissions that show each fate of a job: trained, training, waiting, failed."""
    return [
        _job("digits", "platform", GPU, 1, f"{TRAIN} --epochs 30 --pace 1"),
        _job("digits-wide", "platform", GPU, 2, f"{TRAIN} --epochs 300 --hidden 128 --pace 2"),
        _job("digits-ascend", "research", NPU, 4, f"{TRAIN} --epochs 120 --rate 0.003 --pace 1"),
        _job("digits-sweep", "research", GPU, 2, _SWEEP, preemptible=True),
        _job("digits-big", "platform", GPU, 4, f"{TRAIN} --epochs 60 --hidden 256 --pace 0.5"),
        _job("misspelled", "platform", None, 0, f"{TRAIN} --epoch-count 3"),
    ]


_SWEEP = (
    "for rate in 0.0003 0.001 0.003; do"
    f' {TRAIN} --epochs 40 --pace 0.5 --rate $rate --output "$AOLI_JOB_PATH/$rate" || exit;'
    " done"
)


def _job(
    name: str, vc: str, device_type: str | None, devices: int, command: str, **fields: Any
) -> dict[str, Any]:
    body: dict[str, Any] = {
        "name": name,
        "vc": vc,
        "kind": "regular",
        "devices": devices,
        "image": IMAGE,
        "command": command,
        **fields,
    }
    return body if device_type is None else {**body, "device_type": device_type}
