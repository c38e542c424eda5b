"""The shell's part of a distributed job: what is said around the user's command.

Each is one line, so that line numbers in a shell's complaints stay the user's own.
"""

from __future__ import annotations

from collections.abc import Sequence

ANSWER_WITHIN_S = 300
"""So long the first replica waits for another's SSH server."""

# DeepSpeed looks there when it is told of no other place.
_LEAVE_HOSTFILE = '{ [ ! -d /job ] || cp "$AOLI_HOSTFILE" /job/hostfile; } 2>/dev/null || :; '
_NEEDS_SERVER = (
    '[ -z "$AOLI_SSH_PORT" ] || (PATH=$PATH:/usr/sbin:/usr/local/sbin:/sbin; command -v sshd)'
    " >/dev/null || { echo 'the image has no SSH server (sshd):"
    " no process can be started here' >&2; exit 127; }; "
)
_WAIT_TO_BE_ENDED = "trap 'exit 0' TERM; while :; do sleep 3600 & wait $!; done"


def every(command: str) -> str:
    """The command of a replica that runs it like all others."""
    return _LEAVE_HOSTFILE + command


def first(command: str, others: Sequence[str]) -> str:
    """The command of the one replica that runs it, once all ``others`` answer.

    Where replicas have no networks of their own there is nobody to wait for.
    """
    wait = (
        f"for aoli_host in {' '.join(others)}; do aoli_tries={ANSWER_WITHIN_S // 2};"
        ' until ssh "$aoli_host" true </dev/null >/dev/null 2>&1; do'
        ' aoli_tries=$((aoli_tries - 1)); [ "$aoli_tries" -gt 0 ] ||'
        ' { echo "$aoli_host does not answer SSH" >&2; exit 1; }; sleep 2; done; done'
    )
    has_client = (
        "command -v ssh >/dev/null ||"
        " { echo 'the image has no SSH client: no other replica can be reached' >&2; exit 127; }"
    )
    waited = f'[ -z "$AOLI_SSH_PORT" ] || ({has_client}; {wait}) || exit; ' if others else ""
    return _LEAVE_HOSTFILE + waited + command


def serving() -> str:
    """The command of a replica that only lets the first one start processes on it."""
    return _NEEDS_SERVER + _WAIT_TO_BE_ENDED
