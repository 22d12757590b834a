"""What is comparable: which values stand in one column, and which columns in one table."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from harness.comparing.comparable import definition, prompt_texts
from harness.ranking.folders import RankedRun
from harness.ranking.records import BoardColumn
from harness.results import TaskResult
from harness.scoring.panel import PANEL

STAGES = ("coarse", "fine", "nuance")


class Participant(NamedTuple):
    """A model under test: runs of it are the same model again."""

    model: str
    release: str
    options: str
    """As JSON: a model with other options is another one."""


@dataclass(frozen=True)
class Candidate:
    """One entry of the results of one run."""

    run: RankedRun
    task: TaskResult

    @property
    def participant(self) -> Participant:
        """Whose value it is."""
        record = self.run.record
        options = json.dumps(dict(record.model.options), sort_keys=True, default=str)
        return Participant(record.model.name, record.release or "", options)


@dataclass
class Column:
    """The values of one column by participant."""

    about: BoardColumn
    cells: dict[Participant, Candidate] = field(default_factory=dict)


def column_about(found: Candidate) -> BoardColumn:
    """What the value is: values with an equal `asked` were obtained in the same way, and stand in one column."""
    task, record = found.task, found.run.record
    main = task.primary
    assert main is not None, "only tasks with a primary metric have a column"
    spec = record.tasks[task.task]
    question = spec.primary.asks or task.task
    judges = [
        j
        for j in record.judges
        if j.name == task.judge or (task.judge == PANEL and j.name not in record.oracles)
    ]
    named = record.prompt_sets.get(task.task, ("", ""))[1] if task.role == "generator" else ""
    digest = (
        record.data.get(task.data.name, task.data.digest)
        if task.role == "judge"
        else named or task.data.digest
    )
    asked: dict[str, Any] = {
        "task": task.task, "version": task.version, "definition": definition(spec), "cluster": spec.cluster,
        "metric": [spec.primary.name, dict(spec.primary.options)], "digest": digest, "mode": task.answer_mode,
        "prompt": prompt_texts(record.questions[question], task.prompt_variant or ""), "seed": record.seed,
        "judges": [[j.name, dict(j.options), dict(j.identity)] for j in judges],
        "modes": [record.answer_modes.get(j.name, {}).get(question) for j in judges],
        # Whether answers understood from prose count is a setting of the scores.
        "prose": [s.value for s in task.settings if s.name.endswith("answers from prose")],
    }  # fmt: skip
    text = json.dumps(asked, sort_keys=True, default=str)
    return BoardColumn(
        task=task.task, version=task.version, stage=task.stage, role=task.role, data=task.data.name, digest=digest,
        judge=task.judge, prompt_variant=task.prompt_variant, answer_mode=task.answer_mode, seed=record.seed,
        domain=task.domain, data_domain=task.data.domain, asked=hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:16], metric=main.name, direction=main.direction,
    )  # fmt: skip


def columns_of(candidates: Iterable[Candidate]) -> tuple[list[Column], list[str]]:
    """The columns, each with the newest value of each participant, and notes on the older ones."""
    columns: dict[str, Column] = {}
    several: dict[tuple[str, Participant], list[Candidate]] = {}
    for found in candidates:
        about = column_about(found)
        columns.setdefault(about.asked, Column(about))
        several.setdefault((about.asked, found.participant), []).append(found)
    superseded: dict[tuple[str, str], list[str]] = {}
    for (asked, participant), runs in several.items():
        newest, *others = sorted(runs, key=_age, reverse=True)
        columns[asked].cells[participant] = newest
        for other in others:
            pair = (str(other.run.path), str(newest.run.path))
            superseded.setdefault(pair, []).append(columns[asked].about.task)
    notes = [
        f"{old} is left out for {', '.join(dict.fromkeys(tasks))}: {new} is a newer run of the same model and release"
        for (old, new), tasks in superseded.items()
    ]
    return list(columns.values()), notes


def _age(found: Candidate) -> tuple[bool, str, bool, str]:
    """Sorts the runs of one model: those that can be ranked last, then by age, a run after a baseline made of it."""
    return (not found.run.marks, found.run.record.created, not found.run.baseline, str(found.run.path))


def tables_of(columns: Sequence[Column]) -> list[list[Column]]:
    """Columns in tables, joined where they have a model in common.

    A table is about one role, judge and domain. Of judges it is about one set of data; generator tasks each have prompts of their own.
    """
    tables: list[list[Column]] = []
    for column in columns:
        mine = [
            table
            for table in tables
            if _subject(table[0].about) == _subject(column.about)
            and any(not column.cells.keys().isdisjoint(other.cells) for other in table)
        ]
        joined = [other for table in mine for other in table] + [column]
        tables = [table for table in tables if not any(table is m for m in mine)] + [joined]
    number = {column.about.asked: k for k, column in enumerate(columns)}
    return [sorted(table, key=lambda c: (_stage(c.about), number[c.about.asked])) for table in tables]


def _subject(about: BoardColumn) -> tuple[str, str | None, str, str]:
    return (about.role, about.judge, about.digest if about.role == "judge" else "", about.domain)


def _stage(about: BoardColumn) -> int:
    return STAGES.index(about.stage) if about.stage in STAGES else len(STAGES)
