import tracemalloc

import numpy as np
import pytest
from scipy import stats

from harness.stats import weights as module
from harness.stats.weights import Blocks, _poisson_table, cluster_weights


def all_weights(counts, resamples, seed, width=0):
    return np.concatenate(
        [chunk.copy() for chunk in cluster_weights(np.array(counts), resamples, seed, width)]
    )


@pytest.mark.parametrize(
    "counts",
    [
        [1] * 30,
        [50, 200, 150],
        [3, 1, 1, 2],
        [1] * 1500,
        [1, 3] * 60,
        [1] * 100,
        [40, 30, 30, 20, 20] * 3,
        [70_000, 300, 250, 2] + [1] * 300,
    ],
)
def test_weights_are_multinomial(counts):
    weights = all_weights(counts, 4000, 5)
    total = sum(counts)
    assert weights.shape == (4000, len(counts))
    assert (weights.sum(axis=1) == total).all()
    expected = np.array(counts) / total
    error = np.sqrt(expected * (1 - expected) / total / 4000)
    assert (np.abs(weights.mean(axis=0) / total - expected) < 5 * error).all()
    spread = weights.var(axis=0) / (total * expected * (1 - expected))
    assert (np.abs(spread - 1) < 0.2).all()


def test_chunk_width_does_not_change_the_weights():
    np.testing.assert_array_equal(all_weights([1] * 40, 500, 7), all_weights([1] * 40, 500, 7, width=20_000))
    np.testing.assert_array_equal(
        all_weights([1] * 1200, 50, 7), all_weights([1] * 1200, 50, 7, width=20_000)
    )
    np.testing.assert_array_equal(all_weights([90, 10], 500, 7), all_weights([90, 10], 500, 7, width=20_000))


def test_seeds_are_reproducible():
    assert (all_weights([1] * 9, 50, 1) != all_weights([1] * 9, 50, 2)).any()
    np.testing.assert_array_equal(all_weights([1] * 9, 50, -3), all_weights([1] * 9, 50, -3))


def test_memory_stays_bounded_for_many_clusters():
    tracemalloc.start()
    rows = sum(len(chunk) for chunk in cluster_weights(np.ones(28_580, np.int64), 60, 1))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert rows == 60
    assert peak < 20e6


def test_blocks_can_be_generated_in_any_order():
    blocks = Blocks(np.ones(3000, np.int64), 1000, 3)
    last, first = blocks[len(blocks) - 1], blocks[0]
    whole = all_weights([1] * 3000, 1000, 3)
    np.testing.assert_array_equal(first, whole[: len(first)])
    np.testing.assert_array_equal(last, whole[-len(last) :])
    with pytest.raises(IndexError):
        blocks[len(blocks)]
    assert len(Blocks(np.zeros(0, np.int64), 1000, 3)) == 0


def test_weights_of_many_distinct_clusters_are_binomial():
    weights = all_weights([1] * 400, 12_000, 1)
    seen = np.bincount(weights.reshape(-1), minlength=7)[:6] / weights.size
    expected = stats.binom(400, 1 / 400).pmf(np.arange(6))
    assert seen == pytest.approx(expected, abs=6e-4)
    # The weights of a resample are negatively correlated, slightly so for many clusters.
    data = np.random.default_rng(2).normal(size=400)
    spread = (weights @ data / 400).std()
    assert spread == pytest.approx(data.std() / np.sqrt(400), rel=0.05)


def test_resamples_with_too_many_poisson_counts_are_drawn_again(monkeypatch):
    monkeypatch.setattr(module, "MARGIN", 0.0)
    weights = all_weights([1] * 2000, 400, 1)
    assert (weights.sum(axis=1) == 2000).all()
    assert weights.var() == pytest.approx(1, rel=0.02)


@pytest.mark.parametrize("clusters", [256, 1000, 7145, 10_000, 1_000_000])
def test_poisson_table_has_the_right_mean_and_variance(clusters):
    mean = 1 - module.MARGIN / np.sqrt(clusters)
    for count in (1, 7, 60):
        table = _poisson_table(count * mean).astype(float)
        assert table.mean() == pytest.approx(count * mean, rel=1e-4)
        assert table.var() == pytest.approx(count * mean, rel=1e-3)


def test_memory_does_not_depend_on_the_size_of_patterns():
    counts = np.array([2_000_000] * 9)
    block = Blocks(counts, 100, 1)[0]
    assert (block.sum(axis=1) == counts.sum()).all()
    assert block.dtype == np.float64
    assert len(Blocks(np.ones(100, np.int64), 500, 1)) >= 8
