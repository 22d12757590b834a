"""What a kind of release is to the importer: a reader that turns its files into records, and says what it could not."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar

from harness.datasets.imports.report import Report
from harness.datasets.imports.source import Source
from harness.datasets.labels import fold_emotion
from harness.datasets.pattern import ALIASES, NamePattern
from harness.errors import RequestError, nearest
from harness.types import EMOTIONS

LABELS = ("intended", "perceived")
"""What a label may be: the emotion that was asked for, or the one that people saw."""


@dataclass(frozen=True)
class ImportOptions:
    """What a user says about a release."""

    label: str | None = None
    name_pattern: str | None = None
    mapping: Mapping[str, str] = field(default_factory=dict)
    """Label of the release -> one of the six emotions, or "" to leave its rows out."""
    scales: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """Column (intensity or quality) -> ends of its scale."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """What a column is here (image, emotion, ...) -> its name in the release; for kinds whose columns vary."""

    def pattern(self) -> NamePattern | None:
        """The name pattern, if one was given."""
        return NamePattern(self.name_pattern, aliases=ALIASES) if self.name_pattern else None


@dataclass(frozen=True)
class Record:
    """One picture with what the release says of it."""

    path: str
    """Where the picture lies in the source; for one that stands in a table, the path to write it to."""
    where: str
    """File and line that named it."""
    id: str = ""
    """By default the path without extension."""
    emotion: str | None = None
    label: str = ""
    """The release's own word for the emotion, from which mappings that lose something are counted."""
    intensity: float | None = None
    quality: float | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    data: bytes | None = None
    """The picture itself, where it stands in a table."""
    ratings: tuple[tuple[str, str, str], ...] = ()
    """Rater-level answers: rater, question, value."""
    further: tuple[str, ...] = ()
    """File and line of further rows that it was made of."""


class Kind(ABC):
    """A kind of release."""

    name: ClassVar[str]
    summary: ClassVar[str]
    default_name: ClassVar[str] = ""
    """The data set's name where none is given; by default the kind's."""
    label: ClassVar[str] = ""
    """What its labels are, where that is known: "intended" or "perceived"."""
    takes_columns: ClassVar[tuple[str, ...]] = ()
    """What `ImportOptions.columns` may name."""

    def embeds(self, source: Source) -> bool:
        """Whether the pictures of this source stand in tables: they are then always copied."""
        return False

    def complete(self, source: Source, options: ImportOptions) -> ImportOptions:
        """The options, with what the release itself says where the user says nothing.

        Raises `RequestError` where the two contradict each other, and where neither says what the labels are.
        """
        wrong = sorted(set(options.columns) - set(self.takes_columns))
        if wrong and not self.takes_columns:
            raise RequestError(
                f"{self.name} has columns of its own: --column {wrong[0]} says nothing.",
                "Leave --column away.",
            )
        if wrong:
            raise RequestError(
                f"--column {wrong[0]}: there is no such column.", f"They are {', '.join(self.takes_columns)}."
            )
        return replace(options, label=self._meaning(options.label, self.label))

    def _meaning(self, asked: str | None, known: str) -> str:
        if asked and known and asked != known:
            raise RequestError(f"The labels of {self.name} are {known}, not {asked}.", "Leave --label away.")
        if not (asked or known):
            raise RequestError(
                f"{self.name} does not say what its emotion labels are: the emotion that was asked for, or the one that "
                "people saw.",
                f"Say it: --label {' or --label '.join(LABELS)}.",
            )
        return asked or known

    @abstractmethod
    def read(self, source: Source, options: ImportOptions, report: Report) -> Iterator[Record]:
        """The records of a release; rows that cannot be used go to `report`.

        Raises `BadData` where the source is no such release, `RequestError` where options do not fit it.
        """


class LabelReader:
    """Turns the labels of a release into the six emotions, and never guesses."""

    def __init__(self, options: ImportOptions, known: Mapping[str, str] = {}) -> None:
        """`known` maps the release's own labels that mean one of the six."""
        for label, emotion in options.mapping.items():
            if emotion and emotion not in EMOTIONS:
                guess = nearest(emotion, EMOTIONS)
                raise RequestError(
                    f"--map {label}={emotion}: {emotion!r} is none of the six emotions"
                    + (f"; did you mean {guess!r}?" if guess else "."),
                    f"They are {', '.join(EMOTIONS)}; nothing after the = leaves the label out.",
                )
        self._given = {k.strip().casefold(): v for k, v in options.mapping.items()}
        self._known = {k.casefold(): v for k, v in known.items()}
        self.used: set[str] = set()
        """Labels that the user's mapping was needed for."""

    def read(self, text: str) -> tuple[str | None, str]:
        """The emotion, and an empty string; or None, and why there is none."""
        label = text.strip().strip("\"'").casefold()
        if not label:
            return None, "no label"
        if label in self._given:
            self.used.add(label)
            return self._given[label] or None, "" if self._given[label] else "left out by --map"
        emotion = self._known.get(label) or fold_emotion(label)
        if emotion is not None:
            return emotion, ""
        named = {self._one(part) for part in _parts(label)} - {None}
        if len(named) > 1:
            return None, "two labels"
        if len(named) == 1 and all(self._one(part) for part in _parts(label)):
            return named.pop(), ""
        return None, "unknown label"

    def _one(self, part: str) -> str | None:
        return self._given.get(part) or self._known.get(part) or fold_emotion(part)


def _parts(label: str) -> list[str]:
    for separator in ("/", "|", ";", "+", "&", " and ", " or ", " - ", "_"):
        label = label.replace(separator, ",")
    parts = [part.strip() for part in label.split(",") if part.strip()]
    return parts if len(parts) > 1 else label.split()
