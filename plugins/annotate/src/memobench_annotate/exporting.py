"""Writes what people said: ratings.csv for the harness, raters.csv and answers.csv for people."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path

from harness import StorageError
from memobench_annotate.records import Rater
from memobench_annotate.results import every_answer, rejections, rows, verdicts
from memobench_annotate.screening import Verdict
from memobench_annotate.study import DATA, Study
from memobench_annotate.tables import csv_text

RATINGS, RATERS, ANSWERS = "ratings.csv", "raters.csv", "answers.csv"
_VERDICT = (
    "rater", "state", "language", "answers", "attention_passed", "attention_failed", "gold_right", "gold_asked", "repeats_equal",
    "repeats_asked", "median_ms", "agreement_p", "verdict", "reasons",
)  # fmt: skip
_ANSWER = ("rater", "task", "id", "part", "session", "position", "value", "ms", "time", "changes")

Cell = str | int | float | None


def export(study: Study) -> list[Path]:
    """Write ratings.csv (kept raters only) into the study's data, and raters.csv and answers.csv (everybody) beside it.

    Each file appears whole, in place of that of an earlier export. Returns their paths. Raises `StorageError`.
    """
    ratings = [(o.sample, o.rater, o.question, _plain(o.value)) for o in rows(study)]
    files = {
        study.folder / DATA / RATINGS: _table(("id", "rater", "question", "value"), ratings),
        study.folder / RATERS: _table(*_raters(study), safe=True),
        study.folder / ANSWERS: _table(_ANSWER, _answers(study), safe=True),
    }
    for path, text in files.items():
        _write(path, text)
    return list(files)


def _raters(study: Study) -> tuple[list[str], list[list[Cell]]]:
    found, rejected = verdicts(study), rejections(study)
    header = [*_VERDICT, *(f"bt500_{question}" for question in rejected)]
    lines = []
    for person in study.store.raters():
        if person.id not in found:  # joined a moment ago
            continue
        verdict = found[person.id]
        off: list[Cell] = [
            ("rejected" if person.name in names else "kept") if not verdict.excluded else ""
            for names in rejected.values()
        ]
        lines.append([*_verdict(person, verdict), *off])
    return header, lines


def _verdict(person: Rater, verdict: Verdict) -> list[Cell]:
    figures = verdict.figures
    asked, failed = figures.get("attention_asked") or 0, figures.get("attention_failed") or 0
    names = ("gold_right", "gold_asked", "repeats_equal", "repeats_asked", "median_ms", "p")
    return [
        person.name,
        person.state,
        person.language,
        figures.get("answers"),
        asked - failed,
        failed,
        *(figures.get(name) for name in names),
        verdict.word,
        "; ".join(verdict.reasons),
    ]


def _answers(study: Study) -> Iterator[list[Cell]]:
    for name, row in every_answer(study):
        question = study.questions[row.question]
        when = datetime.fromtimestamp(row.answered, timezone.utc).isoformat(timespec="seconds")
        yield [
            name, question.task, question.sample_id, row.part, row.session, row.position, row.value, row.ms, when, row.changes,
        ]  # fmt: skip


def _table(header: Sequence[str], lines: Iterable[Iterable[Cell]], *, safe: bool = False) -> str:
    return csv_text(([_plain(cell) for cell in line] for line in (header, *lines)), safe=safe)


def _plain(value: Cell) -> str:
    if isinstance(value, float):
        return f"{value:.12g}"
    return "" if value is None else str(value)


def _write(path: Path, text: str) -> None:
    aside = None
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            aside = Path(file.name)
            file.write(text.encode("utf-8", "surrogatepass"))
            file.flush()
            os.fsync(file.fileno())
        os.replace(aside, path)
    except OSError as e:
        if aside is not None:
            with suppress(OSError):
                aside.unlink()
        raise StorageError(
            f"{path} cannot be written: {e.strerror or e}.", "Free room, or check the permissions."
        ) from e
