from dataclasses import replace

import numpy as np
import pytest
from helpers.scores import NAN, choices, entry, score
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss

from harness.components.metric import Scores
from harness.metrics.calibration import Brier, ExpectedCalibrationError
from harness.metrics.position import PositionBias
from harness.types import EMOTIONS


def judged(n=200, options=4, seed=0, sharpness=1.0):
    """Truth sampled from the probabilities that the judge gives, raised to a power."""
    rng = np.random.default_rng(seed)
    chances = rng.dirichlet(np.ones(options), n)
    truth = np.array([rng.choice(options, p=row) for row in chances]).astype(float)
    given_ = chances**sharpness / (chances**sharpness).sum(axis=1, keepdims=True)
    return Scores(
        "choice",
        truth,
        given_.argmax(axis=1).astype(float),
        np.arange(n),
        np.zeros(n, np.int64),
        tuple("abcdefgh"[:options]),
        EMOTIONS,
        probabilities=given_,
    )


def by_definition(confidence, right, bins):
    """Guo et al. 2017, equation 5, bin by bin."""
    total = 0.0
    for number in range(bins):
        inside = (confidence > number / bins) & (confidence <= (number + 1) / bins)
        if inside.any():
            total += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
    return total


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.integers(1, 80), st.integers(2, 6), st.integers(0, 999), st.sampled_from([1, 5, 15]))
def test_calibration_of_a_choice_follows_its_definition(n, options, seed, bins):
    scores = judged(n, options, seed)
    chances, right = scores.probabilities, scores.predicted == scores.truth
    table = score(
        scores,
        {
            "ece": lambda: ExpectedCalibrationError(ExpectedCalibrationError.Options(bins=bins)),
            "brier": Brier,
        },
        resamples=20,
    )
    metric = ExpectedCalibrationError(ExpectedCalibrationError.Options(bins=bins))
    binned = float(metric.estimate(scores, np.ones((1, n), np.int64))[0])
    assert binned == pytest.approx(by_definition(chances.max(axis=1), right, bins), abs=1e-9)
    if n > 1:
        found = entry(table, "ece")
        assert 0 <= found.low <= found.value <= found.high <= 1
        assert found.value <= binned + 1e-9
        assert found.method.endswith(f"binned value {binned:.4f}")
    loss = ((chances - np.eye(options)[scores.truth.astype(int)]) ** 2).sum(axis=1).mean()
    assert entry(table, "brier").value == pytest.approx(loss, abs=1e-12)
    if options == 2:
        expected = 2 * brier_score_loss(scores.truth, chances[:, 1])
        assert entry(table, "brier").value == pytest.approx(expected, abs=1e-12)


def test_calibration_of_a_rating_uses_the_level_nearest_to_the_truth():
    chances = np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6], [0.2, 0.5, 0.3], [NAN] * 3])
    scores = Scores(
        "rating",
        np.array([1.4, 2.5, NAN, 1.0]),
        np.array([1.4, 2.5, 2.1, 1.0]),
        np.arange(4),
        np.zeros(4, np.int64),
        ("low", "mid", "high"),
        EMOTIONS,
        1.0,
        3.0,
        chances,
    )
    table = score(scores, {"ece": ExpectedCalibrationError, "brier": Brier}, resamples=20)
    assert any("(0.350 before debiasing)" in line for line in table.warnings)  # (0.3 + 0.4) / 2
    assert (entry(table, "ece").n, entry(table, "ece").clusters) == (2, 2)
    assert entry(table, "brier").value == pytest.approx((0.14 + 0.26) / 2)


def test_a_calibrated_judge_has_an_error_near_0_and_an_overconfident_one_keeps_its_own():
    honest, loud = (score(judged(1500, sharpness=s), {"ece": ExpectedCalibrationError}) for s in (1.0, 4.0))
    found = entry(honest, "ece")
    assert (found.low, found.method.split(",")[0]) == (0, "debiased")
    assert found.value < 0.02
    assert any("does not show miscalibration" in line for line in honest.warnings)
    loud_one = entry(loud, "ece")
    binned = float(loud_one.method.split()[-1])
    assert binned - 0.02 < loud_one.value <= binned
    assert loud_one.low > 0.1
    assert not any("ece" in line for line in loud.warnings)


@pytest.mark.slow
@pytest.mark.parametrize(("n", "options"), [(60, 2), (120, 6), (600, 6)])
def test_the_interval_of_a_calibrated_judge_rarely_excludes_0(n, options):
    """Half of the basic bootstrap intervals of the binned value did, and that value is 0.06 to 0.15 on average."""
    metric, excluded, values, binned = ExpectedCalibrationError(), 0, [], []
    for seed in range(100):
        scores = judged(n, options, seed)
        found = metric.own_estimate(scores, np.ones(n, np.int64), 0.95)
        excluded += found.low > 0
        values.append(found.value)
        binned.append(float(metric.estimate(scores, np.ones((1, n), np.int64))[0]))
    assert excluded <= 7
    assert np.mean(values) < 0.4 * np.mean(binned)


def test_a_judge_that_is_sure_and_never_wrong_is_not_called_miscalibrated():
    """40 answers at a confidence of 0.98: all right is what a calibrated judge gives in 45% of the cases."""
    chances = np.tile([0.98, 0.02], (40, 1))
    zero = np.zeros(40)
    scores = Scores(
        "choice",
        zero,
        zero,
        np.arange(40),
        zero.astype(np.int64),
        ("a", "b"),
        EMOTIONS,
        probabilities=chances,
    )
    assert entry(score(scores, {"ece": ExpectedCalibrationError}), "ece").low == 0


def test_without_probabilities_there_is_no_calibration():
    for scores in (choices(), replace(judged(), probabilities=np.full((200, 4), NAN))):
        table = score(scores, {"ece": ExpectedCalibrationError, "brier": Brier})
        assert [e.value for e in table.metrics] == [None, None]
        assert "ece, brier do not exist: the judge gave no probabilities" in table.warnings


def ordered(n=600, pull=0.0, seed=1):
    """Options in a random order; with probability `pull` the judge takes the one shown second."""
    rng = np.random.default_rng(seed)
    positions = np.array([rng.permutation(4) for _ in range(n)])
    truth = rng.integers(0, 4, n)
    predicted = np.where(rng.random(n) < pull, (positions == 1).argmax(axis=1), truth).astype(float)
    predicted[::50] = NAN
    return Scores(
        "choice",
        truth.astype(float),
        predicted,
        np.arange(n),
        truth,
        tuple("abcd"),
        EMOTIONS,
        positions=positions,
    )


def bias(place=1):
    return lambda: PositionBias(PositionBias.Options(place=place))


def test_position_bias_is_the_share_at_a_position_above_chance():
    scores = ordered(pull=0.4)
    parsed = ~np.isnan(scores.predicted)
    chosen = scores.positions[np.arange(600)[parsed], scores.predicted[parsed].astype(int)]
    table = score(scores, {"first": bias(), "second": bias(2)})
    assert entry(table, "first").value == pytest.approx((chosen == 0).mean() - 0.25)
    second = entry(table, "second")
    assert second.value == pytest.approx((chosen == 1).mean() - 0.25)
    assert 0 < second.low < second.value < second.high
    assert second.n == parsed.sum()
    for name, place in (("first", 1), ("second", 2)):
        share = (chosen == place - 1).mean()
        assert (
            f"{name}: options at position {place} are chosen in {share:.0%} of the replies; "
            "without bias it would be 25%"
        ) in table.warnings, "each remark is on the position of its own value"


def test_a_judge_that_ignores_the_order_has_no_position_bias():
    table = score(ordered(), {"first": bias()})
    assert entry(table, "first").low < 0 < entry(table, "first").high
    assert not any("position" in line for line in table.warnings)


def test_fewer_options_shown_are_chosen_more_often_by_chance():
    positions = np.array([[0, 1, -1], [1, 0, -1], [0, 1, 2]])
    scores = Scores(
        "choice",
        np.zeros(3),
        np.array([0.0, 0.0, 0.0]),
        np.arange(3),
        np.zeros(3, np.int64),
        tuple("abc"),
        EMOTIONS,
        positions=positions,
    )
    table = score(scores, {"first": bias(), "third": bias(3)})
    assert entry(table, "first").value == pytest.approx(2 / 3 - (1 / 2 + 1 / 2 + 1 / 3) / 3)
    assert (entry(table, "third").value, entry(table, "third").n) == (pytest.approx(-1 / 3), 1)
    assert entry(score(choices(), {"first": bias()}), "first")["value"] is None
