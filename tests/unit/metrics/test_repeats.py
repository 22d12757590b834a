"""Repeats of a sample, and both orders of a pair, are no independent answers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from harness.components.metric import Scores
from harness.metrics.choice import Accuracy
from harness.metrics.group_tests import group_tests
from harness.metrics.interval import Resampling, estimates
from harness.metrics.score import MetricRequest
from harness.types import EMOTIONS

HOW = Resampling(1, 200)


def answers(right: np.ndarray, size: int) -> Scores:
    n = len(right)
    return Scores(
        "choice", np.zeros(n), 1.0 - right, np.arange(n) // size, np.zeros(n, np.int64), ("a", "b"), EMOTIONS
    )


def repeated(scores: Scores, times: int) -> Scores:
    rows = np.repeat(np.arange(scores.n), times)
    return replace(scores.take(rows, scores.cluster[rows]), sample=rows)


@pytest.mark.parametrize("wrong", [0, 1, 6])
def test_intervals_do_not_narrow_with_copies(wrong: int) -> None:
    once = answers(np.arange(48) >= wrong, 4)
    [one], [ten] = (estimates(scores, [Accuracy()], HOW) for scores in (once, repeated(once, 10)))
    assert (ten.n, ten.value) == (480, one.value)
    assert (ten.low, ten.high) == (pytest.approx(one.low), pytest.approx(one.high))


def test_groups_of_copies_are_not_more_different() -> None:
    rng = np.random.default_rng(5)
    once = answers(rng.random(120) < 0.7, 6)
    group = np.tile([0, 1, 0, 1, 0, 1], 20)
    request = MetricRequest("accuracy", Accuracy(), primary=True)
    found = [
        group_tests(request, scores, {"g": np.repeat(group, times)}, seed=1, resamples=9_999)[0][0].p
        for scores, times in ((once, 1), (repeated(once, 5), 5))
    ]
    assert found[1] == pytest.approx(found[0], abs=0.1)
