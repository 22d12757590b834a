"""A metric of a plugin: it gets attributes and `extra`, adds a test, and its faults stop nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from helpers import plugins
from helpers.command import InProcess
from helpers.plugins import Install
from helpers.results import value
from helpers.tasks import TASK

METRIC = '''
import numpy as np
from harness import Component, HarnessOptions, HypothesisTest, Metric, hookimpl, option


class Mine(Metric):
    """Accuracy over the subjects named, among the replies that took long enough."""

    kinds = frozenset({"choice"})
    uses = frozenset({"attributes", "extra"})

    class Options(HarnessOptions):
        seconds: float = option(0.0, "the least seconds")

    def chosen(self, scores):
        assert all(column.dtype == object for column in (*scores.attributes.values(), *scores.extra.values()))
        slow = np.array([s is not None and s >= self.options.seconds for s in scores.extra["seconds"]])
        return slow & (scores.attributes["subject"] == "person0")

    def estimate(self, scores, weights):
        counts = weights[:, scores.cluster] * self.chosen(scores)
        return (counts * (scores.predicted == scores.truth)).sum(axis=1) / counts.sum(axis=1)

    def entered(self, scores):
        return self.chosen(scores)

    def remarks(self, scores, estimate):
        return [f"{estimate.n} of {scores.n} rows"]

    def tests(self, scores, *, seed, resamples):
        return [HypothesisTest(name="mine", value=0.5, low=0.0, high=1.0, p=P, p_adjusted=P, n=int(self.chosen(scores).sum()),
                               clusters=scores.clusters, method="by hand")]


@hookimpl
def harness_metrics():
    return [Component("mine_metric", lambda: Mine, "a test metric")]
'''

JUDGE = plugins.judge(
    "timed",
    """
def judge(self, batch):
    for r in batch:
        number = int(r.sample_id[1:])
        yield JudgeReply(r.id, text="happy", extra={"seconds": number, "words": ["a"]} if number != 3 else {})
""",
)

WITH_METRIC = TASK + '\n[[metrics]]\nname = "mine_metric"\noptions = { seconds = 2 }\n'
RUN = ["run", "--task", "mine.toml", "--model", "timed", "--data", "faces", "--out", "run", "--json"]


@pytest.fixture(autouse=True)
def _task(harness: InProcess, faces: Path) -> None:
    # Every sample has the subject person0, except for samples 6 to 11, which have person1.
    Path("mine.toml").write_text(WITH_METRIC)


def test_attributes_extra_and_tests_of_a_metric(harness: InProcess, install: Install) -> None:
    install("mine-metric", METRIC.replace("P,", "0.02,"))
    install("timed", JUDGE)
    done = harness(*RUN).ok()
    entry = done.task
    (found,) = [m for m in entry["metrics"] if m["name"] == "mine_metric"]
    # Samples 2, 4 and 5 are slow enough; sample 3 has no time. None of them is happy.
    assert (found["n"], found["value"]) == (3, 0.0)
    assert value(entry, "accuracy") == pytest.approx(1 / 6), "other metrics still use every row"
    assert "mine_metric: 3 of 12 rows" in entry["warnings"]
    (test,) = entry["tests"]
    assert (test["name"], test["question"], test["n"], test["p"]) == ("mine", "mine", 3, 0.02)
    assert "mine" in harness("show", "run").ok().out
    assert harness("score", "run", "--json").ok().results == done.results


def test_p_values_are_adjusted_over_all_tests_of_the_run(harness: InProcess, install: Install) -> None:
    install("mine-metric", METRIC.replace("P,", "0.02,"))
    install("timed", JUDGE)
    Path("other.toml").write_text(WITH_METRIC.replace('name = "mine"', 'name = "other"'))
    results = harness(*[a.replace("mine.toml", "mine.toml,other.toml") for a in RUN]).ok().results
    assert [t["tests"][0]["p_adjusted"] for t in results["tasks"]] == [0.04, 0.04]


def test_a_test_without_a_p_value_is_omitted(harness: InProcess, install: Install) -> None:
    install("mine-metric", METRIC.replace("P,", 'float("nan"),'))
    install("timed", JUDGE)
    entry = harness(*RUN).ok().task
    assert entry["tests"] == []
    assert "mine_metric: the test mine is omitted: its p is nan" in entry["warnings"]


def test_a_metric_without_its_columns_stops_nothing(harness: InProcess, install: Install) -> None:
    install(
        "mine-metric", METRIC.replace("P,", "0.02,").replace('uses = frozenset({"attributes", "extra"})', "")
    )
    install("timed", JUDGE)
    entry = harness(*RUN).ok().task
    assert value(entry, "accuracy") == pytest.approx(1 / 6)
    warnings = [w for w in entry["warnings"] if "mine_metric" in w]
    assert warnings == [
        "mine_metric does not exist: the metric raised KeyError: 'seconds'",
        "mine_metric: its tests raised KeyError: 'seconds'",
    ]
    json.loads(Path("run/results.json").read_text())


def test_metrics_of_generator_tasks_get_columns_too(harness: InProcess, install: Install) -> None:
    install(
        "mine-metric",
        METRIC.replace("P,", "0.02,").replace('"subject"] == "person0"', '"emotion_word"] != None'),
    )
    install("timed", JUDGE.replace("int(r.sample_id[1:])", "r.sampling.seed % 2 + 1"))
    Path("prompts.csv").write_text(
        "prompt,emotion,emotion_word\n"
        + "".join(f"face {i},happy,{'glad' if i % 2 else ''}\n" for i in range(8))
    )
    Path("mine.toml").write_text("""
name = "mine"
role = "generator"
stage = "coarse"
prompt_set = "prompts.csv"
asks = ["coarse_emotion"]
[[metrics]]
name = "fidelity"
asks = "coarse_emotion"
primary = true
[[metrics]]
name = "mine_metric"
asks = "coarse_emotion"
""")
    run = ["run", "--task", "mine.toml", "--model", "echo", "-o", "size=64", "--judge", "timed", "--json"]
    entry = harness(*run).ok().task
    (found,) = [m for m in entry["metrics"] if m["name"] == "mine_metric"]
    assert (found["n"], found["value"]) == (4, 1.0)
