"""The contract of metrics."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any, ClassVar, Literal

import numpy as np
import pytest

from harness import EMOTIONS, Metric, Scores
from harness.testing.contract import ComponentContract

LEVELS = 5
PER_CLUSTER, CLUSTERS = 4, 15


def choice_scores(share: float, *, seed: int = 0, pair: bool = False) -> Scores:
    """Sixty answers in fifteen clusters to a choice of six emotions or, `pair`, of two pictures; `share` of them right.

    Every tenth could not be parsed. All optional columns are there.
    """
    options = ("first", "second") if pair else EMOTIONS
    draw, n = np.random.default_rng(seed), PER_CLUSTER * CLUSTERS
    truth = (np.arange(n) % len(options)).astype(np.float64)
    wrong = (truth + draw.integers(1, len(options), n)) % len(options)
    predicted = np.where(draw.permutation(n) < share * n, truth, wrong)
    predicted[::10] = np.nan
    certainty = np.full((n, len(options)), 0.2 / max(1, len(options) - 1))
    known = ~np.isnan(predicted)
    certainty[np.flatnonzero(known), predicted[known].astype(int)] = 0.8
    certainty[~known] = np.nan
    positions = np.stack([draw.permutation(len(options)) for _ in range(n)])
    return Scores(
        "choice",
        truth,
        predicted,
        np.repeat(np.arange(CLUSTERS), PER_CLUSTER),
        np.arange(n, dtype=np.int64) % len(EMOTIONS),
        options,
        EMOTIONS,
        probabilities=certainty,
        positions=positions,
        attributes={"subject": np.array([f"s{i // PER_CLUSTER}" for i in range(n)], object)},
        sample=np.arange(n, dtype=np.int64) // 2 if pair else None,
    )


def rating_scores(share: float, *, seed: int = 0) -> Scores:
    """Sixty ratings from 1 to 5 in fifteen clusters, `share` of the noise removed; every tenth could not be parsed."""
    draw, n = np.random.default_rng(seed), PER_CLUSTER * CLUSTERS
    truth = 1 + (np.arange(n) * 7 % LEVELS).astype(np.float64)
    predicted = share * truth + (1 - share) * draw.uniform(1, LEVELS, n)
    predicted[::10] = np.nan
    certainty = np.full((n, LEVELS), 0.05)
    known = ~np.isnan(predicted)
    certainty[np.flatnonzero(known), np.rint(predicted[known]).astype(int) - 1] = 0.8
    certainty[~known] = np.nan
    return Scores(
        "rating",
        truth,
        predicted,
        np.repeat(np.arange(CLUSTERS), PER_CLUSTER),
        np.arange(n, dtype=np.int64) % len(EMOTIONS),
        tuple(f"level {i + 1}" for i in range(LEVELS)),
        EMOTIONS,
        low=1.0,
        high=float(LEVELS),
        probabilities=certainty,
        attributes={"subject": np.array([f"s{i // PER_CLUSTER}" for i in range(n)], object)},
    )


class MetricContract(ComponentContract):
    """Inherit and override `metric`; override `scores_of` if it needs columns that answers lack (`attributes`, `extra`)."""

    varies: ClassVar[bool] = True
    """False for a metric whose value does not depend on how good the answers are."""

    @pytest.fixture
    def metric(self) -> Metric:
        """The metric under test."""
        pytest.fail("override the fixture `metric`")

    @pytest.fixture
    def component(self, metric: Metric) -> Metric:
        """The metric, for the tests that all kinds of component share."""
        return metric

    def scores_of(self, metric: Metric, kind: Literal["choice", "rating"], share: float) -> Scores:
        """Answers of a kind, of which `share` are right (0 to 1)."""
        if kind == "rating":
            return rating_scores(share)
        return choice_scores(share, pair=metric.pairs_only)

    @pytest.fixture(params=["choice", "rating"])
    def kind(self, request: pytest.FixtureRequest, metric: Metric) -> Literal["choice", "rating"]:
        """Each kind of answer that the metric declares in `kinds`."""
        kind: Literal["choice", "rating"] = request.param
        if kind not in metric.kinds:
            pytest.skip(f"the metric is not for answers of the kind {kind!r}")
        return kind

    def test_it_is_for_some_kind_of_answer(self, metric: Metric) -> None:
        """`kinds` names choice, rating, or both.

        Fix: `kinds = frozenset({"choice"})`.
        """
        assert set(metric.kinds) & {"choice", "rating"}, (
            f"kinds is {set(metric.kinds)!r}: neither choice nor rating"
        )

    def test_one_value_for_each_resample(self, metric: Metric, kind: Any) -> None:
        """`estimate` returns a number for each row of weights.

        Fix: weight each row of the scores by `weights[:, scores.cluster]`, and reduce along the second axis.
        """
        scores = self.scores_of(metric, kind, 0.7)
        for count in (1, 7):
            values = _estimate(metric, scores, _weights(scores, count))
            assert values.shape == (count,), f"shape {values.shape} for {count} resamples"
            assert not np.isinf(values).any(), "it gives infinity: a value that does not exist is NaN"

    def test_the_value_is_the_same_again(self, metric: Metric, kind: Any) -> None:
        """The same scores and weights have the same value; neither is changed.

        Fix: work on copies, and draw no random numbers.
        """
        scores, weights = self.scores_of(metric, kind, 0.7), _weights(self.scores_of(metric, kind, 0.7), 5)
        kept, columns = weights.copy(), _columns(scores)
        first = _estimate(metric, scores, weights)
        stored = first.copy()
        assert np.array_equal(weights, kept), "estimate changes the weights"
        assert _same(columns, _columns(scores)), "estimate changes the scores"
        weights[:] = 1
        assert np.array_equal(first, stored, equal_nan=True), (
            "the value is a view of the weights, which are overwritten"
        )
        again = _estimate(metric, scores, kept)
        assert np.array_equal(first, again, equal_nan=True), f"{first!r:.100}, then {again!r:.100}"

    def test_weights_count_clusters(self, metric: Metric, kind: Any) -> None:
        """A cluster of weight 0 counts as if it were not there.

        Fix: use the weights: a value that ignores them has an interval of no width.
        """
        scores = self.scores_of(metric, kind, 0.7)
        weights = np.ones((1, scores.clusters), np.int64)
        weights[0, ::3] = 0
        without = scores.where(weights[0][scores.cluster] > 0)
        value = _estimate(metric, scores, weights)
        expected = _estimate(metric, without, np.ones((1, without.clusters), np.int64))
        assert np.allclose(value, expected, rtol=1e-6, atol=1e-9, equal_nan=True), (
            f"{value[0]:.6g} with every third cluster at weight 0, {expected[0]:.6g} without these clusters"
        )

    def test_better_answers_have_a_better_value(self, metric: Metric, kind: Any) -> None:
        """Right answers and random ones have different values, in the declared direction.

        Fix: set `direction` to "lower" where less is better; set `varies = False` in the test where quality does not matter.
        """
        if not self.varies:
            pytest.skip("the test says that the value does not depend on how good the answers are")
        good, bad = self.scores_of(metric, kind, 1.0), self.scores_of(metric, kind, 0.0)
        best = _estimate(metric, good, np.ones((1, good.clusters), np.int64))[0]
        worst = _estimate(metric, bad, np.ones((1, bad.clusters), np.int64))[0]
        said = f"{best:.4g} for right answers, {worst:.4g} for wrong ones"
        assert best != worst, f"the same value, {said}"
        if metric.direction != "none" and not (np.isnan(best) or np.isnan(worst)):
            assert (best > worst) == (metric.direction == "higher"), (
                f"{said}: that is not {metric.direction!r}"
            )

    @pytest.mark.parametrize("case", ["none", "one", "unparsed"])
    def test_few_answers_are_no_error(self, metric: Metric, kind: Any, case: str) -> None:
        """No answer, one answer, or none that could be parsed: NaN or a value, no exception.

        Fix: return NaN where a sum of weights is 0.
        """
        scores = self.scores_of(metric, kind, 0.7)
        if case == "unparsed":
            scores = replace(scores, predicted=np.full(scores.n, np.nan))
        else:
            scores = scores.where(np.arange(scores.n) == (3 if case == "one" else -1))
        values = _estimate(metric, scores, np.ones((2, scores.clusters), np.int64))
        assert values.shape == (2,), f"shape {values.shape} for 2 resamples"
        assert isinstance(metric.missing(scores), str), "missing() returns no text"

    def test_the_rows_that_enter_are_a_mask(self, metric: Metric, kind: Any) -> None:
        """`entered` returns True or False for each row.

        Fix: return a boolean array of shape (n,).
        """
        scores = self.scores_of(metric, kind, 0.7)
        mask = np.asarray(metric.entered(scores))
        assert (mask.shape, mask.dtype) == ((scores.n,), np.dtype(bool)), (
            f"{mask.dtype} of shape {mask.shape}"
        )


def _weights(scores: Scores, count: int) -> Any:
    draw = np.random.default_rng(1)
    rows = draw.multinomial(scores.clusters, np.full(scores.clusters, 1 / scores.clusters), count)
    rows[0] = 1
    return rows.astype(np.int64)


def _estimate(metric: Metric, scores: Scores, weights: Any) -> Any:
    with np.errstate(all="ignore"):
        values = np.asarray(metric.estimate(scores, weights))
    assert np.issubdtype(values.dtype, np.number), f"estimate returns {values.dtype}, no numbers"
    return values


def _columns(scores: Scores) -> list[Any]:
    found = [getattr(scores, field.name) for field in fields(scores)]
    return [column.copy() for column in found if isinstance(column, np.ndarray)]


def _same(one: list[Any], other: list[Any]) -> bool:
    return all(np.array_equal(a, b, equal_nan=a.dtype.kind == "f") for a, b in zip(one, other, strict=True))
