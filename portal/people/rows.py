"""Flask-AppBuilder's data model interface, as far as it goes with our lists.

It filters, counts, sorts and pages in SQL, and finds, adds and deletes rows. What our lists do
otherwise is here: a page may begin at any row, rows that are equal keep the order of their
numbers, and what is typed is text, in which ``%`` is a per cent sign.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from flask_appbuilder.models.filters import BaseFilter, Filters
from flask_appbuilder.models.sqla.interface import SQLAInterface
from sqlalchemy import or_

Chosen = tuple[str, type[BaseFilter], str]
"""A filter as Flask-AppBuilder takes it: its column, its class, the value it is given."""


class Contains(BaseFilter):  # type: ignore[misc]
    """A text is part of one of the columns, whatever the capitals; spaces between the columns."""

    def apply(self, query: Any, value: str) -> Any:
        """The query, narrowed."""
        columns = (getattr(self.model, name) for name in self.column_name.split())
        return query.filter(or_(*(one.icontains(value, autoescape=True) for one in columns)))


class Rows(SQLAInterface):  # type: ignore[misc]
    """The rows of one of Flask-AppBuilder's tables."""

    def page(
        self,
        columns: Sequence[Any],
        chosen: Iterable[Chosen],
        sort: str,
        *,
        offset: int = 0,
        limit: int | None = None,
    ) -> tuple[list[Any], int]:
        """Some columns of the rows of a page, and how many rows there are; ``-`` before the
        column of ``sort`` turns the order round.
        """
        filters = Filters(self.filter_converter_class, self)
        filters.add_filter_list([one for one in chosen if one[2]])
        total: int = self.query_count(self.session.query(self.get_pk()), filters)
        column, direction = sort.removeprefix("-"), "desc" if sort.startswith("-") else "asc"
        query = self.session.query(*columns)
        return self.apply_all(query, filters, column, direction, offset, limit).all(), total

    def apply_order_by(self, query: Any, column: str, direction: str, **_: Any) -> Any:
        """Rows that are equal follow their numbers, in either direction."""
        if not column:
            return query
        return super().apply_order_by(query, column, direction).order_by(self.get_pk())

    def apply_pagination(self, query: Any, page: int | None, page_size: int | None) -> Any:
        """``page`` is the row where it begins: cursors of the API are such numbers."""
        return query.offset(page).limit(page_size)

    def get_inner_filters(self, filters: Filters | None) -> Filters | None:
        """All of them: none joins another table."""
        return filters
