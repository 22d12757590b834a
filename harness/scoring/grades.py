"""How far each option of a choice is true of a sample: from columns of the data, or the votes of people."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from harness.arrays import Floats
from harness.datasets.ratings import RaterAnswers
from harness.scoring.stored import StoredSample
from harness.tasks.answer_form import VOTES, Answer
from harness.types import EMOTIONS

Votes = Mapping[str, Sequence[float]]
"""Sample id -> how many people named each option."""


def grades_of(answer: Answer, samples: Sequence[StoredSample], votes: Votes) -> Floats | None:
    """The grades of samples, shape (n, options), NaN where there is none; None where the task has none."""
    if not answer.truth.grades:
        return None
    nothing = [math.nan] * len(answer.options)
    if answer.truth.grades == VOTES:
        found = [votes.get(sample.id, nothing) for sample in samples]
    else:
        found = [[_number(sample.attributes, names) for names in answer.grade_columns] for sample in samples]
    return np.array(found, np.float64).reshape(-1, len(answer.options))


def _number(attributes: Mapping[str, str], names: Sequence[str]) -> float:
    text = next((attributes[name] for name in names if attributes.get(name)), "")
    try:
        number = float(text)
    except ValueError:
        return math.nan
    return number if math.isfinite(number) else math.nan


def votes_for(answer: Answer, given: RaterAnswers | None) -> Votes:
    """What people said, as votes for the options that the task maps emotions to."""
    if given is None:
        return {}
    truth, place = answer.truth, {option: k for k, option in enumerate(answer.options)}
    options = [
        -1 if emotion in truth.leave_out else place.get(truth.mapping.get(emotion, emotion), -1)
        for emotion in EMOTIONS
    ]
    code = np.array(options, np.int64)[np.array(given.value, np.float64).astype(np.int64)]
    sample, used = np.array(given.sample, np.int64), code >= 0
    size = len(given.samples) * len(place)
    counts = np.bincount(sample[used] * len(place) + code[used], minlength=size).reshape(-1, len(place))
    return {name: counts[at].tolist() for name, at in given.samples.items() if counts[at].any()}
