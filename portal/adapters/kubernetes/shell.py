"""How a command is run inside its container. Pure.

The first process of a container is special: the kernel drops every signal that it has not
asked for, so a shell or a Python started as such would sleep through SIGTERM until it is
killed. A small script therefore stands first: it runs the command in the background, hands
SIGTERM on to all processes, waits for them, and ends with the command's exit code.

The shell is ``bash`` when the image has it, ``/bin/sh`` otherwise. Only bash lets a command
in the background have SIGINT and SIGQUIT back, which POSIX shells make it ignore.
"""

from __future__ import annotations

import re

_CHOOSE_SHELL = (
    "aoli_shell=$(command -v bash) || aoli_shell=/bin/sh;"
    ' exec "$aoli_shell" -c "$0" "$aoli_shell" "$1" "${2-}"'
)

# All processes of the container are asked to end: those of the command, and what it put into
# the background. The command's own shell dies of it at once, so the rest is waited for, or a
# training that writes its checkpoint would be killed with the container. Where the first
# process is not number 1 (a namespace shared with other containers), it is its own group only.
# `wait` returns early when the trap has run, so it is asked again; 127 then means that the
# command's exit code was already taken. Shells comment on how a background command died: the
# script's own errors go nowhere from before the command begins, the command's where they belong.
_FIRST_PROCESS = """\
aoli_code= aoli_ending= aoli_ended= aoli_all=0
[ $$ = 1 ] && aoli_all=-1
trap 'trap "" TERM INT QUIT HUP; aoli_ending=1; kill -TERM $aoli_all' TERM INT QUIT HUP
[ -z "$2" ] || "$0" -c "$2" "$0" </dev/null >/dev/null 2>&1
[ -z "$aoli_ending" ] || exit 143
exec 3>&2 2>/dev/null
(trap - TERM INT QUIT HUP; exec "$0" -c "$1" 2>&3 3>&-) &
aoli_command=$! ; exec 3>&-
while :; do
  wait "$aoli_command"; aoli_now=$?
  [ "$aoli_now" = 127 ] && [ -n "$aoli_code" ] && break
  aoli_code=$aoli_now
  [ -n "$aoli_ending" ] || break
  aoli_ending= aoli_ended=1
done
while [ -n "$aoli_ended" ] && [ $$ = 1 ] && kill -0 -1; do
  sleep 0.1 || sleep 1
done
exit "$aoli_code"
"""

_EXPANDED = re.compile(r"\$(?=[$(])")


def container_command(command: str, before: str = "") -> list[str]:
    """The words a container is started with so that ``command`` is run by its shell.

    ``before`` is a script that is run first, unheard; whatever becomes of it, the command
    is run after it.
    """
    words = ["/bin/sh", "-c", _CHOOSE_SHELL, _FIRST_PROCESS, command]
    return [*words, before] if before else words


def literal(text: str) -> str:
    """``text`` so that Kubernetes does not expand it.

    In commands and environment values ``$(NAME)`` is replaced and ``$$`` becomes ``$``.
    """
    return _EXPANDED.sub("$$", text)
