"""Tables that fit: words and numbers stay whole, columns without room are left out, decimal points are below one another."""

from __future__ import annotations

import pytest

from harness.reporters.columns import Column, cut, fitted, fold, joined, shortened

ROWS = [("t2i_intensity", "srcc_within_emotion", "0.7"), ("t2i_emotion", "fidelity", "-12.25")]


def columns(**drops: int) -> list[Column]:
    heads = ("task", "metric", "value")
    aligns = ("left", "left", "decimal")
    return [
        Column(head, [row[k] for row in ROWS], align, drop=drops.get(head, 0))  # type: ignore[arg-type]
        for k, (head, align) in enumerate(zip(heads, aligns, strict=True))
    ]


def text(found: list[Column], width: int) -> list[str]:
    return [line.plain for line in fitted(found, width).lines()]


def test_there_is_more_room_between_columns_where_there_is_room() -> None:
    assert text(columns(), 60)[0] == "task            metric                 value"
    assert text(columns(), 44)[0] == "task            metric                 value"
    assert text(columns(), 43)[0] == "task           metric                value"


def test_decimal_points_are_below_one_another() -> None:
    _, _, first, second = text(columns(), 60)
    assert first.index("0.7") + 1 == second.index("-12.25") + 3


def test_columns_are_left_out_in_the_order_that_they_say() -> None:
    table = fitted(columns(metric=2, value=1), 41)
    assert [column.head for column in table.columns] == ["task", "value"]
    assert table.omitted == ["metric"]
    assert fitted(columns(metric=2, value=1), 15).omitted == ["metric", "value"]


def test_a_shorter_form_comes_first() -> None:
    longer = Column(
        "best baseline", ["majority 0.5", "chance 0.1"], shorter=(3, "baseline", ["0.5", "0.1"]), drop=1
    )
    table = fitted([*columns(value=2), longer], 52)
    assert [column.head for column in table.columns] == ["task", "metric", "value", "baseline"]
    assert table.omitted == []


def test_numbers_are_never_shortened() -> None:
    lines = text(columns(), 24)
    assert all(len(line) <= 24 for line in lines)
    assert "-12.25" in lines[3]
    assert "…" in lines[2]


def test_words_are_wrapped_whole() -> None:
    wrapped = Column("note", ["the quick brown fox", "jumps"], "left", wrap=True)
    lines = text([Column("n", ["1", "2"]), wrapped], 13)
    assert [line.strip() for line in lines[2:]] == ["1  the quick", "brown fox", "2  jumps"]


@pytest.mark.parametrize(
    ("given", "width", "expected"),
    [
        ("abcdefgh", 8, "abcdefgh"),
        ("abcdefgh", 5, "ab…gh"),
        ("abcdefgh", 6, "abc…gh"),
        ("漢字漢字", 5, "漢…字"),
        ("abc", 0, ""),
    ],
)
def test_shortened(given: str, width: int, expected: str) -> None:
    assert shortened(given, width) == expected


def test_cut_at_a_word() -> None:
    assert cut("one two, three", 20) == ["one two, three"]
    assert cut("one two, three", 10) == ["one two …"]
    assert cut("one two, three four five", 10, 2) == ["one two,", "three …"]


def test_lines_are_broken_between_words_and_parts() -> None:
    assert fold("", 10) == [""]
    assert fold("a bb ccc", 4) == ["a bb", "ccc"]
    assert fold("abcdefghij", 4) == ["abcd", "efgh", "ij"]
    assert list(joined(["model x", "on y", "mode z"], 16)) == ["model x · on y", "mode z"]
