"""Comparisons and reports of the gate, built by hand."""

from __future__ import annotations

from typing import Any

from harness.comparing.records import ChangedSample, ComparedRun, ComparedValue, Comparison, RunDifference
from harness.gating.records import Check, GateReport

EVIL = '<b>|x|</b> \x1b[31m\n`a` @bob #12 ://x & % _ {y} ~ ^ \\ "q" $ --> \ud800 \uffff'
"""Text that every form has to escape."""


def run(name: str = "llava-a", **fields: Any) -> ComparedRun:
    """A complete run."""
    created = "2026-11-01T08:00:00+00:00"
    return ComparedRun(**{"name": name, "path": f"runs/{name}", "model": "llava", "created": created, "complete": True, **fields})  # fmt: skip


def difference(value: float | None = -0.125, **fields: Any) -> RunDifference:
    """A difference of a share that is significant."""
    return RunDifference(**{
        "value": value, "low": -0.2, "high": -0.05, "p": 0.002, "p_adjusted": 0.004, "newly_wrong": 31, "newly_right": 6,
        "detectable": 0.062, "method": "paired cluster bootstrap", **fields})  # fmt: skip


def row(**fields: Any) -> ComparedValue:
    """The primary metric of a task in two runs."""
    return ComparedValue(**{
        "task": "coarse_emotion", "data": "portraits", "metric": "accuracy", "kind": "metric", "direction": "higher",
        "n": 624, "clusters": 24, "values": [0.875, 0.75], "differences": [difference()], **fields})  # fmt: skip


def unlike(value: float | None = 0.01, **fields: Any) -> RunDifference:
    """A difference that is not significant, of a metric that is no share."""
    known = {
        "low": -0.04,
        "high": 0.06,
        "p": 0.4,
        "p_adjusted": 0.8,
        "newly_wrong": None,
        "newly_right": None,
    }
    return difference(value, **{**known, **fields})


def sample(**fields: Any) -> ChangedSample:
    """A sample that only the first run has right."""
    return ChangedSample(**{
        "task": "coarse_emotion", "data": "portraits", "sample": "p-17", "run": "llava-b", "change": "newly wrong",
        "truth": "worry", "before": "worry", "after": "sad", **fields})  # fmt: skip


def comparison(**fields: Any) -> Comparison:
    """Two runs, a task with two groups, another task, and shares of failures that are zero throughout."""
    rows = [
        row(),
        row(group={"emotion": "worry"}, n=104, clusters=23, values=[0.75, 0.5], differences=[difference(-0.25)]),
        row(group={"emotion": "sad"}, n=104, clusters=23, values=[0.5, 0.51], differences=[unlike()]),
        row(kind="unparsed", metric="unparsed", direction="lower", values=[0.0, 0.02], differences=[unlike(0.02)]),
        row(kind="failed", metric="failed", direction="lower", values=[0.0, 0.0], differences=[unlike(0.0)]),
        row(task="fine_intensity", metric="srcc", values=[0.61, None], differences=[None], clusters=624),
    ]  # fmt: skip
    runs = [run("llava-a", release="1.5"), run("llava-b", release="1.6")]
    return Comparison(**{"runs": runs, "rows": rows, **fields})


def check(**fields: Any) -> Check:
    """A check that passes."""
    return Check(**{
        "task": "coarse_emotion", "data": "portraits", "metric": "accuracy", "kind": "metric", "direction": "higher",
        "verdict": "pass", "reason": "The drop is within the margin.", "baseline": 0.875, "value": 0.87, "drop": 0.005,
        "drop_at_most": 0.02, "margin": 0.05, "p": 0.41, "p_adjusted": 0.82, "detectable": 0.031, "n": 624, "clusters": 24,
        "newly_wrong": 9, "newly_right": 6, "method": "paired cluster bootstrap", **fields})  # fmt: skip


def regression(**fields: Any) -> Check:
    """A check that found a regression."""
    return check(**{
        "task": "t2i_emotion", "data": "emotion_600", "judge": "fer", "verdict": "regression",
        "reason": "The drop is significant and larger than the margin.", "value": 0.755, "drop": 0.12,
        "drop_at_most": 0.161, "p": 0.0002, "p_adjusted": 0.0004, **fields})  # fmt: skip


def unclear(**fields: Any) -> Check:
    """A check that cannot tell."""
    return check(**{
        "group": {"emotion": "worry"}, "verdict": "inconclusive",
        "reason": "The samples are too few: a drop of 0.210 is the smallest that could be detected.",
        "value": 0.8, "drop": 0.075, "drop_at_most": 0.19, "p": 0.21, "p_adjusted": 0.42, "detectable": 0.21, "n": 60, **fields})  # fmt: skip


def report(*checks: Check, **fields: Any) -> GateReport:
    """A report with the verdict of its worst check."""
    order = ("regression", "inconclusive", "pass")
    verdict = min((c.verdict for c in checks), key=order.index, default="inconclusive")
    code = {"regression": 1, "inconclusive": 4, "pass": 0}[verdict]
    return GateReport(**{
        "verdict": verdict, "exit_code": code, "run": run("llava-b", release="1.6"),
        "baseline": run("llava-a", release="1.5"), "baseline_age_days": 12.4, "alpha": 0.05, "checks": list(checks), **fields})  # fmt: skip
