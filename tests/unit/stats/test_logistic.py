import numpy as np
import pytest
from scipy import optimize

from harness.stats.logistic import Logistic, fit_logistic, model


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


def test_jacobian_is_the_derivative():
    x, parameters = np.linspace(-2, 2, 9), np.array([1.5, -0.5, 0.2, -0.7])
    _, jacobian = model(parameters, x)
    for number in range(4):
        step = np.zeros(4)
        step[number] = 1e-6
        slope = (model(parameters + step, x)[0] - model(parameters - step, x)[0]) / 2e-6
        np.testing.assert_allclose(jacobian[:, number], slope, atol=1e-8)


def test_a_straight_line_is_fitted():
    x = np.linspace(1, 5, 40)
    np.testing.assert_allclose(fit_logistic(x, 2 * x)(x), 2 * x, atol=1e-3)


def test_degenerate_data_gives_no_fit():
    assert fit_logistic(np.array([1.0, 2, 3, 3]), np.array([1.0, 2, 3, 4])) is None
    assert fit_logistic(np.arange(9.0), np.ones(9)) is None
    assert fit_logistic(np.zeros(0), np.zeros(0)) is None
