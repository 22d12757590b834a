import numpy as np
import pytest
from scipy import optimize

from harness.stats.logistic import Logistic, fit_logistic


@pytest.mark.parametrize(
    "truth",
    [
        Logistic(5, 1, 3, 0.5),
        Logistic(90, 10, 0.02, 0.01),
        Logistic(1, 5, -2, 1.5),
        Logistic(4, 2, 50, 10),
        Logistic(1.0, 0.0, 0.0, 0.3),
    ],
)
@pytest.mark.parametrize("n", [25, 1500])
def test_exact_logistic_data_is_recovered(truth, n):
    x = np.random.default_rng(0).normal(truth.b3, 2.5 * truth.b4, n)
    found = fit_logistic(x, truth(x))
    np.testing.assert_allclose(found(x), truth(x), atol=1e-6 * abs(truth.b1 - truth.b2))
    assert (found.b1, found.b2) in (
        pytest.approx((truth.b1, truth.b2), rel=1e-4, abs=1e-4),
        pytest.approx((truth.b2, truth.b1), rel=1e-4, abs=1e-4),
    )


@pytest.mark.parametrize("seed", range(4))
def test_fit_of_noisy_data_is_no_worse_than_curve_fit(seed):
    rng = np.random.default_rng(seed)
    x = rng.uniform(-3, 3, 200)
    y = 1 + 4 / (1 + np.exp(-(x - 0.3) / 0.6)) + rng.normal(0, 0.3, 200)

    def curve(x, b1, b2, b3, b4):
        return b2 + (b1 - b2) / (1 + np.exp(-(x - b3) / abs(b4)))

    best, _ = optimize.curve_fit(curve, x, y, p0=(5, 1, 0.3, 0.6))
    found = fit_logistic(x, y)
    assert ((found(x) - y) ** 2).sum() <= ((curve(x, *best) - y) ** 2).sum() * (1 + 1e-9)
    assert np.corrcoef(found(x), y)[0, 1] == pytest.approx(np.corrcoef(curve(x, *best), y)[0, 1], abs=1e-6)


def test_weights_equal_repetitions():
    rng = np.random.default_rng(5)
    x, weights = rng.uniform(1, 5, 60), rng.integers(0, 4, 60)
    y = 1 + 4 / (1 + np.exp(-(x - 3) / 0.7)) + rng.normal(0, 0.2, 60)
    one = fit_logistic(x, y, weights.astype(float))
    two = fit_logistic(np.repeat(x, weights), np.repeat(y, weights))
    np.testing.assert_allclose(one(x), two(x), atol=1e-6)


def rmse(values):
    return np.sqrt((values**2).mean())


def limits(x, y):
    """RMSE of the two curves that a logistic approaches only with infinite parameters: a line and an exponential."""
    line = y - np.polyval(np.polyfit(x, y, 1), x)

    def exponential(rate):
        design = np.column_stack([np.exp(rate * (x - x.mean())), np.ones(len(x))])
        return rmse(y - design @ np.linalg.lstsq(design, y, rcond=None)[0])

    rates = np.r_[-np.geomspace(1e-3, 10, 40), np.geomspace(1e-3, 10, 40)]
    best = min(rates, key=exponential)
    near = optimize.minimize_scalar(
        exponential, bounds=sorted((best / 1.3, best * 1.3)), method="bounded", options={"xatol": 1e-10}
    )
    return rmse(line), min(near.fun, exponential(best))


@pytest.mark.slow
@pytest.mark.parametrize("noise", [0.0, 0.01, 0.3, 1.0])
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "shape", [lambda x: 2 * x, lambda x: -x, lambda x: x + 0.02 * x**2, lambda x: np.exp(x / 2)]
)
def test_nearly_straight_and_exponential_data_reach_the_error_of_their_limit(shape, noise, seed):
    """The four parameters are infinite there: a descent in them stops short, up to 5e-5 above the smallest error."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(1, 5, 120)
    y = shape(x) + rng.normal(0, noise, 120)
    found = fit_logistic(x, y)
    assert np.isfinite([found.b1, found.b2, found.b3, found.b4]).all()
    assert rmse(found(x) - y) <= min(limits(x, y)) + 1e-8


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(8))
def test_the_error_is_that_of_a_careful_reference(seed):
    rng = np.random.default_rng(seed)
    x = rng.uniform(1, 5, 80)
    y = [x, 2 + np.tanh(x - 3), np.round(x)][seed % 3] + rng.normal(0, 0.4, 80)

    def curve(x, b1, b2, b3, b4):
        return b2 + (b1 - b2) * 0.5 * (1 + np.tanh((x - b3) / abs(b4) / 2))

    errors = []
    for scale in (0.3, 1.0, 3.0, 10.0):
        for centre in (1.5, 3.0, 4.5):
            try:
                best, _ = optimize.curve_fit(
                    curve, x, y, p0=(y.max(), y.min(), centre, scale), maxfev=20_000, ftol=1e-14, xtol=1e-14
                )
            except RuntimeError:
                continue
            errors.append(rmse(curve(x, *best) - y))
    smallest = min(*errors, *limits(x, y))
    assert rmse(fit_logistic(x, y)(x) - y) == pytest.approx(smallest, abs=1e-6)


def test_a_curve_far_outside_the_data_keeps_its_precision():
    found = fit_logistic(np.linspace(0, 4, 50), 3 - np.exp(-np.linspace(0, 4, 50)))
    np.testing.assert_allclose(found(np.array([0.0, 4.0])), [2.0, 3 - np.exp(-4.0)], atol=1e-7)


def test_degenerate_data_gives_no_fit():
    assert fit_logistic(np.array([1.0, 2, 3, 3]), np.array([1.0, 2, 3, 4])) is None
    assert fit_logistic(np.arange(9.0), np.ones(9)) is None
    assert fit_logistic(np.zeros(0), np.zeros(0)) is None
