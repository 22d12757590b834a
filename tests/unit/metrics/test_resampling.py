import numpy as np
import pytest
from helpers.scores import CHOICE, RATING, by_emotion, choices, entry, ratings, score

from harness.metrics import resampling
from harness.metrics.rank import Srcc

pytestmark = pytest.mark.filterwarnings("error")


@pytest.mark.parametrize("named", [CHOICE, RATING])
def test_threads_change_nothing(named, monkeypatch):
    scores = choices() if named is CHOICE else ratings()
    monkeypatch.setattr(resampling, "MUCH", 1 << 60)
    alone = score(scores, named, by_emotion(scores), resamples=3000)
    monkeypatch.setattr(resampling, "MUCH", 0)
    for threads in (1, 3):
        monkeypatch.setattr(resampling, "THREADS", threads)
        assert score(scores, named, by_emotion(scores), resamples=3000) == alone


@pytest.mark.parametrize("much", [0, 1 << 60])
def test_a_built_in_metric_that_raises_on_resamples_keeps_its_value(much, monkeypatch):
    class Fragile(Srcc):
        def estimator(self, scores):
            whole = super().estimator(scores)

            def only_once(weights):
                if len(weights) > 1:
                    raise MemoryError("no room")
                return whole(weights)

            return only_once

    monkeypatch.setattr(resampling, "MUCH", much)
    table = score(ratings(), {"fragile": Fragile, "srcc": Srcc})
    assert entry(table, "fragile").value == entry(table, "srcc").value
    assert entry(table, "fragile").low is None
    assert entry(table, "srcc").low is not None
    assert "fragile has no interval: the metric raised MemoryError: no room" in table.warnings


def test_an_interrupted_run_stops_in_every_thread(monkeypatch):
    monkeypatch.setattr(resampling, "MUCH", 0)
    monkeypatch.setattr(resampling, "THREADS", 3)
    given = []

    class Interrupted(Srcc):
        def estimator(self, scores):
            def stop(weights):
                given.append(len(weights))
                raise KeyboardInterrupt

            return stop

    scores = ratings()
    job = resampling.MetricJob(Interrupted(), 0.5)
    with pytest.raises(KeyboardInterrupt):
        resampling.resample([job], scores, np.ones(scores.clusters, np.int64), seed=1, resamples=100_000)
    assert len(given) <= 3
    assert sum(given) < 100_000
