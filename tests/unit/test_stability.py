"""Stability of repeats: agreement, differences and flips, with intervals by cluster."""

from __future__ import annotations

import numpy as np
import pytest

from harness.results import RepeatStability
from harness.scoring.rows import Rows
from harness.scoring.stability import stability
from harness.scoring.stored import StoredSample
from harness.tasks.answers import ParsedReply
from harness.tasks.spec import Answer

CHOICE = Answer.model_validate(
    {"kind": "choice", "options": ["sad", "angry", "worry"], "truth": {"field": "emotion"}}
)
RATING = Answer.model_validate(
    {"kind": "rating", "options": ["weak", "moderate", "strong"], "low": 1, "truth": {"field": "intensity"}}
)


def of(answer: Answer, *answers: tuple[str | float | None, ...], people: int = 0) -> RepeatStability | None:
    """Each sample's answers, "" for one that cannot be parsed; `people` share the samples in turn."""
    rows = Rows(answer)
    for number, given in enumerate(answers):
        attributes = {"subject": f"p{number % people}"} if people else {}
        sample = StoredSample(number, f"s{number}", 0, "sad", 2.0, None, attributes, {}, ())
        for repeat, value in enumerate(given):
            reply = ParsedReply(None, "refused") if value == "" else ParsedReply(value)
            rows.add(sample, "sad" if answer is CHOICE else 2.0, reply, repeat)
    return stability(rows.sorted(), "")


def known(found: RepeatStability | None) -> RepeatStability:
    assert found is not None
    return found


def test_choices_agree_by_pairs_and_flip_by_sample() -> None:
    found = known(
        of(CHOICE, ("sad", "sad", "sad"), ("sad", "sad", "worry"), ("sad", "angry", "worry"), ("", "", ""))
    )
    assert found.agreement is not None
    assert found.agreement.value == pytest.approx((1 + 1 / 3 + 0 + 1) / 4)
    assert found.flips.value == 0.5
    assert (found.repeats, found.n, found.clusters, found.difference) == (3, 4, 4, None)


def test_an_unparsed_reply_is_an_answer_of_its_own_to_a_choice() -> None:
    found = known(of(CHOICE, ("sad", ""), ("", "")))
    assert found.agreement is not None
    assert (found.agreement.value, found.flips.value) == (0.5, 0.5)


def test_ratings_differ_on_the_scale_and_flip_between_levels() -> None:
    found = known(of(RATING, (1.0, 1.2, 1.4), (1.4, 1.6), (2.0, ""), (3.0, 3.0)))
    assert found.difference is not None
    assert found.difference.value == pytest.approx((0.8 / 3 + 0.2 + 0) / 3), (
        "one sample has a single parsed reply"
    )
    assert found.difference.high is not None
    assert found.difference.value < found.difference.high < 2, (
        "no two ratings are farther apart than the scale"
    )
    assert found.flips.value == 0.5
    assert (found.agreement, found.n) == (None, 4)


def test_samples_with_one_reply_do_not_enter() -> None:
    assert of(CHOICE, ("sad",), ("worry",)) is None
    assert of(CHOICE) is None
    found = known(of(CHOICE, ("sad", "sad"), ("worry",)))
    assert (found.n, found.clusters, found.flips.value) == (1, 1, 0.0)
    assert found.flips.low is None, "one cluster has no interval"
    assert known(of(RATING, ("", ""), ("", ""))).difference is None


def test_an_unparsed_reply_is_no_rating_of_any_scale() -> None:
    below = RATING.model_copy(update={"low": -1})
    found = known(of(below, (-1.0, ""), (-1.0, -1.0)))
    assert found.difference is not None
    assert (found.flips.value, found.difference.value) == (0.5, 0.0)


def test_intervals_are_by_cluster_and_reach_beyond_perfect_agreement() -> None:
    alike = known(of(CHOICE, *[("sad", "sad")] * 60))
    assert alike.agreement is not None
    assert (alike.agreement.high, alike.flips.low) == (1.0, 0.0)
    assert 0.9 < float(alike.agreement.low or 0) < 0.99
    # People 0 to 2 of 6 are unsure in all of their samples, which says less than 30 unsure samples of 60 people.
    answers = [("sad", "worry" if number % 6 < 3 else "sad") for number in range(60)]
    apart, shared = known(of(CHOICE, *answers)), known(of(CHOICE, *answers, people=6))
    widths = [float(np.subtract(s.flips.high, s.flips.low)) for s in (apart, shared)]
    assert apart.flips.value == shared.flips.value == 0.5
    assert widths[1] > 2 * widths[0]
    assert shared.agreement is not None
    assert shared.agreement.low == pytest.approx(1 - float(shared.flips.high or 0)), (
        "two repeats: one is the other"
    )


def test_unequal_clusters_count_as_fewer() -> None:
    """Two samples flip in each case; one person with most samples decides the share as a few people do."""
    answers = [("sad", "worry" if number < 2 else "sad") for number in range(60)]
    equal = known(of(CHOICE, *answers, people=20))
    rows = Rows(CHOICE)
    for number, given in enumerate(answers):
        who = number if number < 19 else 19
        sample = StoredSample(number, f"s{number:02}", 0, "sad", 2.0, None, {"subject": f"p{who}"}, {}, ())
        for repeat, value in enumerate(given):
            rows.add(sample, "sad", ParsedReply(value), repeat)
    unequal = known(stability(rows, ""))
    assert (unequal.clusters, unequal.flips.value) == (equal.clusters, equal.flips.value)
    assert float(unequal.flips.high or 0) > float(equal.flips.high or 0) + 0.1
