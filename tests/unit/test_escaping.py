"""Untrusted text is displayed literally and on one line."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.escaping import (
    csv_cell,
    latex,
    markdown,
    markdown_comment,
    plain,
    workflow_message,
    workflow_property,
    xml_text,
)

ANYTHING = st.text(st.characters(codec=None), max_size=60)


@given(ANYTHING)
def test_plain_has_no_control_characters(text: str) -> None:
    shown = plain(text)
    assert not [c for c in shown if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp")]
    assert not {
        "\u202a",
        "\u202b",
        "\u202d",
        "\u202e",
        "\u2066",
        "\u2067",
        "\u2068",
        "\u200e",
        "\u200f",
    } & set(shown)
    assert len(shown.splitlines()) <= 1
    shown.encode("utf-8")


@given(ANYTHING, st.integers(1, 20))
def test_plain_keeps_within_its_limit(text: str, limit: int) -> None:
    shown = plain(text, limit)
    assert len(shown) <= limit
    assert shown == plain(text) or (shown.endswith("…") and plain(text).startswith(shown[:-1]))


@given(st.text(st.characters(categories=("L", "N", "Zs")), max_size=60))
def test_plain_leaves_plain_text_unchanged(text: str) -> None:
    assert plain(text) == text


def test_plain_shows_where_lines_end() -> None:
    assert plain("one\ntwo") == "one ↵ two"
    assert plain("\x1b[31mred\x07") == "�[31mred�"
    assert plain(3.5) == "3.5"


@given(ANYTHING)
def test_csv_cells_are_not_formulas(text: str) -> None:
    cell = csv_cell(text)
    assert isinstance(cell, str)
    assert cell.lstrip()[:1] not in {*"=+-@\uff1d\uff0b\uff0d\uff20", "\t", "\r", "\n"}


@pytest.mark.parametrize(
    "text", ["=1+1", " =1+1", "\u3000=1", "\xa0@SUM(A1)", "\uff1d1+1", "\uff20SUM", "\t=1", "  -2+3"]
)
def test_csv_cells_that_could_start_a_formula_are_quoted(text: str) -> None:
    cell = csv_cell(text)
    assert isinstance(cell, str)
    assert cell.startswith("'")
    assert csv_cell(f"x{text}") == plain(f"x{text}")


@pytest.mark.parametrize("value", [0.5, -1, None, True, 10**30])
def test_csv_cells_keep_numbers(value: object) -> None:
    assert csv_cell(value) is value


@given(ANYTHING)
def test_markdown_cells_stay_in_their_cell(text: str) -> None:
    cell = markdown(text)
    assert "\n" not in cell
    bare = cell.replace("\\\\", "")
    for mark in "|<>`*_[]":
        assert bare.count(mark) == bare.count("\\" + mark), f"{mark} is not escaped in {cell!r}"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a_b & 5% #1 $x {y}", r"a\_b \& 5\% \#1 \$x \{y\}"),
        ("\\end~^", r"\textbackslash{}end\textasciitilde{}\textasciicircum{}"),
        ('<a|"b">', r"\textless{}a\textbar{}''b''\textgreater{}"),
        ("a--b---c-d", "a-{}-b-{}-{}-c-d"),
        ("a\nb\x1b\ud800\uffff", r"a \textbackslash{}n b???"),
        ("é", "é"),
    ],
)
def test_latex(text: str, shown: str) -> None:
    assert latex(text) == shown


@pytest.mark.parametrize("text", ["@bob", "a#12", "http://x", "WWW.x", "GH-12", "a@b.c"])
def test_comments_neither_mention_nor_link(text: str) -> None:
    shown = markdown_comment(text)
    assert shown.replace("<!-- -->", "") == markdown(text), "the text is that of Markdown"
    assert shown.count("<!-- -->") == 1
    assert not re.search(r"@\w|#\d|://|www\.|gh-\d", shown, re.IGNORECASE)
    assert "<!--" not in markdown_comment("<!-- -->")


def test_xml_has_no_character_that_xml_forbids() -> None:
    assert (
        xml_text("a\tb\n\U0001f600\x00\x0b\ud800\ufffe<")
        == "a\tb\n\U0001f600" + "\N{REPLACEMENT CHARACTER}" * 4 + "<"
    )


def test_workflow_commands_are_on_one_line() -> None:
    assert workflow_message("100%\r\na:b,c") == "100%25%0D%0Aa:b,c"
    assert workflow_property("100%\r\na:b,c") == "100%25%0D%0Aa%3Ab%2Cc"
