"""Typed records of a comparison, schema 1: what `harness compare --format json` prints and reporters read."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from harness.records import Direction, Interval, Number, Record

Kind = Literal["metric", "unparsed", "failed"]
"""What a row compares: the primary metric of a task, or the shares of unparsed replies and of failed samples."""


class ComparedRun(Record):
    """One of the runs that are compared."""

    name: str
    path: str
    model: str
    release: str | None = None
    created: str
    complete: bool


class RunDifference(Interval):
    """A run minus the first one, on the same rows: the difference, its 95% interval, and a two-sided test."""

    p: float | None = Field(description="None where there is no test, such as with a single cluster.")
    p_adjusted: float | None = Field(description="Holm's correction over all tests of the comparison.")
    newly_wrong: int | None = Field(
        default=None, description="Shares: rows that only the first run has right."
    )
    newly_right: int | None = Field(default=None, description="Shares: rows that only this run has right.")
    detectable: Number = Field(
        default=None,
        description="The difference that a test at one-sided 5% detects with power 0.8: 2.49 standard errors.",
    )
    method: str


class ComparedValue(Record):
    """One metric of one task, or a group of it, in all runs, on the samples that all runs share."""

    task: str
    data: str
    judge: str | None = Field(default=None, description="Generator tasks: the judge.")
    prompt_variant: str | None = None
    metric: str
    kind: Kind
    direction: Direction
    group: dict[str, str] = Field(default={})
    n: int = Field(description="Rows that enter in every run.")
    clusters: int
    values: list[Number] = Field(description="One for each run.")
    differences: list[RunDifference | None] = Field(
        description="One for each run but the first; None where the metric has no paired difference."
    )


class ChangedSample(Record):
    """A sample on which a run and the first one are not both right or both wrong."""

    task: str
    data: str
    judge: str | None = None
    prompt_variant: str | None = None
    sample: str
    repeat: int = 0
    run: str
    change: Literal["newly right", "newly wrong"]
    truth: str
    before: str = Field(
        description="What the first run answered; the reason in brackets where it is unparsed."
    )
    after: str


class Comparison(Record):
    """The whole document."""

    schema_: Literal[1] = Field(default=1, alias="schema")
    runs: list[ComparedRun]
    rows: list[ComparedValue]
    samples: list[ChangedSample] = Field(default=[], description="Filled on request.")
    warnings: list[str] = Field(
        default=[], description="What the runs do not share, and what was compared although it differs."
    )

    def document(self) -> dict[str, Any]:
        """The document as JSON values."""
        return self.model_dump(mode="json", by_alias=True)
