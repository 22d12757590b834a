"""The conformance kit passes the built-in components."""

from __future__ import annotations

import pytest

from harness import Executor, Exporter, Metric, Reporter
from harness.components.executor import LocalExecutor
from harness.registry.factory import make
from harness.registry.registry import registry
from harness.testing import ExecutorContract, ExporterContract, MetricContract, ReporterContract

WHATEVER = ("unparsed_rate", "consistency")
"""Metrics whose value does not depend on how good the answers are."""
METRICS = [
    f.component.name
    for f in registry().components("metric")
    if f.dist == "memobench" and f.component.name not in WHATEVER
]
REPORTERS = [f.component.name for f in registry().components("reporter") if f.dist == "memobench"]


@pytest.mark.parametrize("name", METRICS)
class TestMetrics(MetricContract):
    @pytest.fixture
    def metric(self, name: str) -> Metric:
        return make(registry().find("metric", name))


@pytest.mark.parametrize("name", WHATEVER)
class TestMetricsOfAnyAnswers(MetricContract):
    varies = False

    @pytest.fixture
    def metric(self, name: str) -> Metric:
        return make(registry().find("metric", name))


@pytest.mark.parametrize("name", REPORTERS)
class TestReporters(ReporterContract):
    @pytest.fixture
    def reporter(self, name: str) -> Reporter:
        return make(registry().find("reporter", name))


class TestLocal(ExecutorContract):
    @pytest.fixture
    def executor(self) -> Executor:
        return LocalExecutor()


class TestEveryEvalEver(ExporterContract):
    @pytest.fixture
    def exporter(self) -> Exporter:
        return make(registry().find("exporter", "every-eval-ever"))
