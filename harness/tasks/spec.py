"""Schema of task and suite files: TOML, validated by pydantic, never executed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_serializer, model_validator

from harness.errors import BadOption, BadTask, nearest
from harness.toml import read_toml
from harness.types import EMOTIONS, AnswerMode, Scale

Name = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
PLACEHOLDERS = ("image", "options", "low", "high", "emotion")
STRONGER = "stronger"
"""The column of a pair that names the picture with the larger value, as one of the task's two options."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Truth(_Model):
    """Where a sample's correct answer comes from."""

    field: str = Field(description="A column of the data: emotion, intensity, quality, or an attribute.")
    mapping: Mapping[str, str] = Field({}, description="Maps the column's values to options.")
    leave_out: tuple[str, ...] = Field((), description="Emotions whose samples are excluded.")


class Answer(_Model):
    """The form of an answer and the modes in which it can be obtained."""

    kind: Literal["choice", "rating", "pair"] = Field(
        description="An option, a level of a scale, or one of two pictures (see the table pairs)."
    )
    target: str = Field(
        "", description="What the question is about; used by judges that are not language models."
    )
    options: tuple[str, ...] = Field(
        min_length=2,
        description="The options. For a rating: the levels, weakest first. For a pair: the first picture, then the second.",
    )
    low: float = Field(1.0, description="For a rating: the value of the weakest level.")
    labels: Literal["none", "letters", "numbers"] = Field("none", description="Shown before each option.")
    shuffle: bool = Field(True, description="Permute the options of a choice per sample, from the seed.")
    read: tuple[AnswerMode, ...] = Field(
        ("logprobs", "choice", "text"),
        min_length=1,
        description="Answer modes in order of preference; the first one that the judge supports is used.",
    )
    prose: Literal["read", "unparsed"] = Field(
        "read",
        description="Whether an answer that must be understood from a sentence counts, or only a declared one.",
    )
    synonyms: Mapping[str, tuple[str, ...]] = Field(
        {}, description="Additional words accepted for an option."
    )
    contrast: Mapping[str, tuple[str, ...]] = Field(
        {},
        description="Maps an option to options that it is easily confused with. Each sample is shown its correct option and "
        "one of these, chosen by the seed; samples with other options are excluded.",
    )
    truth: Truth = Field(
        Truth(field=STRONGER),
        description="The correct answer. Omit for a pair, where it follows from the table pairs.",
    )

    @model_serializer(mode="wrap")
    def _without_defaults(self, handler: Callable[[Answer], dict[str, Any]]) -> dict[str, Any]:
        # Run folders of versions without this field hold the same request.
        return {k: v for k, v in handler(self).items() if (k, v) != ("prose", "read")}

    @model_validator(mode="after")
    def _consistent(self) -> Answer:
        if self.kind == "pair" and self.truth != Truth(field=STRONGER):
            raise ValueError("the truth of a pair follows from the table pairs: omit it")
        if self.kind != "pair" and "truth" not in self.model_fields_set:
            raise ValueError("the key 'truth' is missing")
        if len({o.casefold() for o in self.options}) != len(self.options):
            raise ValueError("options must be unique")
        labels = [*self.truth.leave_out, *(self.truth.mapping if self.truth.field == "emotion" else ())]
        for label in labels:
            if label not in EMOTIONS:
                guess = nearest(label, EMOTIONS)
                raise ValueError(
                    f"truth: {label!r} is not one of the emotions"
                    + (f"; did you mean {guess!r}?" if guess else "")
                )
        for key in (*self.synonyms, *self.truth.mapping.values()):
            if key not in self.options:
                guess = nearest(key, self.options)
                raise ValueError(
                    f"{key!r} is not one of the options" + (f"; did you mean {guess!r}?" if guess else "")
                )
        if self.kind != "rating" and "rating" in self.read:
            raise ValueError(f"a {self.kind} cannot use the answer mode 'rating'")
        if self.kind == "pair" and len(self.options) != 2:
            raise ValueError("a pair has two options: the first picture, and the second")
        self._check_contrast()
        return self

    def _check_contrast(self) -> None:
        if self.contrast and self.kind != "choice":
            raise ValueError(f"contrast requires the kind 'choice', not {self.kind!r}")
        for label, neighbours in self.contrast.items():
            for option in (label, *neighbours):
                if option not in self.options:
                    guess = nearest(option, self.options)
                    raise ValueError(
                        f"contrast: {option!r} is not one of the options"
                        + (f"; did you mean {guess!r}?" if guess else "")
                    )
            if not neighbours or label in neighbours:
                raise ValueError(f"contrast: {label} needs at least one other option")

    @property
    def scored(self) -> Literal["choice", "rating"]:
        """How answers are scored: a pair counts as a choice."""
        return "rating" if self.kind == "rating" else "choice"

    @property
    def scale(self) -> Scale | None:
        """The scale of a rating; None for a choice or pair."""
        return Scale(self.options, self.low) if self.kind == "rating" else None


class PromptVariant(_Model):
    """One phrasing of the question. With several, the spread over prompt variants is reported."""

    name: str = Name
    system: str = ""
    text: str = Field(description="The question; may use " + ", ".join(f"{{{p}}}" for p in PLACEHOLDERS))
    default: bool = Field(
        True,
        description="Whether the variant is used; others are only available for comparison and for copies of the task.",
    )

    @model_validator(mode="after")
    def _known_placeholders(self) -> PromptVariant:
        for used in re.findall(r"\{([A-Za-z_]\w*)\}", self.system + self.text):
            if used not in PLACEHOLDERS:
                guess = nearest(used, PLACEHOLDERS)
                raise ValueError(
                    f"unknown placeholder {{{used}}}" + (f"; did you mean {{{guess}}}?" if guess else "")
                )
        return self


class Pairs(_Model):
    """Which pictures form a pair: same values in `within` and same cluster, different values in `field`."""

    field: str = Field(description="The column to compare: intensity, quality, or a numeric attribute.")
    within: tuple[str, ...] = Field(
        ("emotion",), description="Columns with the same value for both pictures."
    )
    leave_out: tuple[str, ...] = Field((), description="Emotions whose samples are excluded.")
    smallest_gap: float = Field(
        1.0, gt=0.0, description="Minimum difference between two pictures, on the scale of the column."
    )
    per_sample: int = Field(
        1,
        ge=1,
        le=100,
        description="Maximum number of pairs per picture; with 1, no two pairs share a picture.",
    )
    most: int | None = Field(None, ge=1, description="Maximum number of pairs per data set; default: all.")
    both_orders: bool = Field(
        True, description="Ask about each pair twice, the second time in reverse order."
    )

    @model_validator(mode="after")
    def _known_emotions(self) -> Pairs:
        for label in self.leave_out:
            if label not in EMOTIONS:
                guess = nearest(label, EMOTIONS)
                raise ValueError(
                    f"leave_out: {label!r} is not one of the emotions"
                    + (f"; did you mean {guess!r}?" if guess else "")
                )
        return self


class MetricSpec(_Model):
    """One metric of the task, by its registered name."""

    name: str
    primary: bool = False
    asks: str = Field("", description="Generator tasks: the judge task whose answers the metric uses.")
    options: Mapping[str, Any] = {}


class Group(_Model):
    """Columns by which the primary metric is broken down, if the data have them."""

    by: tuple[str, ...] = ()
    cross: tuple[tuple[str, ...], ...] = Field(
        (), description='Combinations of columns, such as [["gender", "skin_tone"]].'
    )
    smallest: int = Field(
        20,
        ge=1,
        description="Minimum number of rows for a group or a combination of them to be reported; labels have none.",
    )

    def with_columns(self, columns: Sequence[str]) -> Group:
        """Add columns, or combinations joined by `*`. Raises `BadOption` for an empty name."""
        more = [tuple(part.strip() for part in column.split("*")) for column in columns]
        nameless = next((c for c, parts in zip(columns, more, strict=True) if not all(parts)), None)
        if nameless is not None:
            raise BadOption(
                f"--group-by {nameless!r} contains an empty column name.",
                "For example: --group-by generator,age*sex",
            )
        by = dict.fromkeys([*self.by, *(names[0] for names in more if len(names) == 1)])
        cross = dict.fromkeys([*self.cross, *(names for names in more if len(names) > 1)])
        return self.model_copy(update={"by": tuple(by), "cross": tuple(cross)})


class Setting(_Model):
    """A methodological choice shown with the results, with its source."""

    name: str
    value: str
    source: str = Field(description='"assumed", or the publication it comes from.')


class SamplingSpec(_Model):
    """Sampling parameters for replies."""

    temperature: float = Field(0.0, ge=0.0, le=2.0)
    max_tokens: int = Field(64, ge=1, le=32768)
    top_p: float = Field(1.0, gt=0.0, le=1.0)


class TaskSpec(_Model):
    """A task: the question, the role of the model under test, the answer modes and the metrics."""

    kind: Literal["task"] = "task"
    name: str = Name
    version: str = "1"
    role: Literal["judge", "generator"]
    stage: Literal["coarse", "fine", "nuance"]
    summary: str = ""
    data: str = Field("", description="Judge tasks: the default data set.")
    answer: Answer | None = Field(None, description="Judge tasks: the form of the answer.")
    pairs: Pairs | None = Field(
        None, description="Judge tasks with an answer of the kind pair: which pictures are compared."
    )
    prompts: tuple[PromptVariant, ...] = Field((), description="Judge tasks: the prompt variants.")
    sampling: SamplingSpec = SamplingSpec()
    prompt_set: str = Field(
        "", description="Generator tasks: a prompt set's name, or a CSV file in the folder of the task file."
    )
    per_prompt: int = Field(1, ge=1, le=1000, description="Generator tasks: portraits per prompt.")
    negative_prompt: str = ""
    asks: tuple[str, ...] = Field((), description="Generator tasks: judge tasks to ask about each portrait.")
    detector: str = Field(
        "", description="Generator tasks: the face detector; default: the first one installed."
    )
    metrics: tuple[MetricSpec, ...] = Field(min_length=1)
    group: Group = Group()
    cluster: str = Field(
        "",
        description="The cluster column for resampling; default: subject, else prompt_id, else each sample.",
    )
    settings: tuple[Setting, ...] = ()

    @model_validator(mode="after")
    def _by_role(self) -> TaskSpec:
        if sum(m.primary for m in self.metrics) != 1:
            raise ValueError("metrics: exactly one must have primary = true")
        if self.role == "judge":
            if self.answer is None or not self.prompts:
                raise ValueError("a judge task needs [answer] and at least one [[prompts]]")
            if self.prompt_set or self.asks:
                raise ValueError("prompt_set and asks belong to generator tasks")
            self._check_prompts(2 if self.answer.kind == "pair" else 1)
            if (self.answer.kind == "pair") is (self.pairs is None):
                raise ValueError("an answer of the kind 'pair' and the table pairs go together")
        else:
            if not self.prompt_set or not self.asks:
                raise ValueError("a generator task needs prompt_set and asks")
            if self.answer is not None or self.prompts or self.pairs is not None:
                raise ValueError("answer, pairs and prompts belong to judge tasks")
            for metric in self.metrics:
                if metric.asks not in self.asks:
                    raise ValueError(f"metrics: {metric.name}: asks must be one of {', '.join(self.asks)}")
        return self

    def _check_prompts(self, pictures: int) -> None:
        names = [v.name for v in self.prompts]
        if len(set(names)) < len(names):
            raise ValueError("prompts: names must be unique")
        if not any(v.default for v in self.prompts):
            raise ValueError("prompts: at least one must have default = true")
        for variant in self.prompts:
            if variant.text.count("{image}") not in (0, pictures):
                times = "once" if pictures == 1 else "twice (first and second picture)"
                raise ValueError(f"prompts: {variant.name}: {{image}} must occur {times} or not at all")

    @property
    def prompt_variants(self) -> tuple[PromptVariant, ...]:
        """The prompt variants that are used."""
        return tuple(v for v in self.prompts if v.default)

    @property
    def primary(self) -> MetricSpec:
        """The headline metric."""
        return next(m for m in self.metrics if m.primary)


class SuiteSpec(_Model):
    """A list of tasks to run together; the model is loaded once for all of them."""

    kind: Literal["suite"]
    name: str = Name
    version: str = "1"
    summary: str = ""
    tasks: tuple[str, ...] = Field(min_length=1, max_length=1000)


def load_spec(path: Path) -> TaskSpec | SuiteSpec:
    """The task or suite defined in a file. Raises `BadTask` naming file, key and nearest valid key."""
    table = read_toml(path, "task file")
    model: type[TaskSpec] | type[SuiteSpec] = SuiteSpec if table.get("kind") == "suite" else TaskSpec
    try:
        return model.model_validate(table)
    except ValidationError as e:
        raise BadTask(
            f"{path}: " + "; ".join(explain(error, model) for error in e.errors()[:5]) + ".",
            "See `harness schema task` for the format of task files.",
        ) from e


def explain(error: Mapping[str, Any], model: type[BaseModel]) -> str:
    """A readable message for a pydantic error: the key, the problem, the nearest valid key."""
    where = [str(part) for part in error["loc"]]
    key = ".".join(where) or "the file"
    kind = error["type"]
    if kind == "extra_forbidden":
        known = list(_model_at(model, error["loc"][:-1]).model_fields)
        guess = nearest(where[-1], known)
        return f"unknown key {key!r}" + (
            f" (did you mean {guess!r}?)" if guess else f" (known: {', '.join(known)})"
        )
    if kind == "missing":
        return f"the key {key!r} is missing"
    message = error["msg"].removeprefix("Value error, ")
    given = error.get("input")
    shown = f" (given: {given!r})" if isinstance(given, (str, int, float, bool)) else ""
    return f"{key}: {message[:1].lower()}{message[1:]}{shown}"


def _model_at(model: type[BaseModel], loc: tuple[Any, ...]) -> type[BaseModel]:
    for part in loc:
        if isinstance(part, int) or part not in model.model_fields:
            continue
        found = _models_in(model.model_fields[part].annotation)
        if found:
            model = found[0]
    return model


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [m for arg in get_args(annotation) for m in _models_in(arg)]
