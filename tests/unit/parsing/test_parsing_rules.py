"""The public functions of `harness.parsing`: results, reasons and refused arguments."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import pytest

import harness.parsing
from harness.parsing import Parsed, Unparsed, read_choice, read_pair, read_rating
from harness.parsing.result import PROSE

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
        ("Answer: sad", "cue"),
        ("The final answer is B.", "cue"),
        ("Emotion: sad", "field"),
        ("<answer>sad</answer>", "tag"),
        ("\\boxed{sad}", "box"),
        ("<|begin_of_box|>B<|end_of_box|>", "box"),
        ("The brows are raised at the inner ends.\n\n**sad**", "line"),
        ("The person looks sad.", "prose"),
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
    assert read_choice("The portrait feels whimsical.", ("whimsical", "gritty")) == Parsed("whimsical", PROSE)
    assert read_choice("Answer: light blue", ("blue", "light blue")) == Parsed("light blue", "cue")
    assert read_choice("yes", ("yes", "no")) == Parsed("yes", "word")
    assert read_choice("The answer is no.", ("yes", "no")) == Parsed("no", "cue")


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
    assert read_pair("Both are equally worried.", options=("first", "second", "tie")) == Parsed("tie", PROSE)
    assert read_pair("image 2", options=("left", "right")) == Parsed("right", "word")


def test_only_the_start_and_the_end_of_a_long_reply_are_parsed() -> None:
    filler = "The brows are drawn. " * 5_000
    assert read_choice(filler + "Final answer: sad", EMOTIONS) == Parsed("sad", "cue")
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


THOUGHT = "The face is happy."
LEFT_OPEN = [
    ("<think>", "</think>"), ("<thinking>", "</thinking>"), ("<thought>", "</thought>"), ("<reasoning>", "</reasoning>"),
    ("<analysis>", "</analysis>"), ("<mm:think>", "</mm:think>"), ("<seed:think>", "</seed:think>"), ("\u25c1think\u25b7", "\u25c1/think\u25b7"),
    ("[THINK]", "[/THINK]"), ("<|START_THINKING|>", "<|END_THINKING|>"), ("<|begin_of_thought|>", "<|end_of_thought|>"),
    ("<|channel>thought\n", "<channel|>"), ("<!--think", "-->"),
]  # fmt: skip


@pytest.mark.parametrize(("opens", "closes"), LEFT_OPEN)
def test_every_thinking_marker_complete_unclosed_and_without_an_opening(opens: str, closes: str) -> None:
    for text in (f"{opens}{THOUGHT}{closes}sad", f"{THOUGHT}{closes}\nsad", f"sad\n{opens}{THOUGHT}{closes}"):
        assert read_choice(text, EMOTIONS).value == "sad", text  # type: ignore[union-attr]
    for text in (f"{opens}{THOUGHT}", f"{opens}{THOUGHT}{closes}", f"{opens}{opens}{THOUGHT}{closes}"):
        assert isinstance(read_choice(text, EMOTIONS), Unparsed), text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (
            f"<|channel|>analysis<|message|>{THOUGHT}<|end|><|start|>assistant<|channel|>final<|message|>sad<|return|>",
            "sad",
        ),
        (f"<|channel|>analysis<|message|>{THOUGHT}", None),
        (f"analysis{THOUGHT}assistantfinalsad", "sad"),
        (f"analysis{THOUGHT}", None),
        (f"thought\n{THOUGHT}", None),
        ("Analysis: the brows are low. Answer: sad", "sad"),
    ],
)
def test_channels_with_and_without_their_special_tokens(text: str, value: str | None) -> None:
    found = read_choice(text, EMOTIONS)
    assert (found.value if isinstance(found, Parsed) else None) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Answer: sad. Wait, no. Answer: angry", "angry"),
        ("Answer: sad\nFinal answer: angry", "angry"),
        ("Answer: sad\nAnswer: angry", None),
        ("Answer: sad. Correction: the mouth is open, so it is surprise.", "surprise"),
        ("<answer>sad</answer> <answer>angry</answer>", None),
        ('{"emotion": "sad"}\nEmotion: angry', None),
        ("Answer: sad\nNote: angry faces look different.", "sad"),
        ("Answer: sad (the person is angry at first sight)", "sad"),
        ("Answer: sad or angry", None),
        ("Answer: if I had to choose, sad", "sad"),
        ("Is the answer sad?", None),
        ("The answer is not sad.", None),
    ],
)
def test_declared_answers_stand_and_contradict_each_other(text: str, value: str | None) -> None:
    found = read_choice(text, EMOTIONS)
    assert (found.value if isinstance(found, Parsed) else None) == value


def test_numbers_shown_on_a_rating_are_the_numbers_of_the_scale() -> None:
    for labels in (None, list("12345"), ["(1)", "(2)", "(3)", "(4)", "(5)"], ["1.", "2.", "3.", "4.", "5."]):
        for text, value in (
            ("4", 4),
            ("I'd rate it a 3.", 3),
            ("3.5", 3.5),
            ("2-3", 2.5),
            ("4 4 4", 4),
            ("4. strong", 4),
        ):
            found = read_rating(text, LEVELS, labels=labels)
            assert isinstance(found, Parsed), (text, labels)
            assert found.value == value
        for text in ("7", "4/10", "X/5", "80%", "2 5 2 5"):
            assert isinstance(read_rating(text, LEVELS, labels=labels), Unparsed), (text, labels)
