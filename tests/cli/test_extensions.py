"""What plugins add to results, and what a reporter of a plugin can read of a run."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.command import InProcess
from helpers.plugins import Install
from helpers.tasks import task

import harness as memobench
from harness import Results

PLUGIN = """
from pathlib import Path
import numpy as np
from pydantic import BaseModel
from harness import Component, HarnessOptions, Metric, Reporter, hookimpl, option

class Shares(BaseModel):
    rows: int
    shares: dict[str, float]

class Mine(Metric):
    kinds = frozenset({{"choice"}})
    def estimate(self, scores, weights):
        return np.full(len(weights), 0.5)
    def extension(self, scores):
        {body}

class Lines(Reporter):
    class Options(HarnessOptions):
        mark: str = option("-", "what a line begins with")
    def render(self, results, *, width=100, color=False):
        rows = [f"{{self.options.mark}} {{row.sample}} {{self.source.pictures(row)[0].name}}" for row in self.source.samples()]
        return chr(10).join(rows) + chr(10)

@hookimpl
def harness_metrics():
    return [Component("mine", lambda: Mine)]

@hookimpl
def harness_reporters():
    return [Component("lines", lambda: Lines)]
"""
GOOD = 'return Shares(rows=scores.n, shares={{"happy": 0.25}})'.replace("{{", "{").replace("}}", "}")
TASK = task("a_task", "mine")
RUN = ("run", "--task", "a_task.toml", "--model", "echo", "--data", "faces", "--out", "run", "--json")


@pytest.fixture(autouse=True)
def _task(faces: Path, tmp_path: Path) -> None:
    (tmp_path / "a_task.toml").write_text(TASK)


def test_a_metric_adds_fields_of_its_own(harness: InProcess, install: Install, tmp_path: Path) -> None:
    install("adds-fields", PLUGIN.format(body=GOOD))
    entry = harness(*RUN).ok().task
    assert entry["extensions"] == {"adds-fields": {"mine": {"rows": 12, "shares": {"happy": 0.25}}}}
    (task,) = memobench.load(tmp_path / "run").results.tasks
    assert task.extensions["adds-fields"]["mine"]["rows"] == 12
    assert Results.model_validate(memobench.load(tmp_path / "run").results.model_dump(by_alias=True))


@pytest.mark.parametrize(
    ("body", "warning"),
    [
        ('return {"rows": 1}', "mine: extension() returned dict, not a pydantic model"),
        ('return Shares(rows=1, shares={"x": float("nan")})', "mine: extension() raised ValueError"),
        ('return Shares(rows="many", shares={})', "mine: extension() raised ValidationError"),
        ('return Shares(rows=1, shares={str(n): 0.1 for n in range(20_000)})', "are kept at most"),
        ("raise SystemExit(0)", "mine: extension() raised SystemExit"),
    ],
)  # fmt: skip
def test_fields_that_cannot_be_stored_cost_nothing_else(
    body: str, warning: str, harness: InProcess, install: Install
) -> None:
    install("adds-fields", PLUGIN.format(body=body))
    entry = harness(*RUN).ok().task
    assert entry["extensions"] == {}
    assert any(warning in found for found in entry["warnings"]), entry["warnings"]
    assert entry["metrics"][0]["value"] == 0.5


def test_a_reporter_reads_the_run_and_has_options(harness: InProcess, install: Install) -> None:
    install("adds-fields", PLUGIN.format(body=GOOD))
    harness(*RUN).ok()
    shown = harness("show", "run", "--format", "lines", "--reporter-option", "mark=*").ok().out.splitlines()
    assert len(shown) == 12
    assert shown[0].startswith("* s0000")
    assert shown[0].endswith(".png")
    harness("show", "run", "--format", "lines", "--reporter-option", "amrk=*").refuses(
        2, "Did you mean 'mark'?"
    )
    harness("show", "run", "--reporter-option", "mark=*").refuses(2, "no option 'mark'")
