"""Base class for kinds of release: each turns its files into records and reports what it cannot use."""

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
"""The meaning of labels: the requested emotion, or the emotion that people perceived."""
DOMAINS = ("shown", "evoked")
"""Whose emotion it is: shown by a face, or evoked in who looks at the picture."""


@dataclass(frozen=True)
class ImportOptions:
    """The user's options for an import."""

    label: str | None = None
    name_pattern: str | None = None
    mapping: Mapping[str, str] = field(default_factory=dict)
    """Label of the release -> one of the six emotions, or "" to skip its rows."""
    scales: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """Column (intensity or quality) -> (low, high) of its scale."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """Our column (image, emotion, ...) -> its name in the release; for kinds whose columns vary."""
    domain: str | None = None
    """"shown" or "evoked"."""

    def pattern(self) -> NamePattern | None:
        return NamePattern(self.name_pattern, aliases=ALIASES) if self.name_pattern else None


@dataclass(frozen=True)
class Record:
    """One picture with its labels and attributes from the release."""

    path: str
    """The picture's path in the source; for an embedded picture, the path to write it to."""
    where: str
    """File and line of its row."""
    id: str = ""
    """Default: the path without extension."""
    emotion: str | None = None
    label: str = ""
    """The release's original label, used to count lossy mappings."""
    intensity: float | None = None
    quality: float | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    data: bytes | None = None
    """The picture's bytes, if embedded in a table."""
    ratings: tuple[tuple[str, str, str], ...] = ()
    """Individual ratings: rater, question, value."""
    other_rows: tuple[str, ...] = ()
    """File and line of additional rows about this picture."""
    other_pictures: Mapping[str, str] = field(default_factory=dict)
    """Column -> path in the source of a further picture of this sample, such as the second of a pair."""


@dataclass(frozen=True)
class StoredReply:
    """A reply of a model that a release stores, for the judge `recorded`."""

    model: str
    sample: str
    """The id of its record."""
    text: str
    where: str
    """File and line of its row."""


class Importer(ABC):
    """Reads one kind of release, selected by name in `harness data import`. It is made without arguments."""

    name: ClassVar[str]
    summary: ClassVar[str]
    default_name: ClassVar[str] = ""
    """The default name of the data set; if empty, the name of the kind."""
    label: ClassVar[str] = ""
    """The meaning of its labels, if known: "intended" or "perceived"."""
    domain: ClassVar[str] = ""
    """Whose emotion it is, if known: "shown" or "evoked"."""
    domain_column: ClassVar[bool] = False
    """Whether every sample has its domain in a column. Off for kinds from before it, so that their digests stay."""
    takes_columns: ClassVar[tuple[str, ...]] = ()
    """Valid keys of `ImportOptions.columns`."""

    def embeds(self, source: Source) -> bool:
        """Whether the pictures of this source are embedded in tables; they are then always copied."""
        return False

    def complete(self, source: Source, options: ImportOptions) -> ImportOptions:
        """The options, with defaults specified by the release itself.

        Raises `RequestError` if the two contradict each other, or if neither specifies the meaning of the labels.
        """
        wrong = sorted(set(options.columns) - set(self.takes_columns))
        if wrong and not self.takes_columns:
            raise RequestError(
                f"{self.name} has fixed columns; --column {wrong[0]} is not supported.",
                "Omit --column.",
            )
        if wrong:
            raise RequestError(
                f"--column {wrong[0]}: there is no such column.",
                f"Valid columns: {', '.join(self.takes_columns)}.",
            )
        domain = _agreed("--domain", f"The emotions of {self.name} are", options.domain, self.domain)
        return replace(options, label=self._label_meaning(options.label, self.label), domain=domain or None)

    def _label_meaning(self, requested: str | None, known: str) -> str:
        if not _agreed("--label", f"The labels of {self.name} are", requested, known):
            raise RequestError(
                f"{self.name} does not specify whether its labels are the requested emotion or the emotion that people "
                "perceived.",
                f"Specify it: --label {' or --label '.join(LABELS)}.",
            )
        return requested or known

    @abstractmethod
    def read(self, source: Source, options: ImportOptions, report: Report) -> Iterator[Record]:
        """The records of a release; unusable rows go to `report`.

        Raises `BadData` if the source is not such a release, `RequestError` if the options do not match it.
        """

    def replies(self, source: Source, options: ImportOptions, report: Report) -> Iterator[StoredReply]:
        """The replies of models that a release stores, read after the records; unusable ones go to `report`."""
        return iter(())


def _agreed(option: str, what: str, requested: str | None, known: str) -> str:
    """What the user or the release says, "" for neither. Raises `RequestError` if they contradict each other."""
    if requested and known and requested != known:
        raise RequestError(f"{what} {known}, not {requested}.", f"Omit {option}.")
    return requested or known


class LabelParser:
    """Maps the labels of a release to the six emotions, without guessing."""

    def __init__(self, options: ImportOptions, known: Mapping[str, str] = {}) -> None:
        """`known` maps labels of the release to one of the six emotions."""
        for label, emotion in options.mapping.items():
            if emotion and emotion not in EMOTIONS:
                guess = nearest(emotion, EMOTIONS)
                raise RequestError(
                    f"--map {label}={emotion}: {emotion!r} is not one of the six emotions"
                    + (f"; did you mean {guess!r}?" if guess else "."),
                    f"Valid emotions: {', '.join(EMOTIONS)}. Leave the part after = empty to skip the label.",
                )
        self._given = {k.strip().casefold(): v for k, v in options.mapping.items()}
        self._known = {k.casefold(): v for k, v in known.items()}

    def parse(self, text: str) -> tuple[str | None, str]:
        """The emotion and ""; or None and the reason."""
        label = text.strip().strip("\"'").casefold()
        if not label:
            return None, "no label"
        if label in self._given:
            return self._given[label] or None, "" if self._given[label] else "left out by --map"
        emotion = self._known.get(label) or fold_emotion(label)
        if emotion is not None:
            return emotion, ""
        emotions = {self._emotion(part) for part in _parts(label)} - {None}
        if len(emotions) > 1:
            return None, "two labels"
        if len(emotions) == 1 and all(self._emotion(part) for part in _parts(label)):
            return emotions.pop(), ""
        return None, "unknown label"

    def _emotion(self, part: str) -> str | None:
        return self._given.get(part) or self._known.get(part) or fold_emotion(part)


def _parts(label: str) -> list[str]:
    for separator in ("/", "|", ";", "+", "&", " and ", " or ", " - ", "_"):
        label = label.replace(separator, ",")
    parts = [part.strip() for part in label.split(",") if part.strip()]
    return parts if len(parts) > 1 else label.split()
