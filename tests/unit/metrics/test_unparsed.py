"""Unparsed replies: bounds that no refusal improves, notes, and baselines on the same rows."""

from dataclasses import replace

import numpy as np
import pytest
from helpers.scores import NAN, RATING, by_emotion, choices, entry, ratings, score, shuffled

from harness.metrics.calibration import Brier, ExpectedCalibrationError
from harness.metrics.choice import Accuracy, BalancedAccuracy, Kappa, MacroF1
from harness.metrics.rank import Srcc, SrccWithinEmotion
from harness.metrics.rating import MeanRating, Plcc, RootMeanSquareError, Slope
from harness.results import BOUND

HIGHER = {"srcc": Srcc, "srcc_within_emotion": SrccWithinEmotion, "plcc": Plcc, "slope": Slope}
ERRORS = {"mae": RATING["mae"], "rmse": RootMeanSquareError}


def judge(seed, hard=0.6, n=200):
    """Ratings that are right on the easy samples and a guess on the hard ones, and which samples are hard."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(1, 6, n).astype(float)
    difficult = np.arange(n) < round(hard * n)
    predicted = np.where(difficult, rng.integers(1, 6, n), truth)
    scores = replace(ratings(n, 40), truth=truth, predicted=predicted.astype(float))
    return scores, difficult


def refusing(scores, rows):
    return replace(scores, predicted=np.where(rows, NAN, scores.predicted))


def test_a_judge_that_refuses_what_it_finds_hard_gets_a_note_and_a_bound():
    scores, hard = judge(1)
    table = score(refusing(scores, hard), RATING)
    assert (entry(table, "srcc").value, entry(table, "mae").value) == (1.0, 0.0)
    answering = score(scores, RATING)
    bound = entry(table, "srcc_bound")
    assert bound.value < entry(answering, "srcc").value < 0.6
    assert bound.low < bound.value < bound.high
    assert (bound.n, bound.primary, bound.direction) == (200, False, "higher")
    assert bound.method.endswith("unparsed as worst")
    assert entry(table, "mae_bound").value > entry(answering, "mae").value > 0.5
    [note] = [line for line in table.warnings if line.startswith("120 of 200 rows (60%)")]
    assert "left out of srcc, srcc_within_emotion, krcc, plcc, plcc_fitted, mae, distinct_values" in note
    unbeaten = [line for line in table.warnings if line.startswith("not shown to beat")]
    assert any("srcc_bound" in line for line in unbeaten)
    assert any("mae_bound" in line for line in unbeaten)
    assert not any(": srcc 1" in line or ": mae 0" in line for line in unbeaten), "the bound is compared"


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(12))
def test_refusing_never_helps(seed):
    rng = np.random.default_rng(seed)
    scores, hard = judge(seed, hard=rng.uniform(0.1, 0.6))
    answered = score(scores, HIGHER | ERRORS, resamples=0)
    for rows in (hard, rng.random(scores.n) < 0.3, hard & (scores.truth > 2), scores.emotion == 1):
        refused = score(refusing(scores, rows), HIGHER | ERRORS, resamples=0)
        for name in HIGHER:
            assert entry(refused, name + BOUND).value <= entry(answered, name).value + 1e-9, name
        for name in ERRORS:
            assert entry(refused, name + BOUND).value >= entry(answered, name).value - 1e-9, name


CHOICE = {
    "accuracy": Accuracy,
    "balanced_accuracy": BalancedAccuracy,
    "macro_f1": MacroF1,
    "kappa": Kappa,
    "brier": Brier,
    "ece": ExpectedCalibrationError,
}


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(12))
def test_refusing_a_choice_never_helps(seed):
    rng = np.random.default_rng(seed)
    scores = choices()
    frequencies = rng.dirichlet(np.ones(6))
    truth = rng.choice(6, scores.n, p=frequencies).astype(float)
    hard = rng.random(scores.n) < rng.uniform(0.1, 0.6)
    predicted = np.where(hard, rng.choice(6, scores.n, p=frequencies), truth).astype(float)
    chances = rng.dirichlet(np.ones(6), scores.n) * 0.5
    chances[np.arange(scores.n), predicted.astype(int)] += 0.5
    scores = replace(scores, truth=truth, predicted=predicted, probabilities=chances)
    answered = score(scores, CHOICE, resamples=0)
    for rows in (hard, rng.random(scores.n) < 0.3, hard & (truth > 2), truth == 1):
        if not rows.any():
            continue
        refused = replace(refusing(scores, rows), probabilities=np.where(rows[:, None], NAN, chances))
        table = score(refused, CHOICE, resamples=0)
        for name in ("accuracy", "balanced_accuracy"):
            assert entry(table, name).value <= entry(answered, name).value + 1e-9, name
            assert not any(m.name == name + BOUND for m in table.metrics), "no reply is the worst one already"
        for name in ("macro_f1", "kappa"):
            assert entry(table, name + BOUND).value <= entry(answered, name).value + 1e-9, name
            assert entry(table, name + BOUND).value <= entry(table, name).value + 1e-9, name
        assert entry(table, "brier" + BOUND).value >= entry(answered, "brier").value - 1e-9
        if hard[rows].all():
            assert entry(table, "ece" + BOUND).value >= entry(answered, "ece").value - 1e-9


def test_macro_f1_would_gain_from_refusing_without_its_bound():
    scores = replace(choices(), truth=np.repeat(np.arange(6.0), 20))
    predicted = np.where(np.arange(120) % 4 == 0, (scores.truth + 1) % 6, scores.truth)
    answered = score(replace(scores, predicted=predicted), CHOICE)
    refused = score(replace(scores, predicted=np.where(predicted == scores.truth, predicted, NAN)), CHOICE)
    assert entry(answered, "macro_f1").value == pytest.approx(0.75)
    assert entry(refused, "macro_f1").value == pytest.approx(6 / 7)
    bound = entry(refused, "macro_f1_bound")
    assert bound.value == pytest.approx(0.75), "one wrong class costs as much as another here"
    assert bound.low < bound.value < bound.high
    assert bound.n == 120


def test_fitted_metrics_are_bounded_under_the_curve_of_the_parsed_replies():
    scores, hard = judge(3, hard=0.2)
    table = score(refusing(scores, hard), RATING)
    assert entry(table, "plcc_fitted_bound").value < 0.8 < entry(table, "plcc_fitted").value
    assert not any(b.metric.startswith("plcc_fitted") for b in table.baselines), "a fit to noise is above 0"


def test_baselines_and_values_have_the_same_rows():
    scores, hard = judge(2)
    refused = replace(refusing(scores, hard), emotion=np.where(np.arange(200) % 9, scores.emotion, -1))
    table = score(refused, RATING)
    rows = {m.name: m.n for m in table.metrics}
    assert rows["mae"] == 80
    assert rows["mae_bound"] == 200
    assert {b.metric for b in table.baselines} >= {
        "srcc",
        "mae",
        "srcc_bound",
        "mae_bound",
        "srcc_within_emotion",
    }
    for baseline in table.baselines:
        assert baseline.n == rows[baseline.metric], baseline
    easy = refused.truth[~hard]
    found = {(b.name, b.metric): b.value for b in table.baselines}
    assert found["constant", "mae"] == pytest.approx(np.abs(easy - easy.mean()).mean())
    assert found["constant", "mae_bound"] == pytest.approx(np.abs(scores.truth - scores.truth.mean()).mean())


@pytest.mark.parametrize(("unparsed", "noted"), [(9, False), (10, True)])
def test_the_note_starts_at_5_percent(unparsed, noted):
    few = np.arange(200) < unparsed
    table = score(refusing(judge(1)[0], few), RATING, by_emotion(judge(1)[0]))
    assert any("have no parsed reply" in line and "left out" in line for line in table.warnings) is noted
    assert entry(table, "mae_bound").n == 200, "the bound is there with a single unparsed reply"
    assert not any(m.name.endswith(BOUND) and m.group for m in table.metrics)


def test_unparsed_choices_count_as_wrong_and_the_note_says_so():
    scores = choices()
    refused = replace(scores, predicted=np.where(np.arange(120) < 30, NAN, scores.predicted))
    chances = np.where(np.isnan(refused.predicted)[:, None], NAN, np.full((120, 6), 1 / 6))
    table = score(
        replace(refused, probabilities=chances), {"accuracy": Accuracy, "brier": Brier}, by_emotion(scores)
    )
    [note] = [line for line in table.warnings if "rows (" in line]
    assert note.endswith(
        "have no parsed reply: they count as wrong; left out of brier; each bound counts them as unfavourable answers"
    )
    assert [m.name for m in table.metrics if m.name.endswith(BOUND)] == ["brier_bound"]
    assert any(
        "of 6 groups have no parsed reply in 5% of their rows or more" in line for line in table.warnings
    )


def test_without_unparsed_or_without_parsed_replies_there_is_no_bound():
    scores = judge(1)[0]
    for found in (scores, refusing(scores, np.ones(200, bool)), replace(scores, truth=np.full(200, NAN))):
        table = score(found, RATING)
        assert not any(m.name.endswith(BOUND) for m in table.metrics)
    unlabelled = replace(scores, truth=np.where(np.arange(200) < 50, NAN, scores.truth))
    table = score(refusing(unlabelled, np.arange(200) < 100), RATING | {"mean_rating": MeanRating})
    assert entry(table, "mae_bound").n == 150, "only rows with a truth"
    with pytest.raises(StopIteration):
        entry(table, "mean_rating_bound")
    nothing_known = refusing(replace(scores, truth=np.full(200, NAN)), np.arange(200) < 20)
    table = score(nothing_known, {"mean_rating": MeanRating})
    assert "20 of 200 rows (10%) have no parsed reply: left out of mean_rating" in table.warnings


def test_bounds_do_not_depend_on_the_order_of_rows():
    scores, hard = judge(4)
    refused = refusing(scores, hard)
    assert score(shuffled(refused, 1), RATING) == score(refused, RATING)
