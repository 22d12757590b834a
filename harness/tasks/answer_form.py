"""The form of an answer in a task file: kind, options, answer modes, and where the correct answer comes from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_serializer, model_validator

from harness.errors import nearest
from harness.tasks.vocabulary import finder, folded, vocabularies, vocabulary
from harness.types import EMOTIONS, AnswerMode, Scale

LABELS = ("emotion", "intensity", "quality")
OPTION, VOTES = "{option}", "votes"
"""What stands for an option in the name of a column of grades; and grades that are the votes of people."""
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
    vocabulary: tuple[str, ...] = Field(
        (),
        description="The labels that the column may have, where these are not the six emotions: found without regard to case "
        "and punctuation. Results count labels that are merged into one option.",
    )
    synonyms: Mapping[str, tuple[str, ...]] = Field(
        {}, description="Further words for a label of the vocabulary in the data."
    )
    grades: str = Field(
        "",
        description="For ranking metrics: how far each option is true, as columns such as score_{option}, where {option} stands for "
        'its name in small letters, with _ for spaces and punctuation; or "votes": how many people named it.',
    )
    scale: tuple[float, float] | None = Field(
        None,
        description="For a rating: the lowest and highest value of the column, which are mapped linearly to the scale of the "
        "task; default: values are on the scale of the task.",
    )

    @model_serializer(mode="wrap")
    def _without_defaults(self, handler: Callable[[Truth], dict[str, Any]]) -> dict[str, Any]:
        # Run folders of versions without these fields hold the same request.
        added = ("vocabulary", "synonyms", "scale", "grades")
        return {k: v for k, v in handler(self).items() if v or k not in added}

    @model_validator(mode="after")
    def _consistent(self) -> Truth:
        if self.vocabulary and self.field in LABELS:
            raise ValueError(f"the column {self.field!r} has no other vocabulary: name another column")
        if self.synonyms and not self.vocabulary:
            raise ValueError("truth: synonyms need a vocabulary")
        for label in self.mapping if self.vocabulary else ():
            if label not in self.vocabulary:
                guess = nearest(label, self.vocabulary)
                raise ValueError(
                    f"truth: {label!r} is not in the vocabulary"
                    + (f"; did you mean {guess!r}?" if guess else "")
                )
        if self.grades and self.grades != VOTES and self.grades.count(OPTION) != 1:
            raise ValueError(f'truth: grades must contain {OPTION} once, or be "{VOTES}"')
        if self.scale is not None and not self.scale[0] < self.scale[1]:
            raise ValueError("truth: scale must be [lowest, highest]")
        assert self.words is not None, "a word that names two labels is refused here"
        return self

    @cached_property
    def words(self) -> dict[str, str]:
        """Folded words of the data -> label of the vocabulary."""
        return finder(self.vocabulary, self.synonyms)

    def label(self, text: str) -> str | None:
        """The label that a text of the data names: itself without a vocabulary, None for one that is not in it."""
        return self.words.get(folded(text)) if self.vocabulary else text


class Answer(Table):
    """The form of an answer and the modes in which it can be obtained."""

    kind: Literal["choice", "rating", "pair"] = Field(
        description="An option, a level of a scale, or one of two pictures (see the table pairs)."
    )
    target: str = Field(
        "", description="What the question is about; used by judges that are not language models."
    )
    vocabulary: str = Field(
        "",
        description=f"Emotions other than the six, by name: {', '.join(vocabularies())}. They are the options, their synonyms and "
        "the vocabulary of the truth, as far as the task does not declare these itself.",
    )
    options: tuple[str, ...] = Field(
        (),
        min_length=2,
        description="The options, which only a vocabulary replaces. For a rating: the levels, weakest first. For a pair: the first picture, then the second.",
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
    statement: str = Field(
        "",
        description="The column of the text that the question is about, which prompts show as {statement}; samples without one are "
        "not asked.",
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
        # Run folders of versions without these fields hold the same request.
        unset = {"prose": "read", "vocabulary": "", "statement": ""}
        return {k: v for k, v in handler(self).items() if k not in unset or v != unset[k]}

    @model_validator(mode="before")
    @classmethod
    def _named_vocabulary(cls, given: Any) -> Any:
        name = given.get("vocabulary") if isinstance(given, Mapping) else None
        if not isinstance(name, str) or not name:
            return given
        known = vocabulary(name)
        filled = {"options": known.labels, **given}
        if tuple(filled["options"]) == known.labels:
            filled = {"synonyms": known.synonyms, **filled}
        truth = filled.get("truth")
        if isinstance(truth, Mapping) and "vocabulary" not in truth:
            filled["truth"] = {**truth, "vocabulary": known.labels, "synonyms": known.synonyms}
        return filled

    @model_validator(mode="after")
    def _consistent(self) -> Answer:
        if self.kind == "pair" and self.truth != Truth(field=STRONGER):
            raise ValueError("the truth of a pair follows from the table pairs: omit it")
        if self.kind != "pair" and "truth" not in self.model_fields_set:
            raise ValueError("the key 'truth' is missing")
        if not self.options:
            raise ValueError("the key 'options' is missing")
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
        if self.kind != "choice" and self.truth.grades:
            raise ValueError("truth: only the options of a choice have grades")
        if self.truth.grades == VOTES and self.truth.field != "emotion":
            raise ValueError("truth: people vote on the field 'emotion' alone")
        if self.kind == "pair" and self.statement:
            raise ValueError("a pair has no statement")
        if self.kind == "rating" and self.truth.vocabulary:
            raise ValueError("truth: a rating is a number, and has no vocabulary")
        if self.kind != "rating" and self.truth.scale is not None:
            raise ValueError("truth: only a rating has a scale")
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

    @cached_property
    def grade_columns(self) -> tuple[tuple[str, ...], ...]:
        """For each option the names that its column of grades may have, the first one preferred."""
        words = (
            (option, *self.synonyms.get(option, ()), *self.truth.synonyms.get(option, ()))
            for option in self.options
        )
        return tuple(
            tuple(self.truth.grades.replace(OPTION, folded(word)) for word in each) for each in words
        )

    @property
    def scored(self) -> Literal["choice", "rating"]:
        """How answers are scored: a pair counts as a choice."""
        return "rating" if self.kind == "rating" else "choice"

    @property
    def scale(self) -> Scale | None:
        """The scale of a rating; None for a choice or pair."""
        return Scale(self.options, self.low) if self.kind == "rating" else None
