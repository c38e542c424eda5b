"""The checker of fields: clean values, or everything that is wrong, each at its own name."""

from __future__ import annotations

from typing import Any

import pytest

from portal.domain.errors import FieldError, InvalidSpec, WrongValue
from portal.domain.fields import Fields, boolean, each, integer, line, names, text


def told(invalid: InvalidSpec) -> dict[str, list[str]]:
    return {name: [str(one) for one in found] for name, found in invalid.errors.items()}


def test_clean_values_by_name():
    fields = Fields({"a": " x ", "n": 3, "off": None}, ("a", "n", "off", "more"))
    assert fields.take("a", line(5)) == "x"
    assert fields.take("n", integer(1, 3)) == 3
    assert fields.take("off", line(5, required=False)) == ""
    assert fields.take("more", boolean) is None
    assert fields.take("more", boolean, True) is True
    assert fields.done() == {"a": "x", "n": 3, "off": "", "more": True}


def test_all_that_is_wrong_at_once_and_nested_names_from_outside():
    def inner(value: Any) -> dict[str, Any]:
        below = Fields(value, ("on",))
        below.take("on", boolean)
        return below.done()

    fields = Fields(
        {"a": "", "deep": {"x": {"on": 1, "of": 2}, "y": {"on": True}}, "z": 1}, ("a", "deep", "b")
    )
    assert fields.take("a", line(5), "instead", required=True) == "instead"
    fields.take("b", line(5), required=True)
    fields.take("deep", lambda value: each(value, lambda _, part: inner(part)))
    with fields.noting():
        raise InvalidSpec("a", "Too %(what)s", what="short")
    with pytest.raises(InvalidSpec) as caught:
        fields.done()
    assert told(caught.value) == {
        "z": ["Unknown field"],
        "a": ["Required", "Too short"],
        "b": ["Required"],
        "deep.x.of": ["Unknown field"],
        "deep.x.on": ["Must be true or false"],
    }
    assert fields.any_wrong(["c", "b"])
    assert not fields.any_wrong(["c", "deep"])


@pytest.mark.parametrize("body", [None, [], "x", 3])
def test_a_body_that_is_no_object(body):
    with pytest.raises(InvalidSpec) as caught:
        Fields(body, ())
    assert told(caught.value) == {"body": ["Must be an object"]}


@pytest.mark.parametrize(
    ("read", "value", "says"),
    [
        (line(3), "abcd", "Use one line of at most 3 characters"),
        (line(9), "a\nb", "Use one line of at most 9 characters"),
        (line(9), "a\u2028b", "Use one line of at most 9 characters"),
        (line(9), 7, "Use one line of at most 9 characters"),
        (line(9), " ", "Required"),
        (lambda value: text(value, maximum=2), "abc", "Must be at most 2 characters, has 3"),
        (integer(0), -1, "Must be 0 or more"),
        (integer(0), True, "Must be a whole number"),
        (integer(1, 5), 1.0, "Must be a whole number from 1 to 5"),
        (integer(1, 5), 6, "Must be from 1 to 5"),
        (boolean, 1, "Must be true or false"),
        (names, "ab", "Must be a list of names"),
        (names, ["a", "\ud800"], "Must be a list of names"),
        (names, ["a\x00"], "Must be a list of names"),
    ],
)
def test_what_a_reader_refuses(read, value, says):
    with pytest.raises(WrongValue) as caught:
        read(value)
    assert told(caught.value) == {"": [says]}
    assert str(caught.value) == says


def test_an_error_of_many_keeps_its_words():
    assert InvalidSpec("a", FieldError("At most %(n)s", {"n": 2})).message == "a: At most 2"
