"""Prompt variants are compared on the samples that enter both, and tested together with all other tests of a run."""

from __future__ import annotations

import numpy as np
import pytest

from harness.results import DataInfo, HypothesisTest, MetricValue, TaskResult
from harness.scoring.prompt_spread import add_prompt_spread
from harness.scoring.rows import Rows
from harness.scoring.score_run import _correct_for_many_tests
from harness.scoring.stored import StoredSample
from harness.tasks import catalog
from harness.tasks.answers import ParsedReply
from harness.tasks.spec import MetricSpec, TaskSpec


def result(variant: str) -> TaskResult:
    primary = MetricValue(
        name="m", value=0.5, low=None, high=None, n=1, method="", direction="higher", primary=True, group={}
    )
    return TaskResult(
        task="t",
        version="1",
        stage="fine",
        role="judge",
        data=DataInfo(name="d", digest="", n=1),
        prompt_variant=variant,
        answer_mode="text",
        settings=[],
        n=1,
        answered=1,
        unparsed=0,
        failed=0,
        outcomes={},
        metrics=[primary],
        baselines=[],
        warnings=[],
    )


def rows(spec: TaskSpec, answers: dict[int, float | str | None], repeat: int = 0) -> Rows:
    """Sample number -> reply, None for one that cannot be parsed; truths are 1, 2, ... 5 or happy, sad in turn."""
    assert spec.answer is not None
    found = Rows(spec.answer)
    for number, value in answers.items():
        emotion = ("happy", "sad")[number % 2]
        sample = StoredSample(number, f"s{number:03}", 0, emotion, number % 5 + 1.0, None, {}, {}, ())
        truth = emotion if spec.answer.kind == "choice" else number % 5 + 1.0
        found.add(sample, truth, ParsedReply(value), repeat)
    return found


def differences(task: str, metric: str, **variants: dict[int, float | str | None]) -> list[HypothesisTest]:
    spec = catalog.find_tasks([task])[0].spec
    spec = spec.model_copy(
        update={"name": "t", "metrics": (MetricSpec(name=metric, primary=True),), "cluster": ""}
    )
    results = [result(name) for name in variants]
    asked = {("t", "judge", "d", name): rows(spec, answers) for name, answers in variants.items()}
    add_prompt_spread(results, {"t": spec}, asked, seed=1)
    assert results[0].prompt_spread is not None
    assert all(r.prompt_spread == results[0].prompt_spread for r in results)
    return results[0].prompt_spread.differences


def test_ratings_are_compared_where_both_are_parsed() -> None:
    """The second variant refuses the hard half: its MAE is 0 there, and no better on the samples that it answers."""
    first = {n: n % 5 + 1.0 + (n >= 40) * 0.5 for n in range(80)}
    second = {n: None if n >= 40 else n % 5 + 1.0 - (n % 2) * 0.1 for n in range(80)}
    [found] = differences("fine_intensity", "mae", a=first, b=second)
    assert (found.name, found.n, found.clusters) == ("b - a", 40, 40)
    assert found.value == pytest.approx(0.05)
    assert found.low is not None
    assert found.low > 0
    assert found.p < 0.05


def test_choices_are_compared_sample_by_sample() -> None:
    truth = {n: ("happy", "sad")[n % 2] for n in range(60)}
    worse: dict[int, float | str | None] = {
        n: None if n % 10 == 0 else said for n, said in truth.items() if n < 50
    }
    found = {t.name: t for t in differences("coarse_emotion", "accuracy", a={**truth}, b=worse, c={**truth})}
    assert found["b - a"].value == pytest.approx(-0.1), "an unparsed reply is wrong"
    assert (found["b - a"].n, found["c - a"].n) == (50, 60), "samples that one variant lacks do not enter"
    assert (found["c - a"].value, found["c - a"].p) == (0.0, 1.0)
    assert found["b - a"].p < found["c - a"].p


def test_pairing_makes_a_small_difference_visible() -> None:
    rng = np.random.default_rng(0)
    first = {n: ("happy", "sad")[(n + (rng.random() < 0.4)) % 2] for n in range(300)}
    second = {n: ("happy", "sad")[n % 2] if n < 30 else said for n, said in first.items()}
    [found] = differences("coarse_emotion", "accuracy", a={**first}, b={**second})
    assert found.p < 0.01, "0.04 apart: no overlap of intervals would show it"


@pytest.mark.parametrize("metric", ["krcc", "srcc_within_emotion"])
def test_correlations_are_compared_by_resamples_or_jackknife(metric: str) -> None:
    first = {n: float(n % 5 + 1) for n in range(40)}
    found = differences("fine_intensity", metric, a={**first}, b={n: 6 - value for n, value in first.items()})
    assert [t.value for t in found] == [pytest.approx(-2.0, abs=1e-6)]
    assert differences("fine_intensity", "mae", a={1: 1.0}, b={2: 1.0}) == [], "no sample in both"


def test_differences_are_among_the_tests_that_are_corrected() -> None:
    results = [result("a"), result("b")]
    test = HypothesisTest(
        name="x", value=0.1, low=0.0, high=0.2, p=0.02, p_adjusted=0.02, n=1, clusters=1, method=""
    )
    spec = catalog.find_tasks(["coarse_emotion"])[0].spec
    said = {n: ("happy", "sad")[n % 2] for n in range(60)}
    asked = {("t", "j", "d", v): rows(spec, {**said}) for v in "ab"}
    add_prompt_spread(results, {"t": spec}, asked, seed=1)
    results[0].tests = [test]
    _correct_for_many_tests(results)
    assert results[0].tests[0].p_adjusted == pytest.approx(0.04), (
        "once, though both entries hold the difference"
    )
