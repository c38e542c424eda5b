"""What the frame around every page shows: menu, current virtual cluster, user, nodes."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Flask, g, request, url_for
from flask_babel import gettext

from portal.web import __version__
from portal.web.security.access import allowed, grants, signed_in
from portal.web.security.redirects import here

AVATAR_COLOURS = (1, 3, 4, 7, 8)


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
        return (self.nickname or self.username)[:1].upper()

    @property
    def colour(self) -> int:
        """A colour that stays with the user."""
        return avatar_colour(self.username)


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
    vcs: tuple[str, ...]
    current_vc: str
    cluster: str
    nodes: NodeCount | None
    may_search: bool


def avatar_colour(username: str) -> int:
    """One of the colours that carry white or dark letters well."""
    return AVATAR_COLOURS[sum(username.encode()) % len(AVATAR_COLOURS)]


def frame() -> Frame:
    """The frame of this answer, made once."""
    if "frame" not in g:
        g.frame = Frame(None, (), (), "", "", None, False)
    found: Frame = g.frame
    return found


def choose_virtual_cluster(name: str) -> bool:
    return False


def install(app: Flask) -> None:
    """Add the template functions."""
    app.jinja_env.globals.update(frame=frame, here=here, version=lambda: __version__)
