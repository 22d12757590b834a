"""Class variables and optional methods that a third party's metric may define, and what happens when they raise."""

from dataclasses import replace

import numpy as np
import pytest
from helpers.scores import NAN, by_emotion, choices, entry, ratings, score

from harness import HypothesisTest, Metric
from harness.metrics import collapsed, resampling
from harness.metrics.choice import Accuracy
from harness.metrics.score import MetricRequest, metric_tests

pytestmark = pytest.mark.filterwarnings("error")


def weighted_mean(values, entered, scores, weights):
    counts = weights[:, scores.cluster] * entered
    return (counts * np.nan_to_num(values)).sum(axis=1) / counts.sum(axis=1)


class ParsedAccuracy(Metric):
    """Accuracy over the replies that could be parsed, with every method that reports something."""

    kinds = frozenset({"choice"})
    uses = frozenset()

    def estimate(self, scores, weights):
        return weighted_mean(scores.predicted == scores.truth, scores.parsed, scores, weights)

    def entered(self, scores):
        return scores.parsed

    def missing(self, scores):
        return f"none of {scores.n} replies could be used"

    def remarks(self, scores, estimate):
        return [f"{scores.n - estimate.n} replies are ignored", f"the value is {estimate.value:.2f}"]

    def tests(self, scores, *, seed, resamples):
        values = {"value": 0.25, "low": 0.1, "high": 0.4, "p": 0.03, "p_adjusted": 0.03}
        return [HypothesisTest(name=f"seed {seed}", n=scores.n, clusters=resamples, method="mine", **values)]


class MeanReply(Metric):
    """The mean rating that the judge gave."""

    kinds = frozenset({"rating"})
    uses = frozenset()

    def estimate(self, scores, weights):
        return weighted_mean(scores.predicted, scores.parsed, scores, weights)


class SummedMeanReply(MeanReply):
    summed = True

    def columns(self, scores):
        return np.column_stack([np.nan_to_num(scores.predicted), scores.parsed])

    def from_sums(self, sums):
        return sums[:, 0] / sums[:, 1]


class Correlation(Metric):
    """Pearson's correlation by its definition."""

    kinds = frozenset({"rating"})
    uses = frozenset()
    interval = "jackknife"

    def estimate(self, scores, weights):
        return np.array(
            [
                np.cov(scores.truth, scores.predicted, fweights=row[scores.cluster])[0, 1]
                / np.sqrt(
                    np.cov(scores.truth, fweights=row[scores.cluster])
                    * np.cov(scores.predicted, fweights=row[scores.cluster])
                )
                for row in weights
            ]
        )


def variant(base, **attributes):
    return type(base.__name__, (base,), attributes)


def test_entered_and_remarks():
    scores = choices()
    unparsed = int((~scores.parsed).sum())
    table = score(scores, {"accuracy": Accuracy, "mine": ParsedAccuracy})
    found = entry(table, "mine")
    assert unparsed > 0
    assert (found.n, entry(table, "accuracy").n) == (120 - unparsed, 120)
    assert f"mine: {unparsed} replies are ignored" in table.warnings
    assert f"mine: the value is {found.value:.2f}" in table.warnings


def test_missing_says_why_a_value_does_not_exist():
    table = score(replace(choices(), predicted=np.full(120, NAN)), {"mine": ParsedAccuracy})
    assert entry(table, "mine").value is None
    assert "mine does not exist: none of 120 replies could be used" in table.warnings
    assert not any("ignored" in line for line in table.warnings), "remarks need a value"


def test_tests_belong_to_a_question():
    request = MetricRequest("mine", ParsedAccuracy())
    [found], warnings = metric_tests(request, choices(), "coarse_emotion", seed=7, resamples=50)
    assert (found.question, found.name, found.clusters, found.p) == ("coarse_emotion", "seed 7", 50, 0.03)
    assert warnings == []
    assert metric_tests(MetricRequest("a", Accuracy()), choices(), "q", seed=7, resamples=50) == ([], [])


@pytest.mark.parametrize("p", [NAN, -0.1, 1.1])
def test_tests_without_a_p_value_are_omitted(p):
    def tests(self, scores, **_):
        found = ParsedAccuracy.tests(self, scores, seed=1, resamples=1)
        return [*found, found[0].model_copy(update={"name": "bad", "p": p})]

    request = MetricRequest("mine", variant(ParsedAccuracy, tests=tests)())
    [kept], warnings = metric_tests(request, choices(), "q", seed=1, resamples=1)
    assert kept.name == "seed 1"
    assert warnings == [f"mine: the test bad is omitted: its p is {p:g}"]


def test_by_group():
    scores = choices()
    named = {"accuracy": Accuracy, "mine": ParsedAccuracy, "shown": variant(ParsedAccuracy, by_group=True)}
    table = score(scores, named, by_emotion(scores)[:1])
    assert [m.name for m in table.metrics if m.group] == ["accuracy", "shown"]


def test_a_proportion_of_0_or_1_has_an_exact_interval():
    scores = replace(choices(), predicted=choices().truth)
    named = {"plain": ParsedAccuracy, "share": variant(ParsedAccuracy, proportion=True)}
    plain, share = score(scores, named).metrics
    assert (plain.low, plain.method) == (None, "none: every resample gave the same value")
    assert (share.high, share.method) == (1.0, "Korn-Graubard, effective n 112")
    assert share.low == pytest.approx(0.025 ** (1 / 112), abs=1e-3)


def test_a_correlation_has_its_interval_on_the_scale_of_fisher():
    scores = ratings()
    named = {"plain": Correlation, "fisher": variant(Correlation, correlation=True)}
    plain, fisher = score(scores, named).metrics
    assert plain.method == fisher.method == "cluster jackknife"
    assert plain.high - plain.value == pytest.approx(plain.value - plain.low)
    z = np.arctanh([fisher.low, fisher.value, fisher.high])
    assert z[2] - z[1] == pytest.approx(z[1] - z[0])
    assert fisher.high - fisher.value < fisher.value - fisher.low


def test_against_baselines():
    def estimate(self, scores, weights):
        return weighted_mean((scores.predicted - scores.truth) ** 2, scores.paired, scores, weights)

    compared = variant(MeanReply, estimate=estimate, direction="lower", against_baselines=True)
    scores = ratings()
    baselines = score(scores, {"mean": MeanReply, "square": compared}).baselines
    constant = {b.metric: b.value for b in baselines if b.name == "constant"}
    assert constant["square"] == pytest.approx(scores.truth.var())
    assert {b.metric for b in baselines} == {"mean", "square"}, "no baseline without a value"


def test_baselines_of_a_metric_that_uses_attributes():
    def estimate(self, scores, weights):
        return weighted_mean(
            scores.predicted == scores.truth, scores.attributes["sex"] == "f", scores, weights
        )

    sex = np.array(["f", "m"] * 60, object)
    scores = replace(choices(), attributes={"sex": sex})
    women = variant(ParsedAccuracy, estimate=estimate, uses=frozenset({"attributes"}))
    table = score(scores, {"women": women})
    found = {b.name: b.value for b in table.baselines}
    most = np.bincount(scores.truth.astype(int)).argmax()
    assert found["chance"] == pytest.approx(1 / 6)
    asked = (sex == "f") & scores.parsed
    assert found["majority"] == pytest.approx((scores.truth[asked] == most).mean())


def test_summed_metrics_give_the_same_intervals(monkeypatch):
    scores = ratings(n=900, clusters=300)
    plain, summed = score(scores, {"plain": MeanReply, "summed": SummedMeanReply}).metrics
    assert summed.value == pytest.approx(plain.value)
    assert (summed.low, summed.high) == pytest.approx((plain.low, plain.high), abs=1e-9)
    monkeypatch.setattr(collapsed, "JOINED", 150)
    plain, summed = score(scores, {"plain": MeanReply, "summed": SummedMeanReply}).metrics
    assert (plain.method, summed.method) == (
        "cluster bootstrap",
        "cluster bootstrap, widened for few clusters, clusters joined to 150",
    ) or summed.method == "cluster bootstrap, clusters joined to 150"


@pytest.mark.parametrize("missing", ["columns", "from_sums"])
def test_summed_metrics_must_define_both_methods(missing):
    broken = variant(SummedMeanReply, **{missing: getattr(Metric, missing)})
    table = score(ratings(), {"mine": broken})
    assert entry(table, "mine").value is not None
    assert (
        f"mine has no interval: the metric raised TypeError: SummedMeanReply is summed and must define {missing}()"
        in table.warnings
    )


def leave_one_out_of_the_mean(self, scores, counts):
    sums = np.bincount(scores.cluster, scores.predicted, minlength=scores.clusters)
    sizes = np.bincount(scores.cluster, minlength=scores.clusters)
    return ((counts * sums).sum() - sums) / ((counts * sizes).sum() - sizes)


def test_leave_one_out_replaces_estimate():
    def never(self, scores, weights):
        assert len(weights) == 1, "only the value itself is estimated"
        return MeanReply.estimate(self, scores, weights)

    slow = variant(MeanReply, interval="jackknife")
    fast = variant(slow, leave_one_out=leave_one_out_of_the_mean, estimate=never)
    one, other = score(ratings(), {"slow": slow, "fast": fast}).metrics
    assert one.method == other.method == "cluster jackknife"
    assert (one.low, one.high) == pytest.approx((other.low, other.high))


def test_smooth_metrics_get_the_jackknife_with_many_rows(monkeypatch):
    smooth = variant(MeanReply, leave_one_out=leave_one_out_of_the_mean, smooth=lambda self, *_: True)
    assert entry(score(ratings(), {"mine": smooth}), "mine").method.startswith("cluster bootstrap")
    monkeypatch.setattr(resampling, "ROWS_RESAMPLED", 1)
    assert entry(score(ratings(), {"mine": smooth}), "mine").method == "cluster jackknife"


def broken(self, *arguments, **keywords):
    raise RuntimeError("no luck")


RAISING = {
    "entered": (variant(MeanReply, entered=broken), "mine does not say how many rows entered: it raised"),
    "missing": (variant(MeanReply, missing=broken, estimate=lambda self, s, w: np.full(len(w), NAN)), "mine does not exist: the metric raised"),
    "remarks": (variant(MeanReply, remarks=broken), "mine: its remarks raised"),
    "estimator": (variant(MeanReply, estimator=broken), "mine has no interval: the metric raised"),
    "prepared": (variant(MeanReply, prepared=broken), "mine has no interval: the metric raised"),
    "columns": (variant(SummedMeanReply, columns=broken), "mine has no interval: the metric raised"),
    "from_sums": (variant(SummedMeanReply, from_sums=broken), "mine has no interval: the metric raised"),
    "leave_one_out": (variant(MeanReply, leave_one_out=broken, interval="jackknife"), "mine has no interval: the metric raised"),
    "smooth": (variant(MeanReply, smooth=broken), "mine has no interval: the metric raised"),
}  # fmt: skip


@pytest.mark.parametrize(("metric", "warning"), RAISING.values(), ids=RAISING.keys())
def test_a_method_that_raises_is_reported_and_stops_no_other(metric, warning, monkeypatch):
    monkeypatch.setattr(resampling, "ROWS_RESAMPLED", 1)
    alone = entry(score(ratings(), {"mean": MeanReply}), "mean")
    table = score(ratings(), {"mean": MeanReply, "mine": metric})
    assert entry(table, "mean") == alone
    assert [line for line in table.warnings if line.startswith("mine")] == [
        f"{warning} RuntimeError: no luck"
    ]
    if "does not exist" not in warning:
        assert entry(table, "mine").value == pytest.approx(alone.value)


def test_tests_that_raise_are_reported():
    request = MetricRequest("mine", variant(ParsedAccuracy, tests=broken)())
    assert metric_tests(request, choices(), "q", seed=1, resamples=1) == (
        [],
        ["mine: its tests raised RuntimeError: no luck"],
    )


def test_a_leave_one_out_of_the_wrong_shape_is_reported():
    wrong = variant(MeanReply, interval="jackknife", leave_one_out=lambda self, scores, counts: np.zeros(7))
    table = score(ratings(), {"mine": wrong, "mean": MeanReply})
    assert entry(table, "mean").low is not None
    assert (
        "mine has no interval: the metric raised ValueError: leave_one_out returned shape (7,) for 30 clusters"
        in table.warnings
    )


WRONG = {
    "a scalar for many resamples": variant(MeanReply, estimator=lambda self, scores: lambda weights: np.float64(1)),
    "a value too few": variant(MeanReply, estimator=lambda self, scores: lambda weights: np.ones(len(weights) - 1)),
    "no numbers": variant(MeanReply, interval="jackknife", leave_one_out=lambda self, scores, counts: ["x"] * len(counts)),
}  # fmt: skip


@pytest.mark.parametrize("metric", WRONG.values(), ids=WRONG.keys())
def test_wrong_returns_give_no_interval_and_a_reason(metric):
    table = score(ratings(), {"mean": MeanReply, "mine": metric})
    assert entry(table, "mean").low is not None
    assert (entry(table, "mine").low, entry(table, "mine").high) == (None, None)
    assert any(line.startswith("mine has no interval: the metric raised") for line in table.warnings)


def test_a_missing_value_always_has_a_reason():
    silent = variant(
        MeanReply, missing=lambda self, scores: "", estimate=lambda self, s, w: np.full(len(w), NAN)
    )
    assert (
        "mine does not exist: it cannot be computed on these answers"
        in score(ratings(), {"mine": silent}).warnings
    )


def test_columns_are_checked_when_the_class_is_made():
    assert variant(MeanReply, uses=["positions"]).uses == frozenset({"positions"})
    with pytest.raises(TypeError, match="unknown columns"):
        variant(MeanReply, uses={"colour"})
