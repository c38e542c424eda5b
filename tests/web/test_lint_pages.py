"""The linter of the pages' own rules: each finds its fault, and only there."""

from __future__ import annotations

import lint_pages
import pytest


def test_a_line_is_as_long_as_may_be_read():
    assert list(lint_pages.long_lines(f"{'a' * 140}\n{'b' * 141}\n")) == [
        (2, "141 characters, at most 140")
    ]


@pytest.mark.parametrize("mark", ['"', "'"])
def test_json_in_an_attribute_is_escaped(mark):
    text = f"<p>\n<form data-names={mark}{{{{ names|tojson }}}}{mark}>"
    assert [line for line, _ in lint_pages.unescaped_json(text)] == [2]


def test_escaped_json_and_json_in_a_script_are_right():
    text = '<form data-names="{{ names|tojson|forceescape }}"><script>{{ chart|tojson }}</script>'
    assert list(lint_pages.unescaped_json(text)) == []


def test_a_custom_property_is_set_somewhere():
    sheet = "p {\n  color: var(--ink);\n  margin: var(--gap);\n}\n"
    assert list(lint_pages.unknown_variables(sheet, {"--ink"})) == [(3, "--gap is set nowhere")]


def test_a_block_sets_a_property_once():
    sheet = "p {\n  color: red;\n  margin: 0;\n  color: blue;\n}\nb {\n  color: red;\n}\n"
    assert list(lint_pages.repeated_properties(sheet)) == [(4, "color is set twice in one block")]


def test_the_pages_have_no_fault():
    assert list(lint_pages.faults()) == []
