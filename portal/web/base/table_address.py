"""The address of a table: its filters, order and page, and the addresses one click away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import urlencode

from werkzeug.datastructures import MultiDict

LIMITS = (15, 30, 60, 100)


@dataclass(frozen=True, slots=True)
class TableAddress:
    """What the address says; what makes no sense is as if it were not there."""

    path: str
    filters: Mapping[str, str] = field(default_factory=dict)
    sort: str = ""
    default_sort: str = ""
    number: int = 1
    limit: int = LIMITS[0]

    @classmethod
    def read(
        cls,
        path: str,
        args: MultiDict[str, str],
        filters: Sequence[str],
        sorts: Sequence[str] = (),
        default_sort: str = "",
    ) -> TableAddress:
        """Read ``args``; only the named filters and orders count."""
        limit, number, sort = args.get("limit", ""), args.get("page", ""), args.get("sort", "")
        return cls(
            path=path,
            filters={name: _text(args.get(name, "")) for name in filters},
            sort=sort if sort.removeprefix("-") in sorts else default_sort,
            default_sort=default_sort,
            number=max(int(number), 1) if number.isdecimal() and len(number) < 6 else 1,
            limit=int(limit) if limit.isdecimal() and int(limit) in LIMITS else LIMITS[0],
        )

    @property
    def offset(self) -> int:
        """Rows before this page."""
        return (self.number - 1) * self.limit

    @property
    def filtered(self) -> bool:
        """Whether any filter narrows the list."""
        return any(self.filters.values())

    @property
    def sort_key(self) -> str:
        """The column of the order."""
        return self.sort.removeprefix("-")

    @property
    def descending(self) -> bool:
        """Whether the order is from high to low."""
        return self.sort.startswith("-")

    @property
    def kept(self) -> list[tuple[str, str]]:
        """What a form that changes the number of rows sends along."""
        return [
            (key, value) for key, value in self._values().items() if key not in ("page", "limit")
        ]

    def sorted_by(self, key: str) -> str:
        """The address with another order; the same column again turns it round."""
        down = key == self.sort_key and not self.descending
        return replace(self, sort=f"-{key}" if down else key, number=1).url()

    def url(self, **changes: object) -> str:
        """The address with some things changed; empty ones left out."""
        values = {**self._values(), **{key: str(value) for key, value in changes.items()}}
        text = urlencode({key: value for key, value in values.items() if value})
        return f"{self.path}?{text}" if text else self.path

    def _values(self) -> dict[str, str]:
        values = {key: value for key, value in self.filters.items() if value}
        if self.sort != self.default_sort:
            values["sort"] = self.sort
        if self.limit != LIMITS[0]:
            values["limit"] = str(self.limit)
        if self.number > 1:
            values["page"] = str(self.number)
        return values


def _text(given: str) -> str:
    """A filter's text; what is too long is cut, and no database takes NUL."""
    return given.replace("\x00", "").strip()[:256]
