"""Errors that the rules raise, each with a stable ``code``; ``portal.http`` has their statuses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one field.

    ``template`` is an English sentence with ``%(name)s`` places, ``params`` fills them; the
    pages translate the template before filling it, everything else uses ``str()``.
    """

    template: str
    params: Mapping[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.template % dict(self.params)


class AoliError(Exception):
    """Base of all errors with a meaning to the user; ``words`` are there if pages translate it."""

    code = "error"

    def __init__(self, why: str | FieldError) -> None:
        self.message = str(why)
        self.words = why if isinstance(why, FieldError) else None
        super().__init__(self.message)


class InvalidSpec(AoliError):
    """One or more fields of what somebody sent are wrong.

    ``InvalidSpec("devices", "Must be even")`` names one field;
    :meth:`of` takes many. ``errors`` maps a field's name (dotted for nested ones, such as
    ``mounts.work.sub_path``) to its errors.
    """

    code = "invalid"

    def __init__(self, field_name: str, why: str | FieldError, **params: object) -> None:
        error = why if isinstance(why, FieldError) else FieldError(why, params)
        super().__init__(f"{field_name}: {error}" if field_name else str(error))
        self.errors: dict[str, list[FieldError]] = {field_name: [error]}

    @classmethod
    def of(cls, errors: Iterable[tuple[str, FieldError]]) -> InvalidSpec:
        """Build from pairs of field name and error; at least one pair is needed."""
        pairs = list(errors)
        if not pairs:
            raise ValueError("InvalidSpec needs at least one error")
        invalid = cls(*pairs[0])
        for name, error in pairs[1:]:
            invalid.errors.setdefault(name, []).append(error)
        return invalid

    def below(self, field_name: str) -> Iterator[tuple[str, FieldError]]:
        """Pairs for :meth:`of`, as they are called where these are the parts of a field."""
        for name, found in self.errors.items():
            where = f"{field_name}.{name}" if field_name and name else field_name or name
            yield from ((where, error) for error in found)


class WrongValue(InvalidSpec):
    """A value is wrong, whatever its field is called: what readers of fields raise."""

    def __init__(self, why: str | FieldError, **params: object) -> None:
        super().__init__("", why, **params)


class NotKnownYet(AoliError):
    """Something that the cluster is about to say has not been said yet."""

    code = "not_known_yet"


class NotFound(AoliError):
    """There is no such thing, or the one who asks may not see it."""

    code = "not_found"


class Forbidden(AoliError):
    """The one who asks may see the thing but not do this to it."""

    code = "forbidden"


class Conflict(AoliError):
    """The thing's present state forbids the action, or a name is taken."""

    code = "conflict"


class PriorityClash(Conflict):
    """Somebody else, ``by``, has changed the priority meanwhile, to ``value``."""

    def __init__(self, by: str, value: int) -> None:
        super().__init__(f"{by} has set the priority to {value} meanwhile")
        self.by = by
        self.value = value


class TooMany(AoliError):
    """Asked too often; ``retry_after_s`` seconds later it may work."""

    code = "too_many"

    def __init__(self, why: str, retry_after_s: int) -> None:
        super().__init__(why)
        self.retry_after_s = retry_after_s


class TemporaryFailure(AoliError):
    """An outside service did not answer; trying again later may work."""

    code = "unavailable"
    reason_code = "launch_waiting"
    """Code of the reason that a job shows whose start failed so."""


class QuotaUsedUp(TemporaryFailure):
    """The cluster lets us have no more for now (a namespace's quota)."""

    reason_code = "cluster_quota"


class MissingRight(TemporaryFailure):
    """The cluster does not let our account do this; an operator can give the right."""

    reason_code = "missing_right"


class PermanentFailure(AoliError):
    """An outside service refused for good (a spec the cluster will never take)."""

    code = "refused"


class PluginFailed(AoliError):
    """The code of a plugin failed; ``kind`` and ``name`` say which ("job kind", "acme")."""

    code = "plugin_failed"

    def __init__(self, kind: str, name: str, why: str) -> None:
        super().__init__(f"the {kind} {name} {why}")
        self.kind = kind
        self.name = name


class PluginSlow(PluginFailed):
    """A plugin did not answer by its deadline, or is left alone because it has not lately."""

    code = "plugin_slow"
