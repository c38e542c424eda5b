"""Calls on virtual clusters, and who the caller is."""

from __future__ import annotations

from typing import Any, Literal

from portal.api import reading
from portal.api.auth import ACCOUNT, MEMBER, actor, holders
from portal.api.calls import PAGING, call
from portal.api.schemas import Counts, Page, Shape, about
from portal.domain.errors import NotFound
from portal.domain.permission import Actor, Permission
from portal.services.vcs import reading as vcs

VIEWERS = holders(Permission.VIEW_VC, Permission.MANAGE_VC)


class Me(Shape):
    """An account."""

    id: int
    username: str
    nickname: str
    roles: list[str]
    groups: list[str]
    permissions: list[str]
    vcs: list[str] = about("Virtual clusters that you may use")
    current_vc: str | None


class Members(Shape):
    """Who may use a virtual cluster; empty: every user."""

    users: list[str]
    groups: list[str]


class VirtualCluster(Shape):
    """A virtual cluster as you see it."""

    name: str
    quota: Counts
    used: Counts
    usable_quota: Counts = about(
        "What it can use of its quota now: less while too few nodes take jobs"
    )
    members: Members
    user_limit: Counts
    max_run_time_s: int | None
    preempt_grace_s: int | None
    permission: Literal["manage", "view"]
    usable: bool = about("Whether you may submit to it")
    current: bool


@call(
    "GET",
    "/me",
    tag="Account",
    summary="Who you are and what you may do",
    access=ACCOUNT,
    answer=Me,
)
def show_me() -> Any:
    """Also for an account without any role."""
    caller = actor()
    access = vcs.access(caller) if caller.anything else vcs.VcAccess([], {}, None)
    order = [code.value for code in Permission]
    known = [code for code in order if code in caller.permissions]
    return Me.of(
        caller,
        id=caller.user_id,
        groups=sorted(caller.groups),
        permissions=known + sorted(caller.permissions.difference(order)),
        vcs=list(access.usable),
        current_vc=access.current.name if access.current else None,
    )


@call(
    "GET",
    "/vcs",
    tag="Virtual clusters",
    summary="List virtual clusters",
    access=VIEWERS,
    query=PAGING,
    answer=Page[VirtualCluster],
    problems=(422,),
)
def list_vcs() -> Any:
    """Those you may use; all of them for who may manage them."""
    shown = Shown(actor())
    return reading.page_of([shown.dump(vc) for vc in shown.visible.values()])


@call(
    "GET",
    "/vcs/<name>",
    tag="Virtual clusters",
    summary="Show a virtual cluster",
    access=VIEWERS,
    answer=VirtualCluster,
    problems=(404,),
)
def show_vc(name: str) -> Any:
    """Its quota and what is used of it."""
    shown = Shown(actor())
    vc = shown.visible.get(name)
    if vc is None:
        raise NotFound("There is no virtual cluster of this name")
    return shown.dump(vc)


@call(
    "POST",
    "/vcs/<name>/select",
    tag="Virtual clusters",
    summary="Work in this virtual cluster from now on",
    access=MEMBER,
    answer=VirtualCluster,
    problems=(404,),
)
def select_vc(name: str) -> Any:
    """Kept across sessions."""
    caller = actor()
    vc = vcs.select(caller, name)
    return Shown(caller).dump(vc)


class Shown:
    """What one caller sees of the virtual clusters, asked once."""

    def __init__(self, caller: Actor) -> None:
        access = vcs.access(caller)
        self.usable = access.usable
        self._manages = caller.may(Permission.MANAGE_VC)
        self.visible = access.visible_to(caller)
        self._current = access.current.name if access.current else None

    def dump(self, vc: vcs.VirtualCluster) -> dict[str, Any]:
        """By the names of the contract."""
        return VirtualCluster.of(
            vc,
            permission="manage" if self._manages else "view",
            usable=vc.name in self.usable,
            current=vc.name == self._current,
        )
