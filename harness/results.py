"""The results document, schema 1: what `results.json` and `--json` hold."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class RunHead(_Part):
    """Which run this is."""

    name: str
    model: str
    judges: list[str]
    created: str
    versions: dict[str, str]
    complete: bool = Field(description="Every question has an answer.")
    notes: list[str] = Field(default=[], description="What of a suite was left out, and why.")


class DataHead(_Part):
    """What the task was asked on: a data set, or the prompts that were drawn."""

    name: str
    digest: str
    n: int


class SettingValue(_Part):
    """A choice that affects the figures; `source` is "assumed" where no publication gives it."""

    name: str
    value: str
    source: str


class MetricValue(_Part):
    """One figure with its interval. A value that does not exist is null, and a warning says why."""

    name: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    method: str | None
    direction: Literal["higher", "lower", "none"]
    primary: bool
    group: dict[str, str]


class BaselineValue(_Part):
    """What a trivial reader would reach on a metric."""

    name: str
    metric: str
    value: float | None


class Confusion(_Part):
    """Counts: a row for each true option, a column for each option read, and a last one for unparsed replies."""

    labels: list[str]
    matrix: list[list[int]]


class TestValue(_Part):
    """A difference with its interval and two-sided p; `p_adjusted` is Holm's over all tests of the run."""

    name: str
    question: str
    value: float
    low: float | None
    high: float | None
    p: float
    p_adjusted: float
    n: int
    clusters: int
    method: str


class AgreementValue(_Part):
    """How far judges agree on one question, with its interval."""

    question: str
    name: str
    judges: list[str]
    value: float | None
    low: float | None
    high: float | None
    n: int


class PromptSpread(_Part):
    """How the primary figure varies over the wordings in which a task was asked on one data set."""

    metric: str
    values: dict[str, float | None] = Field(description="The figure of each wording.")
    min: float | None
    max: float | None
    sd: float | None = Field(description="Standard deviation over the wordings (n - 1).")


class Ceiling(_Part):
    """How well a single person does, held against the others, with the interval over people."""

    metric: str
    value: float | None
    low: float | None
    high: float | None
    raters: int
    method: str


class Reliability(_Part):
    """ICC(2,k): how reliable people's mean is."""

    value: float | None
    low: float | None
    high: float | None
    samples: int
    raters: int


class PeopleValue(_Part):
    """What people said of the same pictures, from the data set's ratings.csv."""

    question: str
    answers: int
    samples: int
    raters: int
    not_used: dict[str, int]
    alpha: float | None = Field(default=None, description="Krippendorff's alpha.")
    alpha_level: str | None = None
    icc_2k: Reliability | None = None
    rejected: list[str] = Field(default=[], description="Raters that the screening leaves out.")
    screening: str | None = None
    ceiling: Ceiling


class Estimate(_Part):
    """A figure with its interval."""

    value: float | None
    low: float | None
    high: float | None


class LabelsNeeded(_Part):
    """How many more portraits people would have to rate; None where all of them are too few."""

    width: float
    more: int | None
    more_without_judge: int | None


class CalibratedValue(Estimate):
    """A judge's figure corrected by people's ratings of some of the portraits."""

    question: str
    name: str
    people_alone: Estimate
    judge_alone: float | None
    weight: float | None = Field(description="How far the judge is relied on, 0 to 1.")
    labelled: int
    unlabelled: int
    raters: int
    labels_needed: list[LabelsNeeded]
    method: str


class TaskResult(_Part):
    """One task, judge, data set and wording."""

    task: str
    version: str
    stage: str
    role: Literal["judge", "generator"]
    data: DataHead
    judge: str | None
    wording: str | None
    wordings: PromptSpread | None = Field(
        default=None, description="Where several wordings were asked: the same on the entry of each of them."
    )
    read: str
    settings: list[SettingValue]
    n: int
    answered: int
    unparsed: int
    failed: int
    outcomes: dict[str, int]
    faces: dict[str, int] = Field(
        {}, description="Generator tasks: portraits that show no, one, or several faces."
    )
    drawing: dict[str, float] = Field(
        {},
        description="Generator tasks: what drawing the portraits used, where the generator tells: tokens, cost.",
    )
    metrics: list[MetricValue]
    baselines: list[BaselineValue]
    confusion: Confusion | None = None
    tests: list[TestValue]
    agreement: list[AgreementValue] = Field(
        default=[], description="Generator tasks read by several judges: on the entry of the panel."
    )
    people: PeopleValue | None = Field(
        default=None, description="Judge tasks: how far people agree on the same question, and their ceiling."
    )
    calibrated: list[CalibratedValue] = Field(
        default=[],
        description="Generator tasks with people's ratings of some portraits: prediction-powered figures.",
    )
    unparsed_reasons: dict[str, int] = {}
    usage: dict[str, float] = Field(default={}, description="What the judge's answers used: tokens, cost.")
    timings: dict[str, float] = Field(
        default={}, description="What may differ between runs with the same answers: seconds, cached tokens."
    )
    warnings: list[str]


class Drop(_Part):
    """The figure on the first data set less that on another, with its interval."""

    value: float | None
    low: float | None
    high: float | None


class SetValue(_Part):
    """A task's primary figure on one data set."""

    data: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    drop: Drop | None = Field(description="None for the first data set.")


class Transfer(_Part):
    """A task, in one wording, on several data sets."""

    task: str
    wording: str | None
    metric: str
    direction: Literal["higher", "lower", "none"]
    sets: list[SetValue]


class ResultsDocument(_Part):
    """The whole document."""

    schema_: Literal[1] = Field(alias="schema")
    run: RunHead
    tasks: list[TaskResult]
    transfer: list[Transfer] = Field(
        default=[], description="Judge tasks on several data sets: how far figures drop from the first."
    )


HUMAN = "human"
"""The baseline that says how well people do: no trivial reader."""


@dataclass(frozen=True)
class RunResult:
    """A scored run: its folder and its results document (schema 1)."""

    path: Path
    results: dict[str, Any] = field(repr=False)
    faults: tuple[str, ...] = ()
    """Ways in which a plugin broke its contract in this attempt."""

    @property
    def tasks(self) -> list[dict[str, Any]]:
        """One entry for each task, judge, data set and wording."""
        return list(self.results["tasks"])

    @property
    def failed(self) -> int:
        """How many questions have no answer."""
        return sum(int(t["failed"]) for t in self.results["tasks"])

    def __str__(self) -> str:
        lines = [f"{self.path}" + ("" if self.results["run"]["complete"] else " (incomplete)")]
        for entry in self.results["tasks"]:
            main = next((m for m in entry["metrics"] if m["primary"]), None)
            if main is not None:
                value = "-" if main["value"] is None else f"{main['value']:.3f}"
                interval = "" if main["low"] is None else f" [{main['low']:.3f}, {main['high']:.3f}]"
                asked = "".join(f" [{entry[key]}]" for key in ("judge", "wording") if entry[key])
                lines.append(
                    f"{entry['task']}{asked}: {main['name']} {value}{interval}, n {main['n']}, unparsed "
                    f"{entry['unparsed']}, failed {entry['failed']}"
                )
        return "\n".join(lines)

    __repr__ = __str__

    def metric(self, name: str, task: str | None = None, **group: str) -> float | None:
        """The value of a metric: of the first task that has it, or of the task named.

        `group` picks a group (`emotion="happy"`). Raises `KeyError` where there is no such figure.
        """
        for entry in self.results["tasks"]:
            if task in (None, entry["task"]):
                for m in entry["metrics"]:
                    if m["name"] == name and m["group"] == group:
                        return None if m["value"] is None else float(m["value"])
        known = sorted({m["name"] for entry in self.results["tasks"] for m in entry["metrics"]})
        where = f" in the task {task!r}" if task else ""
        raise KeyError(
            f"no metric {name!r}{where}{f' for {group}' if group else ''}; there are: {', '.join(known)}"
        )
