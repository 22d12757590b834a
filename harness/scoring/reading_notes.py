"""Notes on how replies were read: values without answers from prose, and replies that were cut off."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from harness.metrics.interval import point
from harness.metrics.unparsed import entering, leaves_out, worst_case
from harness.results import BOUND, MetricValue
from harness.scoring.rows import Rows
from harness.scoring.run_record import ParticipantRecord
from harness.scoring.score_rows import make_metric, scores_for
from harness.tasks.answers import CUT_OFF
from harness.tasks.spec import MetricSpec

NOTED = 0.05
"""Share of answers understood from prose above which results say what the value is without them."""


@dataclass(frozen=True)
class Read:
    """The replies to one question, and the answer mode in which they were obtained."""

    rows: Rows
    mode: str
    cluster: str


def prose_notes(read: Read, metric: MetricSpec, found: MetricValue | None) -> list[str]:
    """Says what a metric is with prose counted as unparsed, where much of it is; `found` is its value with prose."""
    counts, answer = read.rows.read_as, read.rows.answer
    answers = counts.declared + counts.prose
    if counts.prose <= NOTED * answers:
        return []
    made = make_metric(metric)
    scores = scores_for(read.rows.without_prose(), made, read.cluster)
    value, n = point(made, scores), int(entering(made, scores).sum())
    without = "left out" if leaves_out(made, scores) else "counted as unparsed"
    would = f"{without}, {metric.name} would not exist"
    if value is not None:
        instead = "" if found is None or found.value is None else f" instead of {found.value:.3f}"
        would = f"{without}, {metric.name} would be {value:.3f}{instead} (n {n})"
        case = worst_case(made, scores)
        bound = None if case is None else point(*case)
        would += "" if bound is None else f", {metric.name}{BOUND} {bound:.3f}"
    avoid = ""
    if read.mode == "choice":
        avoid = "the server does not hold the judge to the options; "
    elif "choice" in answer.read:
        avoid = "`harness run --read choice` avoids the question where the judge supports it, "
    return [
        f"{counts.prose} of {answers} answers ({counts.prose / answers:.0%}) were understood from prose; {would}; "
        f"{avoid}`harness score --strict` counts them as unparsed"
    ]


def cut_off_notes(reasons: Mapping[str, int], judge: ParticipantRecord, *, under_test: bool) -> list[str]:
    """Names the option that gives replies more tokens, where some were cut off before they declared an answer."""
    count = sum(number for reason, number in reasons.items() if reason.startswith(CUT_OFF))
    if not count:
        return []
    more = "max_tokens in the table [sampling] of the task file"
    if "max_tokens" in judge.options:
        own = "-o max_tokens=N" if under_test else f"`harness run --judge-option {judge.name}.max_tokens=N`"
        more = f"{own}, or {more}"
    replies = "reply was" if count == 1 else "replies were"
    return [f"{count} {replies} cut off before declaring an answer: {more}, allows longer ones"]
