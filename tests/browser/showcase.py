"""A portal as people know theirs: two teams, eight-device nodes, jobs in all ten states.

The cluster *atlas* of the design pictures: *mei* administers, *liang* and *priya* train in
the virtual cluster ``platform``, *tomas* in ``vision``, *hana* has no role yet. The password
of all of them is :data:`house.PASSWORD`.

The database of a process is one, so tests run it as a process of its own (:func:`start`); it
ends when its standard input does. ``/_broken`` is a page that fails. Nothing in it is left to
chance: keys and the ids of jobs are the same in every run.

    PYTHONPATH=.:tests:tests/web:tests/browser python tests/browser/showcase.py
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

from chromium import Site
from house import PASSWORD, House, make_house, make_settings
from public_keys import key_line
from showcase_jobs import GPU, NPU, fill
from web_house import WebHouse

from portal import wiring
from portal.application import make_tables
from portal.domain.permission import Actor, Permission
from portal.models import VcRow, db
from portal.people import api_keys, first_accounts
from portal.people.administration import administration
from portal.services.people import ssh_keys
from portal.testing import a_node

NODES = (
    ("atlas01", NPU, "10.20.0.11"),
    ("atlas02", NPU, "10.20.0.12"),
    ("atlas-gpu01", GPU, "10.20.0.21"),
    ("atlas-gpu02", GPU, "10.20.0.22"),
    ("atlas-gpu03", GPU, "10.20.0.23"),
)
ROLES = {
    "Researcher": ("Trains in a virtual cluster", ["submit_job", "view_vc", "view_cluster"]),
    "VC Admin": ("Shares the devices among teams", ["manage_vc", "view_vc", "view_cluster"]),
    "Read-only auditor": ("Looks, changes nothing", ["view_all_jobs", "view_vc", "view_cluster"]),
}
PEOPLE = (
    ("liang", "梁伟", "138 0055 0107", ["Researcher"]),
    ("priya", "Priya N.", "", ["Researcher", "VC Admin"]),
    ("kenji", "Kenji Mori", "080 5550 0142", ["Researcher"]),
    ("tomas", "Tomáš Havel", "", ["Researcher"]),
    ("nadia", "Nadia Farouk", "", ["Read-only auditor"]),
    ("sofia", "Sofia Lindqvist", "", ["User"]),
    ("wanjiru", "Wanjiru K.", "", ["System Admin"]),
    ("hana", "Hana Sato", "", []),
    ("wei.z", "韦昭", "136 0055 0171", []),
)
GROUPS = (
    ("speech", "Speech recognition", ["Researcher"], ["liang", "priya"]),
    ("city-vision", "Street scenes, with the city", ["Researcher"], ["tomas", "kenji"]),
)
EVERYTHING = frozenset(permission.value for permission in Permission)
HISTORY = timedelta(days=6)
ADMIN, RESEARCHER, NEWCOMER = "mei", "liang", "hana"


@dataclass(frozen=True, slots=True)
class Showcase:
    """The portal at an address; ``ids`` are of jobs and accounts, by name."""

    url: str
    ids: dict[str, str]


@contextmanager
def start() -> Iterator[Showcase]:
    """The showcase in a process of its own."""
    process = subprocess.Popen(
        [sys.executable, __file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            "PYTHONHASHSEED": "0",
        },
    )
    try:
        assert process.stdout is not None
        yield Showcase(**json.loads(process.stdout.readline()))
    finally:
        process.communicate()  # closes its input: it goes


@contextmanager
def serve(folder: Path) -> Iterator[Showcase]:
    """Build it below ``folder`` and serve it in this process until the end of the block."""
    settings = make_settings(folder).model_copy(
        update={
            "cluster_name": "atlas",
            "storage_root": str(_storage(folder)),
            "sign_in_devices": True,
            "wechat_app_id": "aoli",
            "microsoft_client_id": "aoli",
        }
    )
    settings.data_dir.mkdir(parents=True)
    app = make_tables(settings)
    first_accounts.seed_roles(app)
    first_accounts.make_admin(app, ADMIN, PASSWORD)
    house = make_house(settings)
    house.cluster.set_nodes(*(a_node(name, device_type=kind, ip=ip) for name, kind, ip in NODES))
    house.cluster.set_cordoned("atlas-gpu03", True)
    wiring.upgrade(house.portal)
    web_house = WebHouse(house, development=True)
    web_house.app.add_url_rule("/_broken", view_func=_fail)
    people, ids = make_people(web_house)
    house.cluster.now = datetime.now(UTC) - HISTORY
    make_virtual_clusters(house, people[ADMIN])
    add_ssh_key(people[ADMIN])
    with patch.object(uuid, "uuid4", ids_in_order()):
        ids |= fill(house, people)
    site = Site(web_house)
    try:
        yield Showcase(site.url, ids)
    finally:
        site.close()
        web_house.close()
        with app.app_context():
            app.extensions["sqlalchemy"].engine.dispose()
        db.close()


def ids_in_order() -> Callable[[], uuid.UUID]:
    """Ids of jobs as they are otherwise, but the same in every run."""
    chance = random.Random(1)
    return lambda: uuid.UUID(int=chance.getrandbits(128), version=4)


def _storage(folder: Path) -> Path:
    """The storage's root as clusters have it, if this machine has that folder."""
    usual = Path("/dlwsdata")
    root = usual if usual.is_dir() else folder / "dlwsdata"
    for mount in ("work", "storage", "jobs"):
        (root / mount).mkdir(parents=True, exist_ok=True)
    return root


def _fail() -> str:
    raise RuntimeError("the job database did not answer")


def make_people(web_house: WebHouse) -> tuple[dict[str, Actor], dict[str, str]]:
    """The accounts, groups and roles, made by *mei*: everybody, and the ids of all."""
    ids = {}
    with web_house.app.test_request_context():
        services = administration()
        mei = Actor(1, ADMIN, EVERYTHING, roles=("System Admin",), address="10.20.0.5")
        services.users.modify(mei, 1, {"nickname": "Mei", "email": "mei@atlas.lan"})
        for name, (description, codes) in ROLES.items():
            body = {"name": name, "description": description, "permissions": codes}
            ids[f"role_{name}"] = str(services.roles.create(mei, body).id)
        people = {ADMIN: mei}
        for username, nickname, phone, roles in PEOPLE:
            body = {"username": username, "nickname": nickname, "password": PASSWORD}
            body |= {"phone": phone, "email": f"{username}@atlas.lan", "roles": roles}
            made = services.users.create(mei, body)
            groups = frozenset(name for name, _, _, users in GROUPS if username in users)
            people[username] = Actor(made.id, username, EVERYTHING, groups=groups)
        for name, description, roles, users in GROUPS:
            body = {"name": name, "description": description, "roles": roles, "users": users}
            ids[f"group_{name}"] = str(services.groups.create(mei, body).id)
        api_keys.create(web_house.app.appbuilder.session, mei, {"name": "laptop"})
    return people, ids | {f"user_{name}": str(one.user_id) for name, one in people.items()}


def add_ssh_key(mei: Actor) -> None:
    """One of *mei*'s, as anybody would make it."""
    with db.session():
        ssh_keys.add(mei, "laptop", key_line(), datetime.now(UTC))


def make_virtual_clusters(house: House, mei: Actor) -> None:
    """Three: two teams' and one without devices."""
    vision = {"users": [ADMIN, "tomas"], "groups": ["city-vision"]}
    with db.session():
        house.portal.watch_handler.nodes_changed(house.cluster.nodes())
        VcRow.delete().execute()
        for body in (
            {"name": "platform", "quota": {NPU: 16, GPU: 8}},
            {"name": "vision", "quota": {GPU: 6}, "members": vision},
            {"name": "edge", "quota": {}, "members": {"users": ["wanjiru"], "groups": []}},
        ):
            house.portal.vc_editor.add(mei, body)
            house.advance(60)


def main() -> None:
    """Serve until the standard input ends; one line says where."""
    with TemporaryDirectory() as folder, serve(Path(folder)) as showcase:
        print(json.dumps({"url": showcase.url, "ids": showcase.ids}), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
