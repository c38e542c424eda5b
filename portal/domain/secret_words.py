"""What tells of a secret: the one rule, by whole words of a name, and texts without secrets."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

HIDDEN = "(hidden)"
"""Stands for a secret in what people read as prose: mails, the audit log."""
REDACTED = "********"
"""Stands for a secret in a job's body. It is never a value that a job may be given."""
SHORTEST = 4
"""Shorter values are not looked for in a text: they are in every word."""

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
"""Words end at ``_ . -``, at digits and where capitals begin: ``dbPassword``, ``HFToken2``."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_SECRET = _words(
    "password passwords passwd passphrase passphrases passcode pass pwd pw secret secrets token"
    " credential credentials cred creds key auth oauth authorization bearer jwt otp totp cookie"
    " cookies dsn pat sas webhook netrc pgpass htpasswd sshpass kubeconfig passkey apikeys"
    " sshkey"
)
_ENDINGS = (
    *("password", "passwd", "passphrase", "secret", "credential", "credentials", "token"),
    *("apikey", "accesskey", "secretkey", "privatekey"),
)
"""Names without a mark between their words: ``PGPASSWORD``, ``APIKEY``, ``authtoken``."""
_PLURALS = frozenset({"keys", "tokens"})
_OF_ACCESS = _words(
    "access api auth bearer encryption github gitlab hf master private refresh secret session"
    " signing ssh"
)
"""Before a plural: ``API_KEYS`` are secrets, ``MAX_TOKENS`` and ``SORT_KEYS`` are not."""
_HARMLESS_AFTER = {
    "token": "max min num n total per pad eos bos unk mask sep cls special stop start end next"
    " prev new image",
    "pass": "forward backward single two multi first second low high band",
    "key": "public primary foreign sort partition group join index row cache",
    "auth": "no skip disable",
}
_HARMLESS_BEFORE = {
    "token": "bucket budget classification count dim dropout embedding embeddings endpoint id"
    " length len limit level merging rate ratio url",
    "pass": "at count filter number rate through",
    "key": "frame frames point points size dim bits",
    "auth": "backend endpoint host port provider server url",
}
_MODEL_TOKENS = _words("pad eos bos unk mask sep cls special stop")
_TAILS = _words(
    "enabled disabled required type mode method name length ttl timeout expiry expires policy"
    " algorithm secure samesite httponly"
)
"""What is told of a secret without being one: ``TOKEN_TTL``, ``COOKIE_NAME``."""

_REFERENCE = re.compile(r"[\"']?\$(?:\w+|\{\w+\}|\(.*)[\"']?", re.DOTALL)
_VALUE = re.compile(r"\"[^\"]*\"|'[^']*'|[^\s;&|,})\"']+")
# Names are bounded and begin where no name goes on, and a value is read only where one is
# taken: a long text takes linear time.
_GIVEN = re.compile(
    r"(?<![\w.-])(?P<name>-{0,2}[A-Za-z_][\w.-]{0,127})(?P<joint>[\"']?\s{0,64}[=:]\s{0,64})"
)
_OPTION = re.compile(r"(?<![\w.-])(?P<name>--?[A-Za-z][\w.-]{0,127})(?P<joint>\s{1,64})(?![\s-])")
_LOGIN = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]{0,31}://)"
    r"(?P<login>[^\s/'\"@:]{0,512}:(?!\d{1,5}/)[^\s'\"]{1,4096}|[^\s/'\"]{1,4096})@"
)
_USER = re.compile(r"(?<![\w-])(?P<name>-u|--user|--userpwd|--proxy-user)(?P<joint>[\s=]\s{0,64})")
_SSHPASS = re.compile(r"(?P<name>\bsshpass\s{1,64}-p)(?P<joint>\s{0,64})")
_PAIR = re.compile(r"[\"']?[^\s:'\"]{1,256}:[^\s'\"]+[\"']?")
_HEADER = re.compile(
    r"(?P<head>\bauthorization[\"']?\s*[:=]\s*[\"']?[A-Za-z]{1,32}\s+)[^\s\"']+", re.IGNORECASE
)
_BEARER = re.compile(r"\b(?P<word>Bearer)\s+[A-Za-z0-9._~+/=-]{8,}")
_SHAPES = re.compile(
    r"\b(?:hf_[A-Za-z0-9]{20,}|gh[pousr]_[A-Za-z0-9]{30,}|github_pat_\w{30,}|glpat-[\w-]{20,}"
    r"|sk-[\w-]{20,}|AKIA[A-Z0-9]{16}|xox[abprs]-[\w-]{10,}|AIza[\w-]{30,}"
    r"|eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]+)"
)
_PEM = re.compile(
    r"-----BEGIN (?P<what>[A-Z ]{0,32})PRIVATE KEY-----.*?(?:-----END [A-Z ]{0,40}-----|\Z)",
    re.DOTALL,
)


def tells_of_secret(name: str) -> bool:
    """Whether what is called so is likely a secret: ``WANDB_API_KEY``, ``--db-password``.

    Whole words decide: ``MAX_TOKENS`` and ``BYPASS_CACHE`` tell of none.
    """
    words = [word.lower() for word in _WORD.findall(name)]
    if not words or (len(words) > 1 and words[-1] in _TAILS):
        return False
    if "connection string" in " ".join(words) or words[-2:] == ["key", "hash"]:
        return True
    return any(_is_secret_word(words, place) for place in range(len(words)))


def _is_secret_word(words: list[str], place: int) -> bool:
    word = words[place]
    before = words[place - 1] if place else ""
    after = words[place + 1] if place + 1 < len(words) else ""
    if word in _PLURALS:
        return before in _OF_ACCESS
    if before in _HARMLESS_AFTER.get(word, "").split():
        return False
    if after == "id" and word == "token":
        return before not in _MODEL_TOKENS
    if after in _HARMLESS_BEFORE.get(word, "").split():
        return False
    if word in _SECRET:
        return True
    ending = next((end for end in _ENDINGS if word.endswith(end)), None)
    known = _HARMLESS_AFTER.get(ending or "", "").split()
    return ending is not None and word.removesuffix(ending) not in known


def without_secrets(text: str, values: Iterable[str] = (), mark: str = HIDDEN) -> str:
    """``text`` without ``values``, without what is given to a secret's name, without log-ins.

    ``mark`` stands in their place; empty, nothing does. References such as ``$HF_TOKEN`` are
    no secrets and stay.
    """
    for value in sorted({v for v in values if len(v) >= SHORTEST}, key=len, reverse=True):
        text = text.replace(value, mark)

    text = _PEM.sub(mark, text)
    text = _LOGIN.sub(lambda found: _without_login(found, mark), text)
    text = _HEADER.sub(lambda found: found["head"] + mark, text)
    text = _BEARER.sub(lambda found: f"{found['word']} {mark}", text)
    text = _SHAPES.sub(mark, text)
    for pattern, shape in ((_SSHPASS, _VALUE), (_USER, _PAIR), (_GIVEN, _VALUE), (_OPTION, _VALUE)):
        text = "".join(_without_given(pattern, shape, text, mark))
    return text


def _without_given(
    pattern: re.Pattern[str], shape: re.Pattern[str], text: str, mark: str
) -> Iterator[str]:
    """The pieces of the text; a value that is none itself may hold further names."""
    at = 0
    for given in pattern.finditer(text):
        if given.start() < at or not (pattern in (_SSHPASS, _USER) or tells_of_secret(given[1])):
            continue
        value = shape.match(text, given.end())
        if value is None or _is_open(value[0]):
            continue
        # An option must keep its place: without a value the next word would become it.
        empty = "''" if given["joint"].isspace() or not given["joint"] else ""
        yield text[at : given.end()] + (mark or empty)
        at = value.end()
    yield text[at:]


def _is_open(value: str) -> bool:
    """Whether it is no secret: a reference, or the numbers of a user and a group."""
    return bool(_REFERENCE.fullmatch(value) or re.fullmatch(r"\d+:\d+", value))


def _without_login(found: re.Match[str], mark: str) -> str:
    login = found["login"]
    parts = login.split(":")
    if all(_REFERENCE.fullmatch(part) for part in parts):
        return found[0]
    if len(parts) == 1 and (login == "git" or "ssh" in found["scheme"]):
        return found[0]  # only whose account it is
    return f"{found['scheme']}{mark}@" if mark else found["scheme"]


def secret_names(env: Mapping[str, Any], marked: Iterable[str] = ()) -> set[str]:
    """Names of the variables whose values are secret: by their name, or marked so."""
    chosen = set(marked)
    return {name for name in env if name in chosen or tells_of_secret(str(name))}


def secret_values(env: Mapping[str, Any], marked: Iterable[str] = ()) -> list[str]:
    """The values that must be found nowhere else either."""
    return [str(env[name]) for name in secret_names(env, marked)]


def redacted(body: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The body of a job to look at, and the dotted names of what is redacted in it.

    All names stay; :data:`REDACTED` stands for secrets. ``body`` has the shape of a
    submission and may lack fields.
    """
    return _cleaned(body, REDACTED)


def emptied(body: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The body of a job to start another one from, and the dotted names of what was emptied.

    A variable that holds a secret in any part is emptied whole; a command loses only the
    secrets. A registry keeps server and user name.
    """
    return _cleaned(body, "")


_PLAIN = frozenset(
    {"name", "vc", "kind", "device_type", "mounts", "endpoints", "interactive_ports", "secret_env"}
)
"""Fields with rules of their own, which leave no room for a secret."""


def _cleaned(body: Mapping[str, Any], mark: str) -> tuple[dict[str, Any], list[str]]:
    env = body.get("env")
    env = env if isinstance(env, Mapping) else {}
    given = body.get("secret_env")
    marked = [str(name) for name in given] if isinstance(given, (list, tuple)) else []
    values = secret_values(env, marked)
    clean: dict[str, Any] = {}
    taken: list[str] = []
    for key, value in body.items():
        if key in _PLAIN:
            clean[key] = value
        elif key == "env" and isinstance(value, Mapping):
            clean[key], names = _clean_env(env, secret_names(env, marked), values, mark)
            taken += names
        elif key == "registry":
            clean[key], names = _clean_registry(value)
            taken += names
        else:
            clean[key] = _clean_value(key, value, values, mark)
            if clean[key] != value:
                taken.append(key)
    return clean, taken


def _clean_env(
    env: Mapping[str, Any], secret: set[str], values: list[str], mark: str
) -> tuple[dict[str, Any], list[str]]:
    clean: dict[str, Any] = {}
    for name, value in env.items():
        if name in secret:
            clean[name] = mark if value else value
            continue
        told = without_secrets(value, values, mark) if isinstance(value, str) else value
        clean[name] = told if mark or told == value else ""
    return clean, [f"env.{name}" for name in env if clean[name] != env[name]]


def _clean_registry(registry: Any) -> tuple[Any, list[str]]:
    """Who logs in where; a log-in always has a password, which must be given anew."""
    if not isinstance(registry, Mapping):
        return None, []
    kept = {part: registry[part] for part in ("server", "username") if part in registry}
    used = any(registry.values())
    return kept, ["registry.password"] if used else []


def _clean_value(name: str, value: Any, values: Collection[str], mark: str) -> Any:
    """A field of the job or of its kind, whatever its shape."""
    if isinstance(value, Mapping):
        return {key: _clean_value(str(key), item, values, mark) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_clean_value(name, item, values, mark) for item in value]
    if isinstance(value, bool) or value in (None, ""):
        return value
    if tells_of_secret(name):
        return mark
    return without_secrets(value, values, mark) if isinstance(value, str) else value


def address(url: str, mark: str = "***") -> str:
    """An address to look at: who logs in stays; a password and what the query hides do not."""
    found = _LOGIN.match(url)
    if found is None:
        return without_secrets(url, mark=mark)
    user, colon, _ = found["login"].partition(":")
    token = not colon and found["scheme"].startswith("http")  # as servers of repositories take it
    login = f"{user}:{mark}" if colon else mark if token else user
    return f"{found['scheme']}{login}@{without_secrets(url[found.end() :], mark=mark)}"


def cleaned(value: Any, mark: str = REDACTED) -> Any:
    """Any record to look at: without what names call a secret, and without secrets in texts."""
    return _clean_value("", walk(value, mark), (), mark)


def walk(value: Any, mark: str = HIDDEN) -> Any:
    """Any record with what is called like a secret redacted, whatever its shape."""
    if isinstance(value, Mapping):
        return {
            str(key): mark if item and tells_of_secret(str(key)) else walk(item, mark)
            for key, item in value.items()
        }
    if isinstance(value, (list, tuple, set, frozenset)):
        return [walk(item, mark) for item in value]
    return value


def places(names: Iterable[str]) -> Iterator[str]:
    """What people call the dotted names: ``env.HF_TOKEN`` is ``HF_TOKEN``."""
    return (name.removeprefix("env.") for name in names)
