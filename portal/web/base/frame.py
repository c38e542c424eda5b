"""What the frame around every page shows: menu, current virtual cluster, user, nodes."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Flask, g, request, url_for

from portal.domain.permission import Actor, Permission
from portal.http.access import actor, signed_in
from portal.http.database import is_away
from portal.http.redirects import here
from portal.http.services import services
from portal.services.records import inventory
from portal.services.vcs import reading as virtual_clusters
from portal.services.vcs.reading import VcAccess, VirtualCluster
from portal.web import __version__
from portal.web.base.words import gettext, ngettext

AVATAR_COLOURS = range(1, 9)


@dataclass(frozen=True, slots=True)
class MenuEntry:
    """One line of the left menu; ``key`` follows ``g`` on the keyboard."""

    label: str
    href: str
    icon: str
    current: bool
    key: str


@dataclass(frozen=True, slots=True)
class FrameUser:
    """Who is signed in, for the user menu."""

    username: str
    nickname: str
    roles: tuple[str, ...]

    @property
    def initial(self) -> str:
        """The letter in the round."""
        return self.username[:1].upper()

    @property
    def colour(self) -> int:
        """A colour that stays with the user."""
        return avatar_colour(self.username)


@dataclass(frozen=True, slots=True)
class FrameVc:
    """A virtual cluster to choose, with how many devices of its quota are free."""

    name: str
    free: int
    quota: int


@dataclass(frozen=True, slots=True)
class NodeCount:
    """How many nodes take work."""

    ready: int
    total: int


@dataclass(frozen=True, slots=True)
class Frame:
    """Everything the frame needs; empty for whoever is not signed in."""

    user: FrameUser | None
    menu: tuple[MenuEntry, ...]
    vcs: tuple[FrameVc, ...]
    current_vc: str
    cluster: str
    nodes: NodeCount | None
    may_search: bool
    manages_users: bool = False
    manages_vcs: bool = False
    sees_vcs: bool = False


def avatar_colour(username: str) -> int:
    """One of the eight colours; each has its ink."""
    return AVATAR_COLOURS[sum(username.encode()) % len(AVATAR_COLOURS)]


def frame() -> Frame:
    """The frame of this answer, made once."""
    if "frame" not in g:
        known = not is_away() and signed_in()
        g.frame = _make() if known else Frame(None, (), (), "", "", None, False)
    found: Frame = g.frame
    return found


def vc_access() -> VcAccess:
    """The virtual clusters as the reader sees them, read once for this answer."""
    if "vc_access" not in g:
        g.vc_access = virtual_clusters.access(actor())
    found: VcAccess = g.vc_access
    return found


def current_vc() -> VirtualCluster | None:
    """The virtual cluster that the reader works in."""
    return vc_access().current


def _make() -> Frame:
    reader = actor()
    vc = current_vc() if reader.anything else None
    return Frame(
        user=FrameUser(reader.username, reader.nickname or reader.username, reader.roles),
        menu=tuple(_menu(reader)),
        vcs=tuple(map(_vc, vc_access().usable.values())) if vc else (),
        current_vc=vc.name if vc else "",
        cluster=services().cluster.name,
        nodes=_nodes() if reader.may(Permission.VIEW_CLUSTER) else None,
        may_search=reader.anything,
        manages_users=reader.may(Permission.MANAGE_USERS),
        manages_vcs=reader.may(Permission.MANAGE_VC),
        sees_vcs=_sees_vcs(reader),
    )


def _sees_vcs(reader: Actor) -> bool:
    return reader.may(Permission.VIEW_VC) or reader.may(Permission.MANAGE_VC)


def _vc(vc: VirtualCluster) -> FrameVc:
    free = sum(max(quota - vc.used.get(kind, 0), 0) for kind, quota in vc.quota.items())
    return FrameVc(vc.name, free, sum(vc.quota.values()))


def _menu(reader: Actor) -> list[MenuEntry]:
    """The entries whose pages exist and whose permission the reader has."""
    entries = []
    if reader.anything:
        entries.append(_entry(gettext("Home"), "home.index", "house", "h"))
    if reader.may(Permission.SUBMIT_JOB):
        entries.append(_entry(gettext("Submit Training Job"), "submit.index", "square-plus", "s"))
    if reader.may(Permission.SUBMIT_JOB) or reader.may(Permission.VIEW_ALL_JOBS):
        entries.append(_entry(gettext("View and Manage Jobs"), "jobs.index", "list", "j"))
    if reader.may(Permission.VIEW_CLUSTER):
        entries.append(_entry(gettext("Cluster Status"), "cluster.index", "server", "c"))
    if _sees_vcs(reader):
        entries.append(_entry(gettext("Virtual Cluster"), "virtual_clusters.index", "layers", "v"))
    if reader.may(Permission.MANAGE_VC):
        entries.append(_entry(gettext("Plugins"), "plugins.index", "puzzle", "p"))
    return entries


def _entry(label: str, endpoint: str, icon: str, key: str) -> MenuEntry:
    current = (request.blueprint or "") == endpoint.partition(".")[0]
    return MenuEntry(label, url_for(endpoint), icon, current, key)


def _nodes() -> NodeCount:
    return NodeCount(*inventory.node_counts(services().cluster.name))


def choose_virtual_cluster(name: str) -> None:
    """Make another virtual cluster the current one; ``NotFound`` when it may not be used."""
    virtual_clusters.select(actor(), name)


def free_text() -> str:
    """A fact for empty lists: which devices are free now."""
    vc = current_vc()
    for name, quota in sorted(vc.quota.items()) if vc else ():
        free = vc.usable_quota.get(name, quota) - vc.used.get(name, 0) if vc else 0
        if free > 0:
            return ngettext(
                "%(num)s of %(quota)s %(type)s is free now. A job on it would start at once.",
                "%(num)s of %(quota)s %(type)s are free now. A job on them would start at once.",
                free,
                quota=quota,
                type=name,
            )
    return gettext("Nothing has been submitted here.")


def team_templates() -> int:
    """How many templates of the team the reader could start from, for empty lists."""
    vc = current_vc()
    if vc is None or not actor().may(Permission.SUBMIT_JOB):
        return 0
    visible = services().templates.visible(actor(), vc.name)
    return sum(template["scope"] == "team" for template in visible)


def install(app: Flask) -> None:
    """Add the template functions."""
    app.jinja_env.globals.update(
        page_frame=frame,
        free_text=free_text,
        team_templates=team_templates,
        here=here,
        version=lambda: __version__,
        avatar_colour=avatar_colour,
    )
