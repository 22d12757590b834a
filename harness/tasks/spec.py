"""Schema of task and suite files: TOML, validated by pydantic, never executed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import BaseModel, Field, ValidationError, model_serializer, model_validator

from harness.errors import BadOption, BadTask, nearest
from harness.tasks.answer_form import STRONGER as STRONGER
from harness.tasks.answer_form import Answer as Answer
from harness.tasks.answer_form import Table
from harness.tasks.answer_form import Truth as Truth
from harness.tasks.each import PRESENT, Each
from harness.toml import read_toml
from harness.types import EMOTIONS, Domain

Name = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
PLACEHOLDERS = ("image", "options", "low", "high", "emotion", "statement")


class PromptVariant(Table):
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


class Pairs(Table):
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


class MetricSpec(Table):
    """One metric of the task, by its registered name."""

    name: str
    primary: bool = False
    asks: str = Field("", description="Generator tasks: the judge task whose answers the metric uses.")
    options: Mapping[str, Any] = {}


class Group(Table):
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


class Setting(Table):
    """A methodological choice shown with the results, with its source."""

    name: str
    value: str
    source: str = Field(description='"assumed", or the publication it comes from.')


class SamplingSpec(Table):
    """Sampling parameters for replies."""

    temperature: float = Field(0.0, ge=0.0, le=2.0)
    max_tokens: int = Field(64, ge=1, le=32768)
    top_p: float = Field(1.0, gt=0.0, le=1.0)


class TaskSpec(Table):
    """A task: the question, the role of the model under test, the answer modes and the metrics."""

    kind: Literal["task"] = "task"
    name: str = Name
    version: str = "1"
    role: Literal["judge", "generator"]
    stage: Literal["coarse", "fine", "nuance"]
    summary: str = ""
    domain: Domain = Field(
        "shown",
        description="Whether it asks which emotion is shown, or which one is evoked in people who see the picture.",
    )
    data: str = Field("", description="Judge tasks: the default data set.")
    answer: Answer | None = Field(None, description="Judge tasks: the form of the answer.")
    pairs: Pairs | None = Field(
        None, description="Judge tasks with an answer of the kind pair: which pictures are compared."
    )
    each: Each | None = Field(
        None, description="Judge tasks: the question is asked once for each of these emotions of a picture."
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

    @model_serializer(mode="wrap")
    def _without_defaults(self, handler: Callable[[TaskSpec], dict[str, Any]]) -> dict[str, Any]:
        # Run folders of versions without these fields hold the same request.
        return {k: v for k, v in handler(self).items() if (k, v) not in (("domain", "shown"), ("each", None))}

    @model_validator(mode="after")
    def _by_role(self) -> TaskSpec:
        if sum(m.primary for m in self.metrics) != 1:
            raise ValueError("metrics: exactly one must have primary = true")
        if self.role == "judge":
            if self.answer is None or not self.prompts:
                raise ValueError("a judge task needs [answer] and at least one [[prompts]]")
            if self.prompt_set or self.asks:
                raise ValueError("prompt_set and asks belong to generator tasks")
            for metric in self.metrics:
                if metric.asks not in ("", self.name):
                    raise ValueError(f"metrics: {metric.name}: asks belongs to generator tasks")
            self._check_prompts(2 if self.answer.kind == "pair" else 1, bool(self.answer.statement))
            if (self.answer.kind == "pair") is (self.pairs is None):
                raise ValueError("an answer of the kind 'pair' and the table pairs go together")
            if self.each is not None:
                self._check_each(self.answer)
        else:
            if not self.prompt_set or not self.asks:
                raise ValueError("a generator task needs prompt_set and asks")
            if self.answer is not None or self.prompts or self.pairs is not None or self.each is not None:
                raise ValueError("answer, pairs, each and prompts belong to judge tasks")
            for metric in self.metrics:
                if metric.asks not in self.asks:
                    raise ValueError(f"metrics: {metric.name}: asks must be one of {', '.join(self.asks)}")
        return self

    def _check_each(self, answer: Answer) -> None:
        if answer.kind != "choice" or len(answer.options) != 2 or answer.truth.field != PRESENT:
            raise ValueError(
                f"each: the answer must be a choice of two options, present and absent, with the truth field {PRESENT!r}"
            )
        for variant in self.prompts:
            if "{emotion}" not in variant.text + variant.system:
                raise ValueError(f"prompts: {variant.name}: the question must name its {{emotion}}")

    def _check_prompts(self, pictures: int, statement: bool) -> None:
        names = [v.name for v in self.prompts]
        if len(set(names)) < len(names):
            raise ValueError("prompts: names must be unique")
        if not any(v.default for v in self.prompts):
            raise ValueError("prompts: at least one must have default = true")
        for variant in self.prompts:
            if ("{statement}" in variant.text) != statement:
                raise ValueError(
                    f"prompts: {variant.name}: {{statement}} and the key 'statement' of the answer go together"
                )
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


class SuiteSpec(Table):
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
