"""Prompt variants become messages; the option order depends only on seed and sample."""

from __future__ import annotations

from collections import Counter

import pytest

from harness.tasks.prompts import as_text, render, reveals_emotion, shown_labels, shown_options
from harness.tasks.spec import Answer, PromptVariant
from harness.types import Part

SIX = ("happy", "sad", "angry", "surprise", "worry", "neutral")


def choice(**more: object) -> Answer:
    return Answer.model_validate({"kind": "choice", "options": SIX, "truth": {"field": "emotion"}, **more})


def rating(**more: object) -> Answer:
    return Answer.model_validate(
        {"kind": "rating", "options": ("weak", "medium", "strong"), "truth": {"field": "intensity"}, **more}
    )


def rendered(
    text: str, answer: Answer, emotion: str | None = None, system: str = "", shown: tuple[str, ...] = SIX
) -> str:
    return as_text(render(PromptVariant(name="w", text=text, system=system), answer, shown, emotion))


def test_the_order_is_a_permutation_determined_by_seed_and_sample() -> None:
    orders = {shown_options(choice(), f"s{i}", 0) for i in range(200)}
    assert all(sorted(o) == sorted(SIX) for o in orders)
    assert len(orders) > 100
    assert shown_options(choice(), "s1", 0) == shown_options(choice(), "s1", 0)
    assert [shown_options(choice(), f"s{i}", 1) for i in range(9)] != [
        shown_options(choice(), f"s{i}", 0) for i in range(9)
    ]


def test_every_option_is_equally_frequent_in_every_position() -> None:
    n = 6000
    counts = Counter(
        (position, o)
        for i in range(n)
        for position, o in enumerate(shown_options(choice(), f"sample-{i}", 7))
    )
    assert len(counts) == 36
    # A binomial count with p = 1/6: five standard deviations are 144.
    assert all(abs(count - n / 6) < 5 * (n * 5 / 36) ** 0.5 for count in counts.values())


@pytest.mark.parametrize("answer", [choice(shuffle=False), rating()], ids=["unshuffled", "rating"])
def test_some_orders_are_fixed(answer: Answer) -> None:
    assert {shown_options(answer, f"s{i}", i) for i in range(20)} == {answer.options}


def test_any_sample_id_has_an_order() -> None:
    assert sorted(shown_options(choice(), "caf\udce9 \N{GRINNING FACE}\n", 0)) == sorted(SIX)


def test_labels() -> None:
    assert shown_labels(choice()) is None
    assert shown_labels(choice(labels="letters")) == ("A", "B", "C", "D", "E", "F")
    assert shown_labels(rating(labels="numbers")) == ("1", "2", "3")


def test_the_picture_comes_first_unless_the_variant_places_it() -> None:
    (message,) = render(PromptVariant(name="w", text="What?"), choice(), SIX, None)
    assert message.parts == (Part(image=0), Part("What?"))
    (message,) = render(PromptVariant(name="w", text="Look: {image} What?"), choice(), SIX, None)
    assert message.parts == (Part("Look:"), Part(image=0), Part("What?"))
    (message,) = render(PromptVariant(name="w", text="What? {image}"), choice(), SIX, None)
    assert message.parts == (Part("What?"), Part(image=0))


def test_placeholders() -> None:
    assert (
        rendered("One of {options}.", choice())
        == "[user] <image>\nOne of happy, sad, angry, surprise, worry, neutral."
    )
    assert rendered("{options}", choice(labels="letters"), shown=("sad", "happy", *SIX[2:])).splitlines()[
        1:3
    ] == [
        "A. sad",
        "B. happy",
    ]
    assert rendered("From {low} to {high}", rating(low=0), shown=("weak", "medium", "strong")).endswith(
        "From 0 to 2"
    )
    assert rendered("It shows {emotion}.", choice(), "worry").endswith("It shows worry.")
    assert rendered("It shows {emotion}.", choice()).endswith("It shows unknown.")
    assert rendered("{options}", choice(), system="You see {emotion}.", emotion="sad").startswith(
        "[system] You see sad.\n[user]"
    )


def test_values_are_substituted_once_without_attribute_access() -> None:
    braces = choice(options=("{emotion}", "{options.__class__}", "x"))
    assert rendered("{options}", braces, "sad", shown=braces.options).endswith(
        "{emotion}, {options.__class__}, x"
    )
    assert rendered('Reply as {"answer": 1} or {}', choice()).endswith('Reply as {"answer": 1} or {}')


def test_variants_that_reveal_the_emotion_are_detected() -> None:
    assert reveals_emotion(PromptVariant(name="w", text="{emotion}?"))
    assert reveals_emotion(PromptVariant(name="w", text="?", system="{emotion}"))
    assert not reveals_emotion(PromptVariant(name="w", text="{options}"))


CONTRAST = {"worry": ["sad", "angry"], "sad": ["worry"], "angry": ["worry"]}


def test_contrasted_options_are_the_truth_and_one_neighbour() -> None:
    answer = choice(contrast=CONTRAST)
    shown = [shown_options(answer, f"s{i}", 0, "worry") for i in range(400)]
    assert {frozenset(s) for s in shown} == {frozenset({"worry", "sad"}), frozenset({"worry", "angry"})}
    # Binomial counts with p = 1/2: five standard deviations are 50.
    assert abs(sum("sad" in s for s in shown) - 200) < 50
    assert abs(sum(s[0] == "worry" for s in shown) - 200) < 50
    assert {frozenset(shown_options(answer, f"s{i}", i, "angry")) for i in range(9)} == {
        frozenset({"angry", "worry"})
    }
    assert sorted(shown_options(answer, "s1", 0)) == sorted(SIX), (
        "without a truth there is nothing to contrast"
    )


def test_the_confusable_option_is_independent_of_the_order() -> None:
    answer = choice(contrast=CONTRAST)
    shown = [shown_options(answer, f"s{i}", 0, "worry") for i in range(2000)]
    first = Counter((s[0] == "worry", "sad" in s) for s in shown)
    assert all(abs(count - 500) < 100 for count in first.values())
    assert len(first) == 4


def test_labels_precede_the_shown_options() -> None:
    answer = choice(contrast=CONTRAST, labels="letters")
    assert shown_labels(answer, ("sad", "worry")) == ("A", "B")
    assert rendered("{options}", answer, shown=("sad", "worry")).endswith("A. sad\nB. worry")


PAIR = Answer.model_validate({"kind": "pair", "options": ("first", "second")})


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Which?", (Part(image=0), Part(image=1), Part("Which?"))),
        ("{image}{image} Which?", (Part(image=0), Part(image=1), Part("Which?"))),
        ("One: {image} Two: {image} Which?",
         (Part("One:"), Part(image=0), Part("Two:"), Part(image=1), Part("Which?"))),
        ("Which? {image}{image}", (Part("Which?"), Part(image=0), Part(image=1))),
    ],
)  # fmt: skip
def test_two_pictures_keep_their_order(text: str, parts: tuple[Part, ...]) -> None:
    (message,) = render(PromptVariant(name="w", text=text), PAIR, PAIR.options, "worry")
    assert message.parts == parts


def test_the_options_of_a_pair_are_never_permuted() -> None:
    assert {shown_options(PAIR, f"s{i}", i, "second") for i in range(20)} == {("first", "second")}
