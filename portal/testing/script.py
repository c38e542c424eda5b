"""Commands acted out without a shell: ``echo``, ``sleep``, ``exit``, ``false``, ``trap``.

Enough for tests of what happens around a command. Time is given from outside, so a
``sleep 600`` costs nothing; with ``&`` it is slept at the next ``wait``. What is not known
does nothing and succeeds.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from datetime import datetime, timedelta

_VARIABLE = re.compile(r"\$\{?([A-Za-z_][A-Za-z0-9_]*)\}?")
_SEPARATORS = frozenset(";&")


class Script:
    """One running command. ``exit_code`` is ``None`` until it ends."""

    def __init__(self, command: str, env: Mapping[str, str]) -> None:
        self._env = dict(env)
        self._statements = _statements(command)
        self._next = 0
        self._last = 0
        self._wakes_at: datetime | None = None
        self._behind: datetime | None = None
        """When what was put into the background ends."""
        self._on_term: str | None = None
        self.exit_code: int | None = None
        self.said: list[str] = []
        """Lines of output that nobody has taken yet."""

    def advance(self, now: datetime) -> None:
        """Go on as far as possible."""
        if self._wakes_at is not None and now < self._wakes_at:
            return
        self._wakes_at = None
        while self.exit_code is None and self._wakes_at is None:
            if self._next == len(self._statements):
                self.exit_code = self._last
                return
            statement = self._statements[self._next]
            self._next += 1
            self._last = self._do(statement, now)

    def terminate(self, now: datetime) -> None:
        """SIGTERM: ends, unless trapped."""
        if self.exit_code is not None:
            return
        if self._on_term is None:
            self.exit_code = 143
        elif self._on_term:
            self._statements[self._next : self._next] = _statements(self._on_term)
            self._wakes_at = None
            self.advance(now)

    def kill(self) -> None:
        """SIGKILL."""
        if self.exit_code is None:
            self.exit_code = 137

    def _do(self, words: list[str], now: datetime) -> int:
        name, arguments = words[0], [self._expand(word) for word in words[1:]]
        if name == "echo":
            self.said.append(" ".join(arguments))
        elif name == "sleep":
            wakes_at = now + timedelta(seconds=float(arguments[0]))
            if arguments[-1] == "&":
                self._behind = wakes_at
            else:
                self._wakes_at = wakes_at
        elif name == "wait":
            self._wakes_at = self._behind
        elif name == "exit":
            self.exit_code = int(arguments[0]) if arguments else self._last
        elif name == "trap" and arguments[-1] == "TERM":
            self._on_term = words[1]
        return 1 if name == "false" else 0

    def _expand(self, word: str) -> str:
        return _VARIABLE.sub(lambda found: self._env.get(found[1], ""), word)


def _statements(command: str) -> list[list[str]]:
    lexer = shlex.shlex(command.replace("\n", " ; "), posix=True, punctuation_chars=";&")
    lexer.whitespace_split = True
    statements: list[list[str]] = [[]]
    for word in lexer:
        if word and set(word) <= _SEPARATORS:
            if word == "&":
                statements[-1].append(word)
            statements.append([])
        else:
            statements[-1].append(word)
    return [statement for statement in statements if statement]
