"""Typed records of the gate, schema 1: what `harness gate --json` prints and the artifacts are made from."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from harness.comparing.records import ComparedRun, Kind
from harness.records import Direction, Number, Record

Verdict = Literal["pass", "regression", "inconclusive"]
"""`inconclusive` is shown as "cannot tell"."""
CANNOT_TELL = "the gate cannot tell"
"""How a warning ends that makes a run no evidence."""


class Check(Record):
    """One value that the gate watches: a task's primary metric, a group of it, or a share of failures or unparsed replies.

    `drop` is how much worse the run is than the baseline, in the units of the metric: negative where it is better.
    """

    task: str
    data: str
    judge: str | None = None
    prompt_variant: str | None = None
    metric: str
    kind: Kind
    direction: Direction
    group: dict[str, str] = Field(default={})
    verdict: Verdict
    reason: str = Field(description="One sentence: why this verdict.")
    baseline: Number = Field(description="The value of the baseline, on the samples that both have.")
    value: Number = Field(description="The value of the run, on the same samples.")
    drop: Number
    drop_at_most: Number = Field(description="The one-sided 95% bound of the drop.")
    margin: float = Field(description="The drop that is tolerated.")
    p: float | None = Field(description="One-sided, of the hypothesis that the run is not worse.")
    p_adjusted: float | None = Field(description="Holm's correction over all checks.")
    detectable: Number = Field(
        description="The smallest drop that this check could have detected with power 0.8."
    )
    n: int
    clusters: int
    newly_wrong: int | None = None
    newly_right: int | None = None
    method: str


class Sequential(Record):
    """What the sequential mode asked, and what it saved."""

    asked: int = Field(description="Samples asked until the verdict was clear, or all.")
    planned: int
    stopped: bool = Field(description="The verdict was clear before all samples were asked.")


class SelfTest(Record):
    """How often a comparison of the baseline with itself raises an alarm (A/A)."""

    task: str
    data: str
    judge: str | None = None
    prompt_variant: str | None = None
    metric: str
    splits: int
    alarms: float = Field(description="Share of the splits in which the gate says regression.")
    rejections: float = Field(
        description="Share of the splits in which the test at 5% rejects, whatever the drop."
    )
    how: str = Field(description="What was split: repeats, or the labels of the runs within clusters.")


class GateReport(Record):
    """The whole document."""

    schema_: Literal[1] = Field(default=1, alias="schema")
    verdict: Verdict
    exit_code: int
    run: ComparedRun
    baseline: ComparedRun
    baseline_age_days: float = Field(description="Days from the baseline's answers to the run's.")
    alpha: float
    checks: list[Check]
    sequential: Sequential | None = None
    self_test: list[SelfTest] = Field(default=[])
    failed: int = Field(default=0, description="Samples of the run that failed.")
    warnings: list[str] = Field(default=[])

    def document(self) -> dict[str, Any]:
        """The document as JSON values."""
        return self.model_dump(mode="json", by_alias=True)
