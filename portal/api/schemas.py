"""What the shapes of calls are made of: pydantic models, and their JSON Schema for the document."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, Any, Generic, TypeAlias, TypeVar

from pydantic import BaseModel, Field, PlainSerializer, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, SkipJsonSchema

from portal.domain.job import MAX_PRIORITY, MIN_PRIORITY
from portal.domain.moment import rfc3339

Schema = Mapping[str, Any]
Item = TypeVar("Item")

OrLeftOut: TypeAlias = Item | SkipJsonSchema[None]
"""May be left out, which is not the same as ``null``; its default is ``None``."""
Time = Annotated[datetime, PlainSerializer(rfc3339)]
Counts = dict[str, int]
Count = Annotated[int, Field(ge=0)]
Priority = Annotated[int, Field(ge=MIN_PRIORITY, le=MAX_PRIORITY)]
Password = Annotated[str, Field(json_schema_extra={"writeOnly": True})]


def about(text: str, **more: Any) -> Any:
    """A field with a description."""
    return Field(description=text, **more)


def choice(values: Iterable[str], **more: Any) -> Any:
    """Text that is one of ``values``, such as plugins and tables bring them."""
    return Annotated[str, Field(json_schema_extra={"enum": list(values), **more})]


class Shape(BaseModel):
    """An object; more names may come."""

    @classmethod
    def of(cls, thing: Any, **more: Any) -> dict[str, Any]:
        """What an answer has of ``thing``: its attributes of these names, and ``more``.

        So what is kept must fit: only bodies have limits of length.
        """
        given = {name: getattr(thing, name) for name in cls.model_fields if hasattr(thing, name)}
        return cls.model_validate(given | more).model_dump(mode="json", exclude_unset=True)


class Closed(BaseModel, extra="forbid"):
    """An object with no names but these."""


class Page(Shape, Generic[Item]):
    """A page of a list."""

    items: list[Item]
    next_cursor: str | None = about("Ask for it with ?cursor=; null at the end")
    total: int | None = about("null when there are too many to count")


class Problem(Shape):
    """RFC 9457."""

    type: str
    title: str
    status: int
    detail: OrLeftOut[str] = None
    code: OrLeftOut[str] = about("invalid, not_found, forbidden, conflict, …", default=None)
    errors: OrLeftOut[dict[str, list[str]]] = about(
        "What is wrong by field; dotted names for nested ones", default=None
    )


class _Writer(GenerateJsonSchema):
    """JSON Schema with the names of the models and of their fields, and no second ones."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def normalize_name(self, name: str) -> str:
        return re.sub(r"^Page_(\w+)_$", r"\1Page", super().normalize_name(name))

    def default_schema(self, schema: Any) -> JsonSchemaValue:
        made = super().default_schema(schema)
        if made.get("default", ...) is None:
            del made["default"]
        return made


def written(kinds: Iterable[Any]) -> tuple[list[Schema], dict[str, Any]]:
    """The schema of each kind (a model, or a type of them), and the components they refer to."""
    adapters = [(str(n), "validation", TypeAdapter(kind)) for n, kind in enumerate(kinds)]
    made, whole = TypeAdapter.json_schemas(
        adapters,  # type: ignore[arg-type]
        schema_generator=_Writer,
        ref_template="#/components/schemas/{model}",
    )
    components: dict[str, dict[str, Any]] = whole["$defs"]
    for component in components.values():
        component.pop("title", None)  # the name once more
    return list(made.values()), components
