"""What the answers of people say: agreement, the ceiling that one person reaches, mean opinion scores."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from harness.datasets.ratings import Answers, Rating, collect
from harness.results import HumanAgreement
from harness.scoring.human import compared_samples, describe, rating_columns
from harness.types import Sample


class Opinion(NamedTuple):
    """A row of ratings.csv."""

    sample: str
    rater: str
    question: str
    """emotion, intensity or quality"""
    value: str | float


def agreement(rows: Iterable[Opinion], samples: Iterable[Sample]) -> dict[str, HumanAgreement]:
    """Question -> how far people agree on the samples, and the ceiling that one person reaches, as `harness data people`."""
    known = list(samples)
    return {
        question: describe(given, compared_samples(given, known))
        for question, given in _answers(rows).items()
        if len(given)
    }


def opinion_columns(rows: Iterable[Opinion]) -> Mapping[str, Mapping[str, float]]:
    """Sample -> mean, MOS with its standard error and number of raters of each rating, and the votes for each emotion.

    The columns are those of `harness data people --out`. Raters that ITU-R BT.500 rejects are left out of ratings.
    """
    return rating_columns({question: given for question, given in _answers(rows).items() if len(given)})


def _answers(rows: Iterable[Opinion]) -> Answers:
    return collect(
        Rating(line, row.sample, row.rater, row.question, str(row.value))
        for line, row in enumerate(rows, start=2)
    )
