"""Thoughts are stored apart and bounded, exported as a column of their own, and shown apart."""

from __future__ import annotations

from harness import JudgeReply
from harness.cli.samples import text_line
from harness.exporting.sample_columns import SampleColumns
from harness.exporting.sample_row import SampleRow
from harness.run.received import LONGEST_THOUGHT, judge_fields


def row(thought: str) -> SampleRow:
    return SampleRow(
        "t", "t", "d", "", 0, "", "m", "s", answer="sad", reply="sad", state="right", truth="sad",
        thought=thought, usage={"thinking_tokens": 7},
    )  # fmt: skip


def test_a_thought_is_stored_apart_and_bounded() -> None:
    fields, problem = judge_fields(JudgeReply("0", text="sad", thought="so " * 10 + "x" * 10**6 + " end"))
    assert not problem
    assert fields["text"] == "sad"
    assert LONGEST_THOUGHT - 10 < len(fields["thought"]) <= LONGEST_THOUGHT
    assert fields["thought"].startswith("so so")
    assert fields["thought"].endswith(" end")
    assert " [...] " in fields["thought"]


def test_no_thought_is_no_field() -> None:
    for thought in (None, ""):
        assert "thought" not in judge_fields(JudgeReply("0", text="sad", thought=thought))[0]
    assert judge_fields(JudgeReply("0", text="sad", thought=5))[1] == "thought is int"  # type: ignore[arg-type]


def test_it_is_shown_after_the_reply_and_escaped() -> None:
    line = text_line(row("so\x1b[2J\nsad"))
    assert " sad | thought (7 tokens): so" in line
    assert line.isprintable()
    assert "thought" not in text_line(row(""))


def test_it_is_a_column_where_a_reply_has_one() -> None:
    without, with_ = (SampleColumns(usage=("thinking_tokens",), thought=t) for t in (False, True))
    assert set(with_.kinds) - set(without.kinds) == {"thought"}
    assert with_.record(row("so"))["thought"] == "so"
    assert "thought" not in without.record(row("so"))
