"""The records of Every Eval Ever: one for each question, with what was asked, replied, read and scored.

What the format has no field for:

- Its score is a number that must exist. A choice scores 1 or 0; a reply that cannot be parsed is wrong, as in the metrics.
  A rating scores the metric that it enters: its absolute error in levels, or the rating itself where the task reports no
  error. A rating that was not obtained scores the largest error that the scale allows, and refers to no aggregate value,
  since it entered none.
- `is_correct` of a rating says that it is off by less than half a level.
- An unparsed reply has an empty `extracted_value` and the reason as `error`; a question without a reply, the failure.
- Pictures have no field: the prompt has `<image>` in their place and ends with their digest, so that `sample_hash` tells
  pictures apart; metadata has the file and the digest.
- Of a generator run the input is the prompt of the portrait and the output the portrait's file; the judge's reply and what
  it was asked are in metadata, and the answer is attributed to the judge.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

from harness.exporting.eee_aggregate import SCHEMA, evaluation_name, result_id
from harness.exporting.eee_identity import Identity
from harness.exporting.eee_metrics import mean_of_rows
from harness.exporting.sample_row import SampleRow
from harness.exporting.source import ExportSource
from harness.results import TaskResult

METHODS = {
    "logprobs": "log-probabilities of the options",
    "rating": "number given by the judge",
    "choice": "guided decoding",
    "reasoned": "a thought, then the options alone",
}


def instances(source: ExportSource, identity: Identity) -> Iterator[dict[str, Any]]:
    """The records, streamed in the order of `ExportSource.samples`."""
    for row in source.samples():
        yield _record(source, identity, row)


def _record(source: ExportSource, identity: Identity, row: SampleRow) -> dict[str, Any]:
    task = source.task_of(row)
    metric, score = _score(source, row, task)
    raw = _asked(source, row)
    reference = [] if row.truth is None else [_text(row.truth)]
    record: dict[str, Any] = {
        "schema_version": SCHEMA,
        "evaluation_id": identity.evaluation_id,
        "model_id": identity.model_info["id"],
        "evaluation_name": evaluation_name(task) if task else row.task or "portraits",
        "sample_id": row.sample,
        "sample_hash": _hash(raw, reference),
        "interaction_type": "single_turn",
        "input": {"raw": raw, "formatted": None, "reference": reference, "choices": list(row.shown) or None},
        "output": {"raw": _replied(source, row)},
        "messages": None,
        "answer_attribution": [_attribution(source, row)],
        "evaluation": {"score": score, "is_correct": row.state == "right"},
        # What the judge used is not what the generator used.
        "token_usage": None if source.generates else _tokens(row),
        "performance": None if source.generates else _performance(row),
        "error": _error(row),
        "metadata": _metadata(source, row),
    }
    if metric is not None and task is not None:
        record["evaluation_result_id"] = result_id(task, metric)
    return record


def _score(source: ExportSource, row: SampleRow, task: TaskResult | None) -> tuple[str | None, float]:
    """The metric of which the answer's score is a part, if it enters one, and the score."""
    spec = source.record.questions.get(row.question)
    if spec is None or spec.answer is None or task is None:
        return None, 0.0
    kind = spec.answer.kind
    reported = [m.name for m in task.metrics if source.asked_by(task, m.name) == row.question and not m.group]
    metric = mean_of_rows(kind, reported)
    if kind != "rating":
        # A portrait that was blocked shows nothing, which counts; a request that failed says nothing of the model.
        counts = row.state in ("right", "wrong", "unparsed", "undelivered")
        return metric if counts else None, float(row.state == "right")
    if metric == "mean_rating":
        read = float(row.answer) if row.answer is not None else None
        return (None, 0.0) if read is None else (metric, read)
    if row.error is not None:
        return metric, abs(row.error)
    low, high = spec.answer.low, spec.answer.low + len(spec.answer.options) - 1
    if not isinstance(row.truth, float):
        return None, high - low
    return None, max(row.truth - low, high - row.truth)


def _asked(source: ExportSource, row: SampleRow) -> str:
    if source.generates:
        return source.portrait_prompt(row)
    asked = source.question(row)
    return f"{asked}\n[sha256 of what was shown] {row.digest}" if row.digest else asked


def _replied(source: ExportSource, row: SampleRow) -> list[str]:
    if source.generates:
        return [f"{row.picture} sha256:{row.digest}"] if row.picture and row.digest else []
    reply = _reply(row)
    return [reply] if reply or row.state != "failed" else []


def _reply(row: SampleRow) -> str:
    """The text of the reply, else the refusal, else the probabilities that stand for it."""
    if row.reply or row.refusal:
        return row.reply or row.refusal
    return json.dumps(dict(row.scores)) if row.scores else ""


def _attribution(source: ExportSource, row: SampleRow) -> dict[str, Any]:
    method = METHODS.get(row.answer_mode, f"{row.answer_mode}, {row.how}" if row.how else row.answer_mode)
    judged = f"llm_judge: {method}" if source.generates else method
    return {
        "turn_idx": 0,
        "source": f"judge {row.judge}" if source.generates else "output.raw",
        "extracted_value": "" if row.answer is None else _text(row.answer),
        "extraction_method": judged or "none",
        "is_terminal": True,
    }


def _error(row: SampleRow) -> str | None:
    if row.state in ("unparsed", "undelivered"):
        return f"{row.state}: {row.reason}"
    if row.state != "failed":
        return None
    return f"failed: {': '.join(row.failure)}" if row.failure else f"failed: {row.reason}"


def _metadata(source: ExportSource, row: SampleRow) -> dict[str, str]:
    fields: dict[str, Any] = {
        "task": row.task,
        "question": row.question,
        "data": row.data,
        "prompt_variant": row.prompt_variant,
        "repeat": row.repeat,
        "judge": row.judge,
        "order": row.order,
        "state": row.state,
        "read_as": row.read_as,
        "reason": row.reason,
        "answer_mode": row.answer_mode,
        "outcome": row.outcome,
        "emotion": row.emotion,
        "intensity": row.intensity,
        "quality": row.quality,
        "error_in_levels": row.error,
        "probabilities": json.dumps(dict(row.scores)) if row.scores else None,
        "picture": row.picture,
        "second_picture": row.second_picture,
        "sha256": row.digest,
    }
    if source.generates:
        fields |= {"judge_prompt": source.question(row), "judge_reply": _reply(row)}
    fields |= {f"usage.{name}": value for name, value in row.usage.items()}
    fields |= {f"attribute.{name}": value for name, value in row.attributes.items()}
    return {name: _text(value) for name, value in fields.items() if value not in (None, "")}


def _tokens(row: SampleRow) -> dict[str, int] | None:
    given = row.usage.get("prompt_tokens"), row.usage.get("completion_tokens")
    if given[0] is None or given[1] is None:
        return None
    read, written = int(given[0]), int(given[1])
    found = {"input_tokens": read, "output_tokens": written, "total_tokens": read + written}
    for name in ("reasoning_tokens", "thinking_tokens"):
        if name in row.usage:
            found["reasoning_tokens"] = int(row.usage[name])
    return found


def _performance(row: SampleRow) -> dict[str, float] | None:
    seconds = row.timings.get("seconds")
    return None if seconds is None else {"latency_ms": 1000 * seconds}


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) and value.is_integer() else str(value)


def _hash(raw: str, reference: list[str]) -> str:
    together = json.dumps({"raw": raw, "reference": reference}, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(together.encode()).hexdigest()
