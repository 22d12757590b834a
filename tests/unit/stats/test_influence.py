import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from harness.components.metric import Scores
from harness.metrics.rank import Srcc, SrccWithinEmotion
from harness.stats.correlation import RankCorrelation
from harness.stats.influence import rank_influence
from harness.stats.jackknife import leave_one_out, standard_error
from harness.types import EMOTIONS

pytestmark = pytest.mark.filterwarnings("error")


def data(seed: int, n: int, tied: bool):
    rng = np.random.default_rng(seed)
    x = rng.integers(1, 6, n) * 1.0
    y = x + rng.normal(size=n) * 2
    return x, np.round(y) if tied else y, rng.integers(0, 3, n), rng.integers(1, 4, n) * 1.0


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.integers(12, 80), st.booleans())
def test_influence_is_the_derivative_of_spearmans_correlation(seed, n, tied):
    x, y, segment, weights = data(seed, n, tied)
    found, moved = rank_influence(x, y, weights, segment, 3)
    step = 1e-5
    for row in range(0, n, max(1, n // 5)):
        more, less = weights.copy(), weights.copy()
        more[row] += step
        less[row] -= step
        up, down = (rank_influence(x, y, w, segment, 3)[0][segment[row]] for w in (more, less))
        if np.isfinite(found[segment[row]]):
            assert moved[row] == pytest.approx((up - down) / (2 * step), abs=1e-7)
    for part in range(3):
        inside = segment == part
        repeated = [np.repeat(v[inside], weights[inside].astype(int)) for v in (x, y)]
        if all(len(np.unique(v)) > 1 for v in repeated):
            assert found[part] == pytest.approx(stats.spearmanr(*repeated)[0], abs=1e-9)
            assert (moved * weights)[inside].sum() == pytest.approx(0, abs=1e-12)
        else:
            assert np.isnan(found[part])


@pytest.mark.parametrize("tied", [True, False])
def test_influence_approximates_leave_one_out_estimates(tied):
    x, y, segment, _ = data(0, 3000, tied)
    cluster, counts = np.arange(3000) // 5 % 300, np.ones(300, np.int64)
    scores = Scores("rating", x, y, cluster, segment, emotions=EMOTIONS)
    ranks = RankCorrelation(x, y, cluster, 300)
    exact = leave_one_out(lambda weights: ranks(weights)[0][:, 0], counts)
    found = Srcc().leave_one_out(scores, counts)
    assert found == pytest.approx(exact, abs=1e-5)
    assert standard_error(found, counts) == pytest.approx(standard_error(exact, counts), rel=0.01)
    exact = leave_one_out(SrccWithinEmotion().estimator(scores), counts)
    found = SrccWithinEmotion().leave_one_out(scores, counts)
    assert found == pytest.approx(exact, abs=5e-5)
    assert standard_error(found, counts) == pytest.approx(standard_error(exact, counts), rel=0.01)


def test_emotions_with_undefined_or_perfect_correlation_have_no_influence():
    x, y, _, _ = data(1, 400, tied=False)
    emotion = np.repeat([0, 1, 2, -1], 100)
    y[:100], y[100:200] = x[:100], 2.0
    scores = Scores("rating", x, y, np.arange(400) % 80, emotion, emotions=EMOTIONS)
    counts = np.ones(80, np.int64)
    found = SrccWithinEmotion().leave_one_out(scores, counts)
    assert np.isfinite(found).all()
    exact = leave_one_out(SrccWithinEmotion().estimator(scores), counts)
    assert standard_error(found, counts) == pytest.approx(standard_error(exact, counts), rel=0.1)
