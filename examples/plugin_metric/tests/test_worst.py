"""Everything that memobench relies on, and a value that can be checked by hand."""

import numpy as np
import pytest
from memobench_plugin_worst.metric import WorstRecall

from harness import Scores
from harness.testing import MetricContract, PluginContract


class TestMetric(MetricContract):
    @pytest.fixture
    def metric(self):
        return WorstRecall()


class TestPlugin(PluginContract):
    dist = "memobench-plugin-worst"


def test_by_hand():
    truth = np.array([0, 0, 0, 0, 1, 1, 1, 1], float)
    predicted = np.array([0, 0, 0, 1, 1, 0, np.nan, 0], float)
    rows = np.arange(8)
    scores = Scores("choice", truth, predicted, rows, np.zeros(8, int), ("happy", "sad"))
    once = np.ones(8, int)
    without = np.array([1, 1, 1, 1, 1, 0, 0, 0])
    assert WorstRecall().estimate(scores, np.stack([once, without])).tolist() == [0.25, 0.75]
