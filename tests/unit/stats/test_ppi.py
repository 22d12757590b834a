import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from harness.stats.clustered import clustered_standard_error
from harness.stats.ppi import labels_needed, ppi_mean

quick = settings(max_examples=30, deadline=None, derandomize=True)


def simulate(rng, n=60, rest=600, noise=0.5, bias=1.0):
    """Labels, and predictions of a judge that are the truth plus bias and noise."""
    truth = rng.normal(3, 1, n + rest)
    predictions = truth + bias + rng.normal(0, noise, n + rest)
    return truth[:n], predictions[:n], predictions[n:]


@quick
@given(st.integers(2, 40), st.integers(0, 40), st.integers(0, 999))
def test_weight_zero_gives_the_classical_interval(n, rest, seed):
    labels, predictions, unlabelled = simulate(np.random.default_rng(seed), n, rest)
    found = ppi_mean(labels, predictions, unlabelled, weight=0.0)
    assert found.value == pytest.approx(labels.mean(), abs=1e-12)
    expected = stats.t.interval(0.95, n - 1, labels.mean(), stats.sem(labels))
    assert (found.low, found.high) == pytest.approx(expected, abs=1e-9)


@quick
@given(st.integers(2, 40), st.integers(2, 40), st.integers(0, 999))
def test_weight_one_gives_plain_ppi(n, rest, seed):
    labels, predictions, unlabelled = simulate(np.random.default_rng(seed), n, rest)
    found = ppi_mean(labels, predictions, unlabelled, weight=1.0)
    assert found.value == pytest.approx(unlabelled.mean() + (labels - predictions).mean(), abs=1e-9)
    variance = unlabelled.var(ddof=1) / rest + (labels - predictions).var(ddof=1) / n
    assert found.error == pytest.approx(math.sqrt(variance), abs=1e-9)


def test_default_weight_follows_ppi_plus_plus():
    labels, predictions, unlabelled = simulate(np.random.default_rng(0), 3000, 6000, noise=1.0)
    found = ppi_mean(labels, predictions, unlabelled)
    expected = np.cov(labels, predictions)[0, 1] / (np.r_[predictions, unlabelled].var() * (1 + 3000 / 6000))
    assert found.weight == pytest.approx(expected, rel=0.02)
    for weight in (found.weight - 0.05, found.weight + 0.05, 0.0, 1.0):
        assert ppi_mean(labels, predictions, unlabelled, weight=weight).error > found.error


def test_error_accounts_for_clusters():
    rng = np.random.default_rng(1)
    labels, predictions, unlabelled = simulate(rng, 60, 200)
    cluster, elsewhere = rng.integers(0, 12, 60), rng.integers(0, 12, 200)
    plain = ppi_mean(
        labels, predictions, unlabelled, weight=0.0, cluster=cluster, unlabelled_cluster=elsewhere
    )
    assert plain.error == pytest.approx(clustered_standard_error(labels, cluster), abs=1e-12)
    found = ppi_mean(
        labels, predictions, unlabelled, weight=0.7, cluster=cluster, unlabelled_cluster=elsewhere
    )
    share = np.r_[(labels - 0.7 * predictions) / 60, 0.7 * unlabelled / 200]
    share -= np.r_[np.full(60, share[:60].mean()), np.full(200, share[60:].mean())]
    codes = np.r_[cluster, elsewhere]
    pairs = sum(share[i] * share[codes == codes[i]].sum() - share[i] ** 2 for i in range(260))
    single = (labels - 0.7 * predictions).var(ddof=1) / 60 + 0.49 * unlabelled.var(ddof=1) / 200
    assert found.error == pytest.approx(math.sqrt(single + pairs), abs=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("noise", [0.3, 1.0, 30.0])
def test_interval_coverage_does_not_depend_on_the_judge(noise):
    rng, hits, widths = np.random.default_rng(2), 0, []
    for _ in range(600):
        labels, predictions, unlabelled = simulate(rng, noise=noise)
        found = ppi_mean(labels, predictions, unlabelled)
        hits += found.low <= 3 <= found.high
        widths.append(found.width / ppi_mean(labels, predictions, unlabelled, weight=0.0).width)
    assert 0.93 <= hits / 600 <= 0.97
    assert np.mean(widths) < {0.3: 0.5, 1.0: 0.8, 30.0: 1.001}[noise], "never wider than the labels alone"


def test_interval_coverage_with_clusters():
    rng, hits = np.random.default_rng(3), 0
    for _ in range(400):
        cluster = np.arange(400) % 40
        truth = 3 + rng.normal(size=40)[cluster] + rng.normal(size=400)
        predictions = truth + rng.normal(0, 0.5, 400)
        has = rng.permutation(400) < 100
        found = ppi_mean(
            truth[has],
            predictions[has],
            predictions[~has],
            cluster=cluster[has],
            unlabelled_cluster=cluster[~has],
        )
        hits += found.low <= 3 <= found.high
    assert 0.92 <= hits / 400 <= 0.98


def test_labels_needed_give_the_requested_width():
    rng = np.random.default_rng(4)
    labels, predictions, unlabelled = simulate(rng, 100, 5000, noise=0.6)
    found = ppi_mean(labels, predictions, unlabelled)
    width = found.width * 0.6
    more, alone = labels_needed(found, width), labels_needed(found, width, judge=False)
    assert 0 < more < alone
    reached = [ppi_mean(*simulate(rng, 100 + more, 5000 - more, noise=0.6)).width for _ in range(30)]
    assert np.mean(reached) == pytest.approx(width, rel=0.1)
    classical = [
        ppi_mean(simulate(rng, 100 + alone, 0)[0], np.zeros(100 + alone), np.zeros(0)).width
        for _ in range(30)
    ]
    assert np.mean(classical) == pytest.approx(width, rel=0.1)
    assert labels_needed(found, found.width * 1.01) == 0
    assert labels_needed(found, 1e-6) is None


def test_degenerate_labels():
    found = ppi_mean(np.array([2.0]), np.array([3.0]), np.array([3.0, 5.0]))
    assert (found.value, found.weight) == (2.0, 0.0)
    assert math.isnan(found.low)
    assert labels_needed(found, 1.0) is None
    constant = ppi_mean(np.ones(5), np.ones(5), np.ones(9))
    assert (constant.value, constant.width, constant.weight) == (1, 0, 0)
    with pytest.raises(ValueError, match="no labels"):
        ppi_mean(np.zeros(0), np.zeros(0), np.ones(3))


def delivered(rng, accuracy=0.9, delivery=0.8, n=120, clusters=60):
    """What people say of the pictures delivered, the clusters of those, and of the others; clusters share both."""

    def latent():
        return math.sqrt(0.3) * rng.normal(size=clusters)[cluster] + math.sqrt(0.7) * rng.normal(size=n)

    cluster = np.arange(n) % clusters
    right, given = latent() < stats.norm.ppf(accuracy), latent() < stats.norm.ppf(delivery)
    return right[given] * 1.0, cluster[given], cluster[~given]


def test_the_mean_over_pictures_that_were_not_delivered_too_has_their_error():
    """With all pictures rated, it is the clustered mean of 1 where a picture is right, 0 where wrong or missing."""
    labels, cluster, missing = delivered(np.random.default_rng(5))
    found = ppi_mean(labels, labels, np.zeros(0), cluster=cluster, zero_cluster=missing)
    everything = np.r_[labels, np.zeros(len(missing))]
    assert found.value == pytest.approx(everything.mean(), abs=1e-12)
    expected = clustered_standard_error(everything, np.r_[cluster, missing])
    assert found.error == pytest.approx(expected, rel=0.01)


def test_intervals_cover_the_variance_of_delivery():
    rng, hits, fixed = np.random.default_rng(6), 0, 0
    for _ in range(600):
        labels, cluster, missing = delivered(rng)
        found = ppi_mean(labels, labels, np.zeros(0), cluster=cluster, zero_cluster=missing)
        hits += found.low <= 0.72 <= found.high
        share = len(labels) / (len(labels) + len(missing))
        alone = ppi_mean(labels, labels, np.zeros(0), cluster=cluster)
        fixed += share * alone.low <= 0.72 <= share * alone.high
    assert 0.93 <= hits / 600 <= 0.97
    assert fixed / 600 < 0.85, "as if the same pictures were delivered every time"


def test_labels_cannot_reduce_the_variance_of_delivery():
    rng = np.random.default_rng(7)
    labels, cluster, missing = delivered(rng, n=2000, clusters=2000)
    predictions = np.where(rng.random(len(labels)) < 0.9, labels, 1 - labels)
    has = rng.permutation(len(labels)) < 200
    parts = {"cluster": cluster[has], "unlabelled_cluster": cluster[~has]}
    found = ppi_mean(labels[has], predictions[has], predictions[~has], **parts, zero_cluster=missing)
    least = 2 * 1.96 * math.sqrt(0.9**2 * 0.8 * 0.2 / 2000)
    assert labels_needed(found, 0.9 * least) is None
    more = labels_needed(found, 0.7 * found.width)
    assert more is not None
    assert more > 0
