"""The samples of a run, one line each: the raw reply and how it was parsed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.escaping import plain
from harness.exporting.sample_columns import SampleColumns
from harness.exporting.samples import SampleRow, iter_samples
from harness.tasks.answers import PROSE_ONLY


def sample_rows(path: Path, *, wrong: bool, unparsed: bool, prose: bool, failed: bool) -> Iterator[SampleRow]:
    """The rows that `harness show RUN --samples` shows: with no filter, everything; filters add up."""
    chosen = {"wrong": wrong, "unparsed": unparsed, "prose": prose, "failed": failed}
    everything = not any(chosen.values())
    return (row for row in iter_samples(path) if everything or any(chosen.get(kind) for kind in _kinds(row)))


def _kinds(row: SampleRow) -> Iterator[str]:
    """The filters that show a row."""
    yield row.state
    # A strict run counts them as unparsed.
    if row.how == "prose" or row.reason == PROSE_ONLY:
        yield "prose"


def json_lines(path: Path, rows: Iterator[SampleRow]) -> Iterator[str]:
    """A JSON object for each row, with the fields of `harness export`."""
    columns = SampleColumns.of_run(path)
    return (json.dumps(columns.record(row)) for row in rows)


def text_line(row: SampleRow) -> str:
    """A row for a terminal, escaped."""
    start = f"{row.state:<11} {row.how or '-':<8} {plain(row.sample, 34):<20} {row.task or 'generation':<17}"
    by = f" by {plain(row.judge or row.model)}" if row.question else ""
    if row.state == "failed":
        kind, message = row.failure or (row.reason, "")
        asked = f" by {plain(row.judge)}:" if row.judge else ""
        return f"{start}{asked} {plain(kind)}" + (f": {plain(message, 200)}" if message else "")
    if row.state == "undelivered":
        return f"{start} the portrait is {plain(row.reason)}{by}"
    parsed = row.reason if row.answer is None else _short(row.answer)
    truth = "-" if row.truth is None else _short(row.truth)
    return (
        f"{start} true {truth:<9} parsed {plain(parsed, 60):<9}{by}: {plain(_reply(row), 160)}{_thought(row)}"
    )


def _reply(row: SampleRow) -> str:
    if row.reply or not (row.refusal or row.scores):
        return row.reply
    return row.refusal or ", ".join(f"{option} {p:.2f}" for option, p in (row.scores or {}).items())


def _thought(row: SampleRow) -> str:
    """What the model thought before, marked as no part of the answer."""
    tokens = row.usage.get("thinking_tokens", row.usage.get("reasoning_tokens"))
    counted = f" ({tokens:g} tokens)" if isinstance(tokens, (int, float)) else ""
    return f" | thought{counted}: {plain(row.thought, 160)}" if row.thought else ""


def _short(value: Any) -> str:
    return f"{value:.2f}" if isinstance(value, float) else plain(value)
