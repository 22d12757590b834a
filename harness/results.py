"""Typed results, schema 1: what scoring builds, `results.json` and `--json` hold, and reporters and plugins read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, model_validator

from harness.records import Direction, Interval, Number, Record
from harness.types import Domain

COUNT = "none: a count"
"""The method of a metric value that is a count, which has no interval."""
BOUND = "_bound"
"""Ends the names of values that count each unparsed reply as an unfavourable answer."""
HUMAN = "human"
"""The baseline with which results of earlier versions say how well people do: now `TaskResult.people`."""


class Served(Record):
    """What a participant's server said it served, for so many of the replies that were scored."""

    participant: str
    served: dict[str, str] = Field(description="Empty for the replies of all records that are not listed.")
    replies: int


class RunInfo(Record):
    """Which run this is."""

    name: str
    model: str
    release: str | None = Field(
        default=None, description="Which release of the model under test this is, where the user said it."
    )
    judges: list[str]
    created: str
    versions: dict[str, str]
    complete: bool = Field(description="Every question has an answer.")
    notes: list[str] = Field(
        default=[], description="What of a suite was omitted, and why; and what else concerns the whole run."
    )
    served: list[Served] = Field(
        default=[],
        description="What servers say they served, for participants that report it. Two records of one participant that "
        "disagree mean that its replies are mixed: the run is then not complete.",
    )


class DataInfo(Record):
    """What the task was asked on: a data set, or the prompts that images were generated from."""

    name: str
    digest: str
    n: int
    domain: Domain = Field(
        default="shown", description="Whether its labels are about the emotion shown, or evoked in people."
    )


class Setting(Record):
    """A choice that affects the results; `source` is "assumed" where no publication gives it."""

    name: str
    value: str
    source: str


class MetricValue(Interval):
    """One metric value with its interval. A value that does not exist is null, and a warning says why."""

    name: str
    n: int = Field(description="Rows that entered.")
    clusters: int | None = Field(
        default=None, description="Clusters among these rows; None in results of earlier versions."
    )
    method: str | None = Field(description="How the interval was obtained.")
    direction: Direction
    primary: bool
    group: dict[str, str]


class BaselineValue(Record):
    """What a trivial predictor, or a person, reaches on a metric, on the same rows as the metric's value."""

    name: str
    metric: str
    value: Number
    n: int | None = Field(default=None, description="Rows that entered; None in results of earlier versions.")
    clusters: int | None = Field(default=None, description="Clusters among these rows.")
    fitted: str | None = Field(
        default=None, description='"in-sample" where the predictor was fitted to these rows: it is flattered.'
    )


class ConfusionMatrix(Record):
    """Counts: a row for each true option, a column for each option predicted, and a last one for unparsed replies."""

    labels: list[str]
    matrix: list[list[int]]

    @model_validator(mode="after")
    def _has_its_shape(self) -> ConfusionMatrix:
        if [len(row) for row in self.matrix] != [len(self.labels) + 1] * len(self.labels):
            raise ValueError("a row for each label, with a column for each label and one more")
        return self


class HypothesisTest(Interval):
    """A difference with its interval and two-sided p; `p_adjusted` is Holm's over all tests of the run."""

    name: str
    question: str = ""
    p: float = Field(json_schema_extra={"minimum": 0, "maximum": 1})
    p_adjusted: float = Field(json_schema_extra={"minimum": 0, "maximum": 1})
    n: int
    clusters: int
    method: str


class JudgeAgreement(Interval):
    """How far judges agree on one question."""

    question: str
    name: str
    judges: list[str]
    n: int


class PromptSpread(Record):
    """How the primary metric varies over the prompt variants in which a task was asked on one data set."""

    metric: str
    values: dict[str, Number] = Field(description="The value of each prompt variant.")
    min: Number
    max: Number
    sd: Number = Field(description="Standard deviation over the prompt variants (n - 1).")
    differences: list[HypothesisTest] = Field(
        default=[],
        description="Each other prompt variant minus the first, on the samples that enter both: paired by cluster.",
    )


class RepeatStability(Record):
    """How far the repeats of one question agree. An unparsed reply is an answer of its own to a choice."""

    repeats: int
    n: int = Field(description="Samples with at least two replies.")
    clusters: int
    agreement: Interval | None = Field(
        default=None, description="Choices: share of pairs of repeats that agree, averaged over samples."
    )
    difference: Interval | None = Field(
        default=None,
        description="Ratings: mean absolute difference of two repeats, averaged over samples with two parsed.",
    )
    flips: Interval = Field(
        description="Share of samples whose repeats are not all the same; ratings are rounded to levels for this."
    )
    method: str


class HumanCeiling(Interval):
    """How well a single person does, compared with the other people, and the judge compared with the same people.

    Both are measured against one truth, the consensus of all raters but one (the mean over the rater left out), on the
    same samples. That truth is not the label of the data set, so neither value may be compared with one of `metrics`.
    """

    metric: str
    raters: int
    method: str
    truth: str = Field(default="", description="What people and judge are measured against.")
    samples: int = Field(default=0, description="Samples on which both are measured.")
    clusters: int = 0
    judge: Interval | None = Field(default=None, description="Judge tasks: what the judge reaches.")
    difference: Interval | None = Field(
        default=None, description="The judge minus one person, with the interval of the paired difference."
    )
    over_raters: bool = Field(
        default=False, description="Intervals are about other raters too; else about these raters."
    )


class LabelAgreement(Record):
    """How far the labels of the data set agree with the consensus of all raters, on the samples of the ceiling."""

    samples: int
    differ: int | None = Field(
        default=None, description="Choices: samples whose label is not what most raters say."
    )
    srcc: Number = Field(default=None, description="Ratings: SRCC of the labels and the raters' mean.")


class Reliability(Interval):
    """ICC(2,k): how reliable people's mean is."""

    samples: int
    raters: int


class HumanAgreement(Record):
    """What people said of the portraits that the judge answered, from the data set's ratings.csv."""

    question: str
    answers: int
    samples: int
    raters: int
    not_used: dict[str, int]
    alpha: Number = Field(default=None, description="Krippendorff's alpha.")
    alpha_level: str | None = None
    icc_2k: Reliability | None = None
    rejected: list[str] = Field(default=[], description="Raters that the screening rejects.")
    screening: str | None = None
    ceiling: HumanCeiling
    labels: LabelAgreement | None = Field(
        default=None, description="None where no sample has both a label and a consensus."
    )


class LabelsNeeded(Record):
    """How many more portraits people would have to rate; None where all of them are too few."""

    width: float
    more: int | None
    more_without_judge: int | None


class CalibratedValue(Interval):
    """A judge's metric value corrected by people's ratings of some of the portraits."""

    question: str
    name: str
    people_alone: Interval
    judge_alone: Number
    weight: Number = Field(description="How far the judge is relied on, 0 to 1.")
    labelled: int
    unlabelled: int
    raters: int
    labels_needed: list[LabelsNeeded]
    method: str


class ReadAs(Record):
    """How the answers of replies were found. Log-probabilities, ratings and guided choices are declared."""

    declared: int = Field(description="An option, a label, a field, a number, or a form such as: Answer: X.")
    prose: int = Field(description="Understood from a sentence.")
    unparsed: int


class TaskResult(Record):
    """One task, judge, data set and prompt variant."""

    task: str
    version: str
    stage: str
    role: Literal["judge", "generator"]
    domain: Domain = Field(
        default="shown", description="Whether the task asks which emotion is shown, or evoked in people."
    )
    data: DataInfo
    judge: str | None = Field(default=None, description="Generator tasks: the judge, or the panel of judges.")
    prompt_variant: str | None = Field(
        default=None, alias="wording", description="Judge tasks asked in several prompt variants: which."
    )
    prompt_spread: PromptSpread | None = Field(
        default=None,
        alias="wordings",
        description="Where several prompt variants were asked: repeated in each entry.",
    )
    answer_mode: str = Field(
        alias="read", description="How answers were obtained: logprobs, rating, choice, text or reasoned."
    )
    settings: list[Setting]
    n: int
    answered: int
    unparsed: int
    failed: int
    outcomes: dict[str, int]
    faces: dict[str, int] = Field(
        default={}, description="Generator tasks: portraits that show no, one, or several faces."
    )
    generation_usage: dict[str, float] = Field(
        default={},
        alias="drawing",
        description="Generator tasks: what generating the portraits used, where the generator says: tokens, cost.",
    )
    metrics: list[MetricValue]
    baselines: list[BaselineValue]
    confusion: ConfusionMatrix | None = None
    tests: list[HypothesisTest] = Field(default=[])
    stability: RepeatStability | None = Field(
        default=None, description="Judge tasks that were asked repeatedly."
    )
    agreement: list[JudgeAgreement] = Field(
        default=[], description="Generator tasks with several judges: in the entry of the panel."
    )
    people: HumanAgreement | None = Field(
        default=None, description="Judge tasks: how far people agree on the same question, and their ceiling."
    )
    calibrated: list[CalibratedValue] = Field(
        default=[],
        description="Generator tasks with people's ratings of some portraits: prediction-powered estimates.",
    )
    read_as: ReadAs | None = Field(
        default=None, description="How many answers were declared, or understood from prose."
    )
    extensions: dict[str, dict[str, dict[str, Any]]] = Field(
        default={},
        description="Fields that metrics of plugins add: distribution -> metric -> fields, as the plugin's model has them.",
    )
    unparsed_reasons: dict[str, int] = Field(default={})
    usage: dict[str, float] = Field(default={}, description="What the judge's answers used: tokens, cost.")
    timings: dict[str, float] = Field(
        default={}, description="What may differ between runs with the same answers: seconds, cached tokens."
    )
    warnings: list[str]

    @property
    def primary(self) -> MetricValue | None:
        """The primary metric on all rows."""
        return next((m for m in self.metrics if m.primary), None)

    @property
    def compared(self) -> MetricValue | None:
        """What baselines stand beside: the primary metric, or its bound where unparsed replies are left out of it."""
        bound = f"{self.primary.name}{BOUND}" if self.primary else ""
        return next((m for m in self.metrics if m.name == bound and not m.group), self.primary)

    @property
    def best_baseline(self) -> BaselineValue | None:
        """The trivial baseline that does best on what is compared."""
        return self.best_baseline_of(self.compared) if self.compared else None

    def best_baseline_of(self, metric: MetricValue) -> BaselineValue | None:
        """The trivial baseline that does best on a metric."""
        sign = -1 if metric.direction == "lower" else 1
        found = [
            b for b in self.baselines if b.metric == metric.name and b.value is not None and b.name != HUMAN
        ]
        return max(found, key=lambda b: sign * (b.value or 0.0), default=None)


class DataSetValue(Interval):
    """A task's primary metric on one data set."""

    data: str
    n: int
    shared: int | None = Field(
        default=None, description="Pictures of this set that are in the first one too; None for the first."
    )
    drop: Interval | None = Field(
        default=None, description="The value on the first data set minus this one; None for the first."
    )


class Transfer(Record):
    """A task, in one prompt variant, on several data sets."""

    task: str
    prompt_variant: str | None = Field(default=None, alias="wording")
    metric: str
    direction: Direction
    sets: list[DataSetValue]
    warnings: list[str] = Field(default=[])


class Results(Record):
    """The whole document."""

    schema_: Literal[1] = Field(default=1, alias="schema")
    run: RunInfo
    tasks: list[TaskResult]
    transfer: list[Transfer] = Field(
        default=[], description="Judge tasks on several data sets: how far metric values drop from the first."
    )

    def document(self) -> dict[str, Any]:
        """The document as JSON values."""
        return self.model_dump(mode="json", by_alias=True)


def read_results(document: Mapping[str, Any]) -> Results:
    """The results in a stored document. Fields of later versions are ignored; raises ValueError where it is broken."""
    return Results.model_validate(document)
