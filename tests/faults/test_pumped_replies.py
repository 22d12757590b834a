"""A reply that repeats something to no end is read in a time that grows with its length, not with a power of it."""

from __future__ import annotations

import time

import pytest

from harness.parsing import read_choice, read_pair, read_rating

pytestmark = pytest.mark.faults

EMOTIONS = ("happy", "sad", "angry", "surprise", "worry", "neutral")
LEVELS = ("very weak", "weak", "moderate", "strong", "very strong")
UNITS = (
    *"-<>[](){}\"'`*_#|/\\.,:;!?~=+ \n\ta1A5\u2713\u5f3a\u0641",
    "<think>", "<answer>", "[[", "\\boxed{", "\\text{", "```", "- ", "1. ", "1/", "A>", "A. ", "A\n", "5\n", "happy\n",
    "answer:", "answer is ", "if 1 is ", "scale of 1 ", "between 1 and ", "not ", "happy ", "strong ", "first ", '{"a":',
    '{"answer": "happy"} ', "<|", "[x]\n", "~~", "\nuser: ", "1 to ", "AU1 ", "www.", "x.jpg ", "| a | b |\n", "a: b\n",
    "(A) ", "< ", "[ ", "{ ", "because ", "analysis", "assistantfinal", "yeah, ", "could or ", "please send ",
)  # fmt: skip
ENDS = ("", "5", "\n\nAnswer: happy", ">")
SECONDS = 5.0
"""Generous: most take some milliseconds, and what is worse than linear takes minutes."""


@pytest.mark.parametrize("turn", range(len(ENDS)))
@pytest.mark.parametrize("length", [4_000, 64_000])
def test_pumped_replies_are_read_in_no_time(turn: int, length: int) -> None:
    """Each unit with each end or, where replies are long, with one of them."""
    readers = (
        lambda text: read_choice(text, EMOTIONS, labels=list("ABCDEF")),
        lambda text: read_rating(text, LEVELS, labels=list("12345")),
        lambda text: read_pair(text, labels=["A", "B"]),
    )
    slow = []
    for number, unit in enumerate(UNITS):
        if length > 4_000 and number % len(ENDS) != turn:
            continue
        end = ENDS[turn]
        text = unit * (length // len(unit)) + end
        began = time.process_time()
        readers[(number + len(end)) % len(readers)](text)
        if (took := time.process_time() - began) > SECONDS:
            slow.append((unit, took))
    assert not slow
