"""How long texts and names may be: the one place, for every door and every runtime.

Bytes are those of UTF-8 wherever Linux or Kubernetes counts bytes: one Chinese character has
three, one emoji four. Characters are counted where the database does.

- A file system takes a name of 255 bytes (``NAME_MAX``).
- ``execve`` takes a word of 131,072 bytes with its end (``MAX_ARG_STRLEN``): the command is
  one, ``NAME=value`` of each variable another. All together may have a quarter of the stack,
  2 MiB mostly.
- Kubernetes keeps an object of 1.5 MiB at most (etcd), and takes 1 MiB of data in a Secret or a
  ConfigMap.

What a submission may have lies well below these, because more is put around it: a script that
waits for other replicas, the list of all of them, paths.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from portal.domain.errors import FieldError

MAX_NAME = 64
"""Characters of a job's name."""
MAX_TEMPLATE_NAME = 63
MAX_IMAGE = 512
MAX_REGISTRY_FIELD = 512
MAX_FOLDER_BYTES = 255
MAX_SUB_PATH = 255
"""Characters of a path of several folders."""
MAX_COMMAND_BYTES = 65_536
MAX_ENV = 200
MAX_ENV_NAME = 256
MAX_ENV_VALUE_BYTES = 65_536
MAX_TOGETHER_BYTES = 196_608
"""Of the command and the names and values of all variables."""
MAX_YAML = 262_144
"""Characters of a submission as text: the same with its indentation."""

MAX_WORD_BYTES = 131_072
"""One word of ``execve``, with the zero at its end."""
MAX_EXEC_BYTES = 2_000_000
"""All words of ``execve``; a little less than 2 MiB, for what the system adds."""
MAX_OBJECT_BYTES = 1_572_864
"""One object of Kubernetes."""
MAX_DATA_BYTES = 1_048_576
"""The data of one Secret or ConfigMap."""
_POINTER_BYTES = 8


def size_bytes(text: str) -> int:
    """Bytes of ``text`` in UTF-8."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def too_long(text: str, max_bytes: int) -> FieldError | None:
    """What to say of a text of more than ``max_bytes``; ``None`` when it is not."""
    have = size_bytes(text)
    if have <= max_bytes:
        return None
    numbers = {"max": max_bytes, "have": have}
    if text.isascii():
        return FieldError("Must be at most %(max)s bytes, has %(have)s", numbers)
    return FieldError(
        "Must be at most %(max)s bytes, has %(have)s (a Chinese character has 3, an emoji 4)",
        numbers,
    )


def together_too_long(command: str, env: Mapping[str, str]) -> FieldError | None:
    """What to say when command and variables are each short enough and too long together."""
    variables = sum(size_bytes(name) + size_bytes(value) for name, value in env.items())
    have = size_bytes(command) + variables
    if have <= MAX_TOGETHER_BYTES:
        return None
    return FieldError(
        "The command and all variables together must be at most %(max)s bytes, they have %(have)s",
        {"max": MAX_TOGETHER_BYTES, "have": have},
    )


def exec_problem(command: str, env: Mapping[str, str]) -> str | None:
    """Why the kernel would not start ``command`` with ``env``; ``None`` when it would."""
    words = [("the command", size_bytes(command))]
    words += [
        (f"the variable {name}", size_bytes(name) + 1 + size_bytes(value))
        for name, value in env.items()
    ]
    for what, size in words:
        if size >= MAX_WORD_BYTES:
            return f"{what} has {size} bytes; the system takes at most {MAX_WORD_BYTES - 1}"
    total = sum(size + 1 + _POINTER_BYTES for _, size in words)
    if total > MAX_EXEC_BYTES:
        return (
            f"the command and its variables have {total} bytes in all;"
            f" the system takes at most {MAX_EXEC_BYTES}"
        )
    return None


def data_problem(what: str, texts: Iterable[str]) -> str | None:
    """Why Kubernetes would not keep these texts in one Secret or ConfigMap, named ``what``."""
    size = sum(size_bytes(text) for text in texts)
    if size <= MAX_DATA_BYTES:
        return None
    return f"{what} has {size} bytes; Kubernetes takes at most {MAX_DATA_BYTES}"
