"""The public functions of `harness.parsing`: results, reasons and refused arguments."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import pytest

import harness.parsing
from harness.parsing import Parsed, Unparsed, read_choice, read_pair, read_rating

EMOTIONS = ("happy", "sad", "angry", "surprise", "worry", "neutral")
LEVELS = ("very weak", "weak", "moderate", "strong", "very strong")


def test_public_names() -> None:
    assert sorted(harness.parsing.__all__) == [
        "Parsed",
        "Unparsed",
        "read_choice",
        "read_pair",
        "read_rating",
    ]


def test_results_are_values() -> None:
    assert read_choice("sad", EMOTIONS) == Parsed("sad", "word")
    with pytest.raises(dataclasses.FrozenInstanceError):
        Parsed("sad", "word").value = "happy"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("text", "how"),
    [
        ("B", "letter"),
        ("sad", "word"),
        ("sorrowful", "synonym"),
        ('{"emotion": "sad"}', "json field"),
        ('{"happy": 0.1, "sad": 0.9}', "json scores"),
        ("sad 90%, happy 10%", "score"),
        ("\U0001f622", "emoji"),
        ("saddnes", "typo"),
    ],
)
def test_how_names_the_rule(text: str, how: str) -> None:
    assert read_choice(text, EMOTIONS, labels=list("ABCDEF")) == Parsed("sad", how)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty reply"),
        ("   ", "empty reply"),
        ("<think>sad", "no answer after the thinking part"),
        ("<think>sad</think>", "no answer after the thinking part"),
        ("happy or sad", "names several options without choosing one"),
        ("not happy", "only rules out options"),
        ("The emotion shown is", "cut off before the answer"),
        ("B. happy", "label and word contradict each other"),
        ("G", "answers with something that is not an option"),
        ("I cannot tell.", "says it cannot tell"),
        ("Hello there.", "names no option"),
        ('{"emotion": "sad", "label": "happy"}', "fields contradict each other"),
        ("Happy. The person is clearly sad.", "gives more than one answer"),
    ],
)
def test_reasons(text: str, reason: str) -> None:
    assert read_choice(text, EMOTIONS, labels=list("ABCDEF")) == Unparsed(reason)


def test_bad_calls_are_refused() -> None:
    with pytest.raises(ValueError, match="2 labels for 6 options"):
        read_choice("sad", EMOTIONS, labels=["A", "B"])
    with pytest.raises(ValueError, match="empty"):
        read_choice("sad", [])
    with pytest.raises(ValueError, match="empty option"):
        read_choice("sad", ["sad", " "])
    with pytest.raises(ValueError, match="two options differ only"):
        read_choice("sad", ["sad", "Sad"])
    with pytest.raises(ValueError, match="two labels differ only"):
        read_choice("sad", ["sad", "happy"], labels=["A", "A"])
    with pytest.raises(ValueError, match="not one of the options"):
        read_choice("sad", ["sad", "happy"], synonyms={"worry": ["fear"]})
    with pytest.raises(ValueError, match="not one string"):
        read_choice("sad", "sad")
    with pytest.raises(ValueError, match="labels for 5 options"):
        read_rating("4", LEVELS, labels=["A"])
    with pytest.raises(ValueError, match="finite"):
        read_rating("4", LEVELS, low=float("nan"))
    with pytest.raises(ValueError, match="two pictures"):
        read_pair("first", options=("a", "b", "c"))


def test_fear_counts_only_if_the_task_declares_it() -> None:
    assert isinstance(read_choice("The person is frightened.", EMOTIONS), Unparsed)
    parsed = read_choice("The person is frightened.", EMOTIONS, synonyms={"worry": ["fear"]})
    assert isinstance(parsed, Parsed)
    assert parsed.value == "worry"


def test_a_word_counts_only_if_it_fits_one_option() -> None:
    assert isinstance(read_choice("upset", EMOTIONS), Unparsed)
    assert read_choice("upset", ("happy", "sad")) == Parsed("sad", "synonym")
    assert isinstance(read_choice("happy", ("positive", "neutral", "negative")), Unparsed)
    assert isinstance(read_choice("joy", ("joyful", "happy")), Parsed)


def test_any_options_work() -> None:
    assert read_choice("The portrait feels whimsical.", ("whimsical", "gritty")) == Parsed(
        "whimsical", "word"
    )
    assert read_choice("Answer: light blue", ("blue", "light blue")) == Parsed("light blue", "word")
    assert read_choice("yes", ("yes", "no")) == Parsed("yes", "word")
    assert read_choice("The answer is no.", ("yes", "no")) == Parsed("no", "word")


def test_label_formats() -> None:
    for labels in (["A", "B"], ["(a)", "(b)"], ["a.", "b."], ["A)", "B)"]):
        parsed = read_choice("The answer is B.", ("worry", "sad"), labels=labels)
        assert isinstance(parsed, Parsed)
        assert parsed.value == "sad"


def test_labels_of_a_rating_may_be_in_reverse_order() -> None:
    labels = ["E", "D", "C", "B", "A"]
    assert read_rating("A", LEVELS, labels=labels) == Parsed(5.0, "letter")
    assert read_rating("B. strong", LEVELS, labels=labels).value == 4.0  # type: ignore[union-attr]
    assert read_rating("1", LEVELS, labels=list("54321")) == Parsed(5.0, "number")


def test_labels_of_one_question_do_not_leak_into_another() -> None:
    assert read_choice("A", EMOTIONS, labels=list("ABCDEF")) == Parsed("happy", "letter")
    assert read_choice("A", EMOTIONS[::-1], labels=list("ABCDEF")) == Parsed("neutral", "letter")
    assert isinstance(read_choice("A", EMOTIONS), Unparsed)
    words = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta"]
    parsed = read_choice("The answer is alpha.", EMOTIONS, labels=words)
    assert isinstance(parsed, Parsed)
    assert parsed.value == "happy"
    assert isinstance(read_choice("The answer is alpha.", EMOTIONS), Unparsed)


def test_a_scale_may_start_at_a_fraction() -> None:
    assert isinstance(read_rating("0", LEVELS, low=0.5), Unparsed)
    assert read_rating("weak", LEVELS, low=0.5) == Parsed(1.5, "word")


def test_a_tie_counts_only_if_it_is_an_option() -> None:
    assert isinstance(read_pair("Both are equally worried."), Unparsed)
    assert read_pair("Both are equally worried.", options=("first", "second", "tie")) == Parsed("tie", "word")
    assert read_pair("image 2", options=("left", "right")) == Parsed("right", "word")


def test_only_the_start_and_the_end_of_a_long_reply_are_parsed() -> None:
    filler = "The brows are drawn. " * 5_000
    assert read_choice(filler + "Final answer: sad", EMOTIONS) == Parsed("sad", "word")
    assert isinstance(read_choice(filler, EMOTIONS), Unparsed)


def test_importing_the_package_is_light() -> None:
    code = "import sys, harness.parsing; print([m for m in ('numpy', 'pydantic', 'rich', 'torch') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_cached_replies_are_parsed_per_question():
    text = "I would say that it is B."
    for _ in range(2):
        assert read_choice(text, ["sad", "happy"], labels=["A", "B"]).value == "happy"
        assert read_choice(text, ["happy", "sad"], labels=["A", "B"]).value == "sad"
        assert isinstance(read_choice(text, ["happy", "sad"]), Unparsed)
