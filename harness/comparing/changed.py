"""The samples on which runs differ: newly right and newly wrong."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np

from harness.comparing.loaded import LoadedRun
from harness.comparing.records import ChangedSample
from harness.comparing.shared import SharedRows
from harness.scoring.rows import Rows

_CHANGES: tuple[tuple[Literal["newly right", "newly wrong"], bool], ...] = (
    ("newly wrong", True),
    ("newly right", False),
)


def changed_samples(shared: SharedRows, runs: Sequence[LoadedRun]) -> Iterator[ChangedSample]:
    """The samples that only the first or only another run has right, newly wrong ones first."""
    key = shared.key
    first = shared.rows[0]
    right = [np.array([is_right(rows, i) for i in range(len(shared.units))]) for rows in shared.rows]
    for change, before in _CHANGES:
        for number, rows in enumerate(shared.rows[1:], 1):
            for i in np.flatnonzero((right[0] == before) & (right[number] != before)).tolist():
                yield ChangedSample(
                    task=key.task,
                    data=key.data,
                    judge=key.judge or None,
                    prompt_variant=key.variant or None,
                    sample=shared.units[i][0],
                    repeat=shared.units[i][1],
                    run=runs[number].record.name,
                    change=change,
                    truth=str(first.truths[i]),
                    before=answer_text(first, i),
                    after=answer_text(rows, i),
                )


def is_right(rows: Rows, row: int) -> bool:
    """A choice is right if it is the truth; a rating, if it is off by less than half a level."""
    predicted, truth = rows.predicted[row], rows.truths[row]
    if math.isnan(predicted) or truth is None:
        return False
    if isinstance(truth, str):
        return rows.answer.options[int(predicted)] == truth
    return abs(predicted - truth) < 0.5


def answer_text(rows: Rows, row: int) -> str:
    """What was answered; the reason in brackets where it is unparsed or there is no answer."""
    predicted, reason = rows.predicted[row], rows.reasons[row]
    if math.isnan(predicted):
        return f"({reason or 'not delivered'})"
    return rows.answer.options[int(predicted)] if rows.answer.scored == "choice" else f"{predicted:.3g}"
