"""Properties for any text: parsers never raise, and return only the given options."""

from __future__ import annotations

import ast
import json
import re
import time
from collections.abc import Callable
from itertools import chain
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import harness.parsing
from harness.parsing import Parsed, Unparsed, read_choice, read_pair, read_rating

EMOTIONS = ("happy", "sad", "angry", "surprise", "worry", "neutral")
LEVELS = ("very weak", "weak", "moderate", "strong", "very strong")
LETTERS = tuple("ABCDEF")

FRAGMENTS = st.sampled_from(
    [
        "happy", "sad", "not", "very strong", "weak", "4", "/5", "B", "(C)", "or", "but", "because", "?", ".", "\n", "{", "}",
        '"emotion":', "<think>", "</think>", "**", "answer is", "first", "than", "image 2", "8/10", "\\boxed{", "不", "悲伤", "ない",
        "n't", "~~", "|", "<answer>", "</s>", "1.", "-", "maybe", "wait,", "the person", "eyes", "suggest", ",", "[", "]", "%",
    ]
)  # fmt: skip


def known_words() -> list[str]:
    """Every short string in the parser's own modules and word lists."""
    files = Path(harness.parsing.__path__[0]).rglob("*.py")
    nodes = chain.from_iterable(ast.walk(ast.parse(file.read_text(encoding="utf-8"))) for file in files)
    texts = [n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)]
    tables = Path(harness.parsing.__path__[0]).rglob("*.toml")
    texts += [
        text for table in tables for text in re.findall(r'"([^"\n]+)"', table.read_text(encoding="utf-8"))
    ]
    return sorted({word for text in texts if len(text) < 40 for word in [text, *text.split()]})


KNOWN = known_words()
REPLIES = st.one_of(
    st.text(max_size=200),
    st.lists(st.one_of(st.sampled_from(KNOWN), FRAGMENTS), max_size=8).map(" ".join),
    st.lists(FRAGMENTS, max_size=25).map(" ".join),
    st.lists(FRAGMENTS, max_size=12).map("".join),
)


@pytest.mark.slow
@pytest.mark.parametrize("written", [str.lower, str.upper, str.title])
def test_no_word_alone_raises(written: Callable[[str], str]) -> None:
    assert len(KNOWN) > 1000
    for word in map(written, KNOWN):
        assert isinstance(read_choice(word, EMOTIONS), Parsed | Unparsed)
        assert isinstance(read_rating(word, LEVELS), Parsed | Unparsed)
        assert isinstance(read_pair(word), Parsed | Unparsed)


@settings(max_examples=300, deadline=None)
@given(REPLIES)
def test_choice_is_one_of_the_options_or_unparsed(text: str) -> None:
    for labels in (None, LETTERS, tuple("123456")):
        result = read_choice(text, EMOTIONS, labels=labels)
        assert isinstance(result, Unparsed) or result.value in EMOTIONS


@settings(max_examples=300, deadline=None)
@given(REPLIES)
def test_rating_is_on_the_scale_or_unparsed(text: str) -> None:
    for low, labels in ((1.0, None), (0.0, None), (1.0, tuple("ABCDE"))):
        result = read_rating(text, LEVELS, low=low, labels=labels)
        assert isinstance(result, Unparsed) or low <= result.value <= low + 4


@settings(max_examples=300, deadline=None)
@given(REPLIES)
def test_pair_is_one_of_the_options_or_unparsed(text: str) -> None:
    for options in (("first", "second"), ("first", "second", "tie"), ("left", "right")):
        result = read_pair(text, options=options)
        assert isinstance(result, Unparsed) or result.value in options


NAMES = st.lists(
    st.text(alphabet="abcdefghijklmnopqrstuvwxyz", min_size=2, max_size=9),
    min_size=2,
    max_size=6,
    unique=True,
)


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(NAMES, st.data())
def test_bare_options_are_always_parsed(options: list[str], data: st.DataObject) -> None:
    option = data.draw(st.sampled_from(options))
    for shown in (option, option.upper(), f"{option}.", f" **{option}** \n", f'"{option}"'):
        assert read_choice(shown, options) == Parsed(option, "word")


@settings(max_examples=60, deadline=None)
@given(st.permutations(EMOTIONS), st.integers(0, 5))
def test_labels_follow_the_order_shown(options: list[str], index: int) -> None:
    for text in (
        LETTERS[index],
        f"({LETTERS[index]})",
        f"Answer: {LETTERS[index]}",
        f"{LETTERS[index]}. {options[index]}",
    ):
        result = read_choice(text, options, labels=LETTERS)
        assert isinstance(result, Parsed)
        assert result.value == options[index]
    other = options[(index + 1) % 6]
    assert isinstance(read_choice(f"{LETTERS[index]}. {other}", options, labels=LETTERS), Unparsed)


@settings(max_examples=100, deadline=None)
@given(st.permutations(EMOTIONS))
def test_two_options_side_by_side_are_undecided(options: list[str]) -> None:
    first, second = options[:2]
    for text in (
        f"{first} or {second}",
        f"{first}/{second}",
        f"{first}, {second}",
        f"both {first} and {second}",
    ):
        assert isinstance(read_choice(text, EMOTIONS), Unparsed)


@pytest.mark.parametrize("level", range(5))
@pytest.mark.parametrize("low", [0.0, 1.0, 2.0])
def test_levels_and_numbers_agree(level: int, low: float) -> None:
    number = int(low) + level
    for text in (LEVELS[level], str(number), f"Rating: {number}", f"{number} - {LEVELS[level]}"):
        result = read_rating(text, LEVELS, low=low)
        assert isinstance(result, Parsed)
        assert result.value == low + level


HOSTILE = [
    "a" * 1_000_000, "happy " * 170_000, "{" * 1_000_000, '[{"a":' * 150_000, "<think>" * 140_000, "\n" * 1_000_000,
    "\\boxed{" * 140_000, "1-2 " * 250_000, "1" * 1_000_000, "not " * 250_000, "|-" * 500_000, "~~" * 500_000, "<" * 1_000_000,
    "\u5f00\u5fc3" * 500_000, "-a" * 500_000, " \n" * 500_000, '{"emotion": "sad", ' * 50_000, "A. " * 300_000, "image " * 160_000,
    "\nQuestion: " * 90_000, "The emotion is " * 60_000, "</think>" * 120_000, "e.g." * 250_000, "\\boxed{" + "{a}" * 300_000,
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("text", HOSTILE, ids=[repr(text[:12]) for text in HOSTILE])
def test_a_megabyte_takes_seconds_at_most(text: str) -> None:
    read_choice("warm", EMOTIONS, labels=LETTERS)
    read_rating("warm", LEVELS)
    read_pair("warm")
    for parse in (
        lambda: read_choice(text, EMOTIONS, labels=LETTERS),
        lambda: read_rating(text, LEVELS),
        lambda: read_pair(text),
    ):
        began = time.process_time()
        parse()
        assert time.process_time() - began < 10


def test_a_bare_answer_is_quick() -> None:
    read_choice("warm", EMOTIONS, labels=LETTERS)
    began = time.process_time()
    for _ in range(2_000):
        read_choice("Sad.", EMOTIONS, labels=LETTERS)
    assert (time.process_time() - began) / 2_000 < 1e-3


def _lettered() -> list[str]:
    """The corpus's replies to questions with letters that name no option in words, articles aside."""
    lines = (Path(__file__).parent / "corpus.jsonl").read_text(encoding="utf-8").splitlines()
    entries = [json.loads(line) for line in lines]
    texts = {e["text"] for e in entries if e["ask"] in ("emotion A-F", "emotion, other order A-F")}
    return sorted(
        text
        for text in texts
        if text.isascii()
        and not re.search(r"\ba\s+[A-Za-z]|\bA\s+[a-z]|\bE un", text)
        and not any(word in text.lower() for word in WORDED)
    )


WORDED = (
    "happ", "sad", "angr", "surpris", "worr", "neutral", "joy", "fear", "anger", "anxi", "smil", "upset", "disgust",
    "shock", "sorpres", "trist",
)  # fmt: skip


@pytest.mark.parametrize("moved", ["BCDEFA", "FEDCBA", "BACDEF", "ACBDEF", "FBCDEA"])
def test_exchanging_letters_exchanges_answers_and_never_whether_they_are_read(moved: str) -> None:
    texts = _lettered()
    assert len(texts) > 100
    table = str.maketrans("ABCDEFabcdef", moved + moved.lower())
    wrong = []
    for text in texts:
        other = re.sub(r"\b[A-Fa-f]\b", lambda found: found.group().translate(table), text)
        if other == text:
            continue  # no letter to exchange
        one, two = (read_choice(t, EMOTIONS, labels=LETTERS) for t in (text, other))
        expected = (
            EMOTIONS[LETTERS.index(LETTERS[EMOTIONS.index(one.value)].translate(table))]
            if isinstance(one, Parsed)
            else None
        )
        found = two.value if isinstance(two, Parsed) else None
        if found != expected:
            wrong.append((text, one, other, two))
    assert wrong == []


def test_the_order_of_options_changes_nothing() -> None:
    lines = (Path(__file__).parent / "corpus.jsonl").read_text(encoding="utf-8").splitlines()
    for entry in map(json.loads, lines[::7]):
        if entry["ask"] == "emotion":
            assert read_choice(entry["text"], EMOTIONS) == read_choice(entry["text"], EMOTIONS[::-1]), entry
        elif entry["ask"] == "emotion A-F":
            one = read_choice(entry["text"], EMOTIONS, labels=LETTERS)
            assert one == read_choice(entry["text"], EMOTIONS[::-1], labels=LETTERS[::-1]), entry
