"""A root of its own for one replica, in which ``/work``, ``/data``, ``/job`` are its folders.

The machine's own root is not touched, not even by an empty folder: in a private mount
namespace a small tmpfs becomes the root; everything of the old top level is bound into it,
then the replica's folders. Everything else of the machine stays as it is, so this is no
protection, only the right paths. Needs the right to mount, or user namespaces.
"""

from __future__ import annotations

import os

from portal.adapters.local.shim import kernel

KEPT_FLAGS = kernel.MS_NOSUID | kernel.MS_NODEV | os.ST_NOEXEC | os.ST_NOATIME | os.ST_NODIRATIME


def enter(kind: str, stage: str, binds: list[tuple[str, str, bool]]) -> None:
    """Leave the machine's mounts and go to a root made below ``stage``.

    ``kind``: ``mount``, or ``user`` for those who are not root. ``binds``: source, target,
    read-only.
    """
    if kind == "user":
        _new_user_namespace()
    else:
        kernel.unshare(kernel.CLONE_NEWNS)
    # What the machine mounts later still arrives; nothing goes the other way.
    kernel.mount("", "/", flags=kernel.MS_REC | kernel.MS_SLAVE)
    kernel.mount("tmpfs", stage, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, "mode=755,size=1m")
    wanted = {target for _, target, _ in binds}
    for name in os.listdir("/"):
        if f"/{name}" not in wanted:
            _copy_entry(f"/{name}", f"{stage}/{name}")
    for source, target, read_only in sorted(binds, key=lambda bind: bind[1]):
        _bind(source, stage + target, read_only)
    # Better a clear refusal than files at the top that are gone with the replica.
    closed = kernel.MS_BIND | kernel.MS_REMOUNT | kernel.MS_RDONLY
    kernel.mount("", stage, flags=closed | kernel.MS_NOSUID | kernel.MS_NODEV)
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
