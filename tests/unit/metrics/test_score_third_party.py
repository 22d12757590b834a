import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from helpers.scores import CHOICE, NAN, choices, entry, score

from harness.components.metric import Metric
from harness.metrics.choice import Accuracy
from harness.metrics.rank import Srcc

pytestmark = pytest.mark.filterwarnings("error")


class Brier(Metric):
    """A metric of a third party: only `estimate`, in a loop, on probabilities."""

    kinds = frozenset({"choice"})
    direction = "lower"

    def estimate(self, scores, weights):
        truth = np.eye(len(scores.options))[scores.truth.astype(int)]
        loss = ((scores.probabilities - truth) ** 2).sum(axis=1)
        return np.array(
            [np.average(loss, weights=row[scores.cluster]) if row.any() else NAN for row in weights]
        )


class Slow(Brier):
    interval = "jackknife"


class Broken(Metric):
    def estimate(self, scores, weights):
        raise RuntimeError("no luck")


class Misshapen(Metric):
    def estimate(self, scores, weights):
        return np.zeros(7)


def test_third_party_metrics_need_only_estimate():
    scores = choices()
    chances = np.random.default_rng(0).dirichlet(np.ones(6), 120)
    scores = replace(scores, probabilities=chances)
    table = score(scores, {"brier": Brier, "slow": Slow, "accuracy": Accuracy})
    loss = ((chances - np.eye(6)[scores.truth.astype(int)]) ** 2).sum(axis=1)
    brier, slow, accuracy = table.metrics
    assert brier.value == pytest.approx(loss.mean(), abs=1e-12)
    assert brier.low < brier.value < brier.high
    assert (brier.method, slow.method) == (
        "cluster bootstrap, widened for few clusters",
        "cluster jackknife",
    )
    assert (slow.low, slow.high) == pytest.approx((brier.low, brier.high), abs=0.03)
    alone = entry(score(choices(), {"accuracy": Accuracy}), "accuracy")
    assert accuracy == alone.model_copy(update={"primary": False})


def test_a_metric_that_raises_is_null_and_stops_no_other():
    table = score(choices(), {"accuracy": Accuracy, "broken": Broken, "misshapen": Misshapen})
    assert [e.value is None for e in table.metrics] == [False, True, True]
    assert "broken does not exist: the metric raised RuntimeError: no luck" in table.warnings
    assert any(
        line.startswith("misshapen does not exist: the metric raised ValueError") for line in table.warnings
    )


def test_a_metric_of_a_different_kind_is_null():
    table = score(choices(), {"accuracy": Accuracy, "srcc": Srcc})
    assert "srcc does not exist: it does not apply to a choice" in table.warnings


@pytest.mark.parametrize(
    "change",
    [
        {"truth": np.full(120, NAN)},
        {"predicted": np.full(120, 6.0)},
        {"predicted": np.full(120, 0.5)},
        {"predicted": np.full(120, np.inf)},
        {"emotion": np.full(120, 6)},
        {"cluster": np.full(120, -1)},
        {"truth": np.zeros(3)},
    ],
)
def test_invalid_scores_are_rejected(change):
    with pytest.raises(ValueError):
        score(replace(choices(), **change), CHOICE)


def test_scoring_a_choice_loads_no_scipy():
    code = (
        "import sys, numpy as np; from harness.metrics.score import *; from harness.metrics.choice import Accuracy;"
        "from harness.components.metric import Scores; z = np.zeros(30); c = np.arange(30);"
        "score_metrics(Scores('choice', z, c % 2.0, c, c * 0, ('a', 'b'), ('x',)),"
        "[MetricRequest('accuracy', Accuracy(), True)], seed=1, resamples=50); print('scipy' in sys.modules)"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "False"
    )
