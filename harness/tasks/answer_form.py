"""The form of an answer in a task file: kind, options, answer modes, and where the correct answer comes from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_serializer, model_validator

from harness.errors import nearest
from harness.types import EMOTIONS, AnswerMode, Scale

STRONGER = "stronger"
"""The column of a pair that names the picture with the larger value, as one of the task's two options."""


class Table(BaseModel):
    """A table of a task file: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Truth(Table):
    """Where a sample's correct answer comes from."""

    field: str = Field(description="A column of the data: emotion, intensity, quality, or an attribute.")
    mapping: Mapping[str, str] = Field({}, description="Maps the column's values to options.")
    leave_out: tuple[str, ...] = Field((), description="Emotions whose samples are excluded.")


class Answer(Table):
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
