"""A root of its own for one replica, in which ``/work``, ``/data``, ``/job`` are its folders.

The machine's own root is not touched, not even by an empty folder: in a private mount
namespace a small tmpfs becomes the root; everything of the old top level is bound into it,
what the command must not see is covered, then come the replica's folders. The rest of the
machine stays as it is. Needs the right to mount, or user namespaces.

A cover cannot be lifted by the command: it has no right to mount, and in a namespace that it
makes itself the kernel holds on to what it was given. The way round it, ``/proc/<pid>/root``
of a process outside, is closed to another user and to a child user namespace.
"""

from __future__ import annotations

import os

from portal.adapters.local.shim import kernel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

Bind = tuple[str, str, bool]
KEPT_FLAGS = kernel.MS_NOSUID | kernel.MS_NODEV | os.ST_NOEXEC | os.ST_NOATIME | os.ST_NODIRATIME
_CLOSED = kernel.MS_BIND | kernel.MS_REMOUNT | kernel.MS_RDONLY | kernel.MS_NOSUID | kernel.MS_NODEV
_NOTHING = ".nothing"


def enter(
    kind: str,
    stage: str,
    binds: list[Bind],
    covers: Iterable[str] = (),
    late_covers: Iterable[str] = (),
) -> None:
    """Leave the machine's mounts and go to a root made below ``stage``.

    ``kind``: ``mount``, or ``user`` for those who are not root. ``binds``: source (without
    symbolic links in it), target, read-only. ``covers``: folders and files of the machine
    that are empty here, but for the binds; ``late_covers``: the same for what a bind shows.
    """
    if kind == "user":
        _new_user_namespace()
    else:
        kernel.unshare(kernel.CLONE_NEWNS)
    # What the machine mounts later still arrives; nothing goes the other way.
    kernel.mount("", "/", flags=kernel.MS_REC | kernel.MS_SLAVE)
    sources = [_open(source) for source, _, _ in binds]
    kernel.mount("tmpfs", stage, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, "mode=755,size=1m")
    wanted = {target for _, target, _ in binds}
    for name in os.listdir("/"):
        if f"/{name}" not in wanted:
            _copy_entry(f"/{name}", f"{stage}/{name}")
    covered = [path for path in covers if _cover(stage, path)]
    for (_, target, read_only), source in sorted(
        zip(binds, sources, strict=True), key=lambda bind: bind[0][1]
    ):
        _bind(f"/proc/self/fd/{source}", stage + target, read_only)
        os.close(source)
    covered += [path for path in late_covers if _cover(stage, path)]
    # Better a clear refusal than files that are gone with the replica.
    for path in (*covered, ""):
        kernel.mount("", stage + path, flags=_CLOSED)
    os.chdir(stage)
    kernel.pivot_root()


def _new_user_namespace() -> None:
    """Same user and group inside as outside, with the right to mount until the next exec."""
    uid, gid = os.getuid(), os.getgid()
    kernel.unshare(kernel.CLONE_NEWUSER | kernel.CLONE_NEWNS)
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{uid} {uid} 1")
    _write("/proc/self/gid_map", f"{gid} {gid} 1")


def _write(path: str, text: str) -> None:
    fd = os.open(path, os.O_WRONLY)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


def _open(source: str) -> int:
    """Hold on to a source before it is covered.

    Other commands of its owner may be at work in it: one that has put a link in its place or
    above it must not get us to show what that leads to.
    """
    fd = os.open(source, os.O_PATH)
    found = os.readlink(f"/proc/self/fd/{fd}")
    if found != source:
        raise OSError(f"{source} has become a link to {found}")
    return fd


def _copy_entry(old: str, new: str) -> None:
    """Show one entry of the machine's root in the new one; a dead mount stays empty."""
    if os.path.islink(old):
        os.symlink(os.readlink(old), new)
        return
    _make_mount_point(old, new)
    try:
        kernel.mount(old, new, flags=kernel.MS_BIND | kernel.MS_REC)
    except OSError:
        if old in ("/proc", "/dev", "/usr"):
            raise


def _cover(stage: str, path: str) -> bool:
    """Put nothing over a folder or file; whether it is a folder that binds may go into."""
    if os.path.isdir(stage + path):
        flags = kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC
        kernel.mount("tmpfs", stage + path, "tmpfs", flags, "mode=755,size=256k")
        return True
    if os.path.lexists(stage + path):
        _make_mount_point(path, f"{stage}/{_NOTHING}")
        kernel.mount(f"{stage}/{_NOTHING}", stage + path, flags=kernel.MS_BIND)
    return False


def _make_mount_point(source: str, target: str) -> None:
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
    elif not os.path.exists(target):
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o644))


def _bind(source: str, target: str, read_only: bool) -> None:
    _make_mount_point(source, target)
    kernel.mount(source, target, flags=kernel.MS_BIND | kernel.MS_REC)
    if read_only:
        # A user namespace may not drop flags that the machine has set.
        kept = os.statvfs(target).f_flag & KEPT_FLAGS
        flags = kernel.MS_BIND | kernel.MS_REMOUNT | kernel.MS_RDONLY | kept
        kernel.mount("", target, flags=flags)
