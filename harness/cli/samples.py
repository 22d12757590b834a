"""The samples of a run, one line each: the raw reply and how it was parsed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from harness.escaping import plain
from harness.scoring.run_record import RunRecord
from harness.scoring.stored import read_stored
from harness.store.files import read_lines
from harness.store.runfolder import FAILURES, GENERATE_ONLY, read_run
from harness.tasks.answers import PROSE_ONLY, parse_reply, truth_of


def sample_lines(
    path: Path, *, wrong: bool, unparsed: bool, prose: bool, failed: bool, limit: int, as_json: bool = False
) -> Iterator[str]:
    """Lines for `harness show RUN --samples`; with no filter, everything; filters add up."""
    everything = not (wrong or unparsed or prose or failed)
    chosen = {"wrong": wrong, "unparsed": unparsed, "prose": prose}
    rows = (row for row in _answers(path) if everything or any(chosen[kind] for kind in _kinds(row)))
    lines = (json.dumps(row) if as_json else _line(row) for row in rows)
    shown = list(islice(lines, limit + 1))
    if failed or everything:
        left = max(0, limit + 1 - len(shown))
        failures = read_lines(path / FAILURES)
        shown += [json.dumps(f) if as_json else _failure(f) for f in islice(failures, left)]
    yield from shown[:limit]
    if len(shown) > limit:
        yield f"... more; --limit N shows more than {limit}"
    elif not shown:
        yield "no such samples"


def _kinds(row: Mapping[str, Any]) -> Iterator[str]:
    """The filters that show a row."""
    if row["state"] in ("wrong", "unparsed"):
        yield row["state"]
    # A strict run counts them as unparsed.
    if row["how"] == "prose" or row["reason"] == PROSE_ONLY:
        yield "prose"


def _answers(path: Path) -> Iterator[dict[str, Any]]:
    document = read_run(path)
    if document["request"]["role"] == GENERATE_ONLY:
        return
    run = RunRecord.parse(document)
    stored = read_stored(path, run.selected)
    answers = {name: spec.answer for name, spec in run.questions.items()}
    for reply, sample in stored.replies():
        answer = answers.get(reply["task"])
        if answer is None:
            continue
        shown = sample.shown.get(reply["task"], answer.options)
        mode = run.answer_modes[reply["by"]][reply["task"]]
        limit = run.max_tokens(reply["task"], reply["by"])
        parsed = parse_reply(reply, answer, shown, mode, limit)
        truth = truth_of(answer, sample)
        yield {
            "sample": reply["sample_id"],
            "task": reply["task"],
            "by": reply["by"],
            "state": _state(truth, parsed.value),
            "how": parsed.how,
            "truth": truth,
            "read": parsed.value,
            "reason": parsed.reason,
            "reply": _raw(reply),
            "shown": list(shown),
        }


def _state(truth: str | float | None, parsed: str | float | None) -> str:
    """A choice is right if it is equal to the truth; a rating, if it is off by less than half a level."""
    if parsed is None:
        return "unparsed"
    if truth is None:
        return "rated"
    close = isinstance(truth, float) and isinstance(parsed, float) and abs(truth - parsed) < 0.5
    return "right" if close or truth == parsed else "wrong"


def _raw(reply: Mapping[str, Any]) -> Any:
    return next((reply[k] for k in ("text", "rating", "scores", "refusal") if reply.get(k) is not None), None)


def _line(row: Mapping[str, Any]) -> str:
    parsed = row["reason"] if row["read"] is None else _short(row["read"])
    reply = row["reply"] if isinstance(row["reply"], str) else json.dumps(row["reply"])
    return (
        f"{row['state']:<8} {row['how'] or '-':<8} {plain(row['sample'], 34):<20} {row['task']:<17} true {_short(row['truth'] if row['truth'] is not None else '-'):<9} "
        f"parsed {plain(parsed, 60):<9} by {plain(row['by'])}: {plain(reply, 160)}"
    )


def _short(value: Any) -> str:
    return f"{value:.2f}" if isinstance(value, float) else plain(value)


def _failure(row: Mapping[str, Any]) -> str:
    return f"failed   {'-':<8} {plain(row['sample_id'], 34):<20} {row['task'] or 'generation':<17} {plain(row['error']['kind'])}: {plain(row['error']['message'], 200)}"
