"""Questions that are asked once for each of several emotions: one sample for each picture and emotion."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from pydantic import Field, model_validator

from harness.tasks.answer_form import Answer, Table
from harness.tasks.vocabulary import finder, folded, vocabularies, vocabulary
from harness.types import Sample

PRESENT = "present"
"""The column that says whether the emotion is present, as one of the task's two options."""
PLACE = "{emotion}"


class Each(Table):
    """A question about one emotion at a time: whether it is present. A picture is asked once for each that it has a value for."""

    vocabulary: str = Field(
        "", description=f"The emotions, by the name of their vocabulary: {', '.join(vocabularies())}."
    )
    emotions: tuple[str, ...] = Field(
        (), min_length=1, description="The emotions, where no vocabulary is named."
    )
    synonyms: Mapping[str, tuple[str, ...]] = Field(
        {}, description="Further words for an emotion in the names of columns."
    )
    column: str = Field(
        "score_" + PLACE,
        description=f"The column of each emotion; {PLACE} stands for its name in small letters, with _ for spaces and punctuation.",
    )
    at_least: float = Field(
        0.5,
        description="From which value on an emotion is present: the first option is then the correct one.",
    )

    @model_validator(mode="before")
    @classmethod
    def _named_vocabulary(cls, given: Any) -> Any:
        name = given.get("vocabulary") if isinstance(given, Mapping) else None
        if not isinstance(name, str) or not name:
            return given
        known = vocabulary(name)
        return {"emotions": known.labels, "synonyms": known.synonyms, **given}

    @model_validator(mode="after")
    def _consistent(self) -> Each:
        if not self.emotions:
            raise ValueError("the key 'emotions' is missing")
        if self.column.count(PLACE) != 1:
            raise ValueError(f"column must contain {PLACE} once")
        finder(self.emotions, self.synonyms)
        return self

    @cached_property
    def columns(self) -> Mapping[str, tuple[str, ...]]:
        """Emotion -> the names that its column may have, the first one preferred."""
        return {
            emotion: tuple(
                self.column.replace(PLACE, folded(word))
                for word in (emotion, *self.synonyms.get(emotion, ()))
            )
            for emotion in self.emotions
        }

    def value(self, sample: Sample, emotion: str) -> float | None:
        """What the data say of an emotion; None where they say nothing."""
        text = next((sample.attributes[c] for c in self.columns[emotion] if sample.attributes.get(c)), "")
        try:
            number = float(text)
        except ValueError:
            return None
        return number if math.isfinite(number) else None


def each_emotion(sample: Sample, each: Each, answer: Answer, question: str) -> Iterator[Sample]:
    """A sample for each emotion that the data say something of, whose emotion it is.

    It has the attributes of the picture without the columns of emotions, and the column `present`.
    """
    columns = {column for names in each.columns.values() for column in names}
    common = {name: value for name, value in sample.attributes.items() if name not in columns}
    for emotion in each.emotions:
        value = None if sample.problem else each.value(sample, emotion)
        if value is not None:
            present = answer.options[0 if value >= each.at_least else 1]
            yield Sample(
                f"{sample.id}~{folded(emotion)}@{question}",
                sample.path,
                emotion,
                attributes={**common, PRESENT: present},
            )
