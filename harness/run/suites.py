"""Which tasks of a suite the judge and the data allow; the others are omitted, with the reason."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from harness.datasets import DataFolder
from harness.errors import RequestError
from harness.tasks.answers import has_truth
from harness.tasks.catalog import ResolvedTask
from harness.tasks.each import each_emotion
from harness.tasks.pairing import make_pairs, no_pairs
from harness.tasks.spec import TaskSpec

KNOWN = 0.9
"""Share of a column's labels that a task's own vocabulary must have for a suite to ask it: else the data have another one."""
Fitting = tuple[tuple[ResolvedTask, ...], tuple[str, ...]]
"""The tasks that are asked, and a note for each that is omitted."""


def answerable(tasks: Sequence[ResolvedTask], check: Callable[[TaskSpec], object]) -> Fitting:
    """The tasks that pass `check`. Raises its `RequestError` for a task that was named, or if none is left."""
    left, notes, refused = [], [], None
    for task in tasks:
        try:
            check(task.spec)
            left.append(task)
        except RequestError as e:
            if not task.suite:
                raise
            refused = e
            notes.append(f"{task.spec.name} is omitted from {task.suite}: {e.message}")
    if refused is not None and not left:
        raise refused
    return tuple(left), tuple(notes)


def labelled(tasks: Sequence[ResolvedTask], data: Sequence[DataFolder], seed: int) -> Fitting:
    """The tasks whose label and domain the data have; all of them where the data have none of these."""
    found = [not task.suite or any(_fits(task.spec, folder, seed) for folder in data) for task in tasks]
    if not any(found):
        return tuple(tasks), ()
    names = ", ".join(folder.name for folder in data)
    notes = (
        f"{task.spec.name} is omitted from {task.suite}: {_lacking(task.spec, data[0], names)}"
        for task, here in zip(tasks, found, strict=True)
        if not here
    )
    return tuple(t for t, here in zip(tasks, found, strict=True) if here), tuple(notes)


def _fits(spec: TaskSpec, data: DataFolder, seed: int) -> bool:
    return spec.domain == data.domain and has_label(spec, data, seed) and known_share(spec, data) >= KNOWN


def known_share(spec: TaskSpec, data: DataFolder) -> float:
    """Which share of the labels of a column are in the task's vocabulary of its own; 1 without one."""
    truth = spec.answer.truth if spec.answer else None
    if truth is None or not truth.vocabulary:
        return 1.0
    labels = [label for s in data.samples if (label := s.attributes.get(truth.field))]
    return sum(truth.label(label) is not None for label in labels) / max(len(labels), 1)


def _lacking(spec: TaskSpec, data: DataFolder, names: str) -> str:
    if spec.domain != data.domain:
        return f"it asks about {spec.domain} emotion, and {names} is about {data.domain} emotion."
    if spec.pairs is not None:
        return no_pairs(spec, names) + "."
    if (share := known_share(spec, data)) < KNOWN and spec.answer is not None:
        return f"its vocabulary has only {share:.0%} of the labels of {data.name} in the column {spec.answer.truth.field}."
    return f"no sample of {names} has what it asks for: {needed(spec)}."


def needed(spec: TaskSpec) -> str:
    """The column, or columns, that a task takes its truth from."""
    assert spec.answer is not None, "tasks of a judge have an answer"
    if spec.each is not None:
        return spec.each.column
    return " and ".join(filter(None, (spec.answer.truth.field, spec.answer.statement)))


def has_label(spec: TaskSpec, data: DataFolder, seed: int) -> bool:
    """Whether some sample, or two of them, can be asked about."""
    if spec.pairs is not None:
        return next(iter(make_pairs(data.samples, spec.pairs, spec.cluster, seed)), None) is not None
    if spec.each is not None and spec.answer is not None:
        answer, each = spec.answer, spec.each
        return any(True for s in data.samples for _ in each_emotion(s, each, answer, spec.name))
    return any(has_truth(spec, sample) for sample in data.samples)
