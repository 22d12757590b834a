"""Samples of an Inspect log: what was asked, replied and read, with a score for each question."""

from __future__ import annotations

import base64
import mimetypes
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from inspect_ai.log import EvalError, EvalSample
from inspect_ai.model import (
    ChatCompletionChoice,
    ChatMessage,
    ChatMessageAssistant,
    ChatMessageSystem,
    ChatMessageUser,
    Content,
    ContentImage,
    ContentText,
    ModelOutput,
    ModelUsage,
)
from inspect_ai.scorer import CORRECT, INCORRECT, NOANSWER, Score

from harness import ExportSource, Message, SampleRow, TaskResult

READ = {"declared": "declared by the reply", "prose": "understood from a sentence"}
NOT_ASKED = "not asked"


def model_name(name: str) -> str:
    """A model as Inspect names it: PROVIDER/MODEL where the harness says PLUGIN:MODEL."""
    return name.replace(":", "/", 1)


class SampleWriter:
    """Makes the samples of one log."""

    def __init__(self, source: ExportSource, task: TaskResult, log_id: str, *, embed: bool) -> None:
        self.source, self.task, self.log_id, self.embed = source, task, log_id, embed
        self.model = model_name(source.results.run.model)

    def sample(self, rows: Sequence[SampleRow]) -> EvalSample:
        """The sample of the rows about one picture, pair or portrait, in one repeat."""
        first = rows[0]
        asked = self._asked(first)
        output = self._portrait(first) if self.source.generates else self._reply(first)
        failed = [row for row in rows if row.state == "failed"]
        used = self._usage(rows)
        return EvalSample(
            id=first.sample,
            epoch=first.repeat + 1,
            # Data frames take samples with one id for the same sample.
            uuid=f"{self.log_id}/{first.sample}/{first.repeat}",
            input=asked,
            choices=list(first.shown) or None,
            target=self._target(rows),
            messages=[*asked, output.choices[0].message] if output.choices else asked,
            output=output,
            scores={row.question: self._score(row) for row in rows if row.state != "failed"} or None,
            metadata=_metadata(rows),
            model_usage=self.usage_of(self.task.judge or self.source.results.run.model, used),
            total_time=sum(row.timings.get("seconds", 0.0) for row in rows) or None,
            error=_error(failed[0]) if failed else None,
        )

    def usage_of(self, who: str, used: Mapping[str, float]) -> dict[str, ModelUsage]:
        """What a participant used; empty where it does not say."""
        return {model_name(who): _tokens(used)} if used else {}

    def _usage(self, rows: Sequence[SampleRow]) -> dict[str, float]:
        total: dict[str, float] = {}
        for row in rows:
            for name, value in row.usage.items():
                total[name] = total.get(name, 0) + value
        return total

    def _target(self, rows: Sequence[SampleRow]) -> str | list[str]:
        truths = [_text(row.truth) for row in rows if row.truth is not None]
        return truths[0] if len(truths) == 1 else truths or ""

    def _asked(self, row: SampleRow) -> list[ChatMessage]:
        if self.source.generates:
            return [ChatMessageUser(content=self.source.portrait_prompt(row))]
        pictures = self.source.pictures(row)
        named = [name for name in (row.picture, row.second_picture) if name]
        return [self._message(message, named, pictures, row.digest) for message in self.source.messages(row)]

    def _message(
        self, message: Message, named: Sequence[str], files: Sequence[Path], digest: str
    ) -> ChatMessage:
        parts: list[Content] = []
        for part in message.parts:
            if part.image is None:
                parts.append(ContentText(text=part.text))
            else:
                name = named[part.image] if part.image < len(named) else ""
                file = files[part.image] if part.image < len(files) else None
                parts.append(self._picture(name, file, digest))
        return (
            ChatMessageSystem(content=parts) if message.role == "system" else ChatMessageUser(content=parts)
        )

    def _picture(self, name: str, file: Path | None, digest: str) -> Content:
        """A picture, or what says which one it was. The digest of a pair is that of both."""
        if self.embed and file is not None and file.is_file():
            kind = mimetypes.guess_type(file.name)[0] or "image/png"
            return ContentImage(image=f"data:{kind};base64,{base64.b64encode(file.read_bytes()).decode()}")
        return ContentText(text=f"[picture {name or 'unknown'}, sha256 {digest or 'unknown'}]")

    def _reply(self, row: SampleRow) -> ModelOutput:
        if row.state == "failed":
            return ModelOutput(model=self.model)
        reason = "content_filter" if row.refusal else "stop"
        if row.reason.startswith("cut off"):
            reason = "max_tokens"
        return ModelOutput(
            model=self.model,
            choices=[self._said(row.reply or row.refusal, reason)],
            usage=_tokens(row.usage) if row.usage else None,
            time=row.timings.get("seconds"),
        )

    def _portrait(self, row: SampleRow) -> ModelOutput:
        """The portrait as the output of the generator under test."""
        if row.outcome != "ok" or not row.picture:
            reason = "content_filter" if row.outcome == "blocked" else "unknown"
            return ModelOutput(
                model=self.model, choices=[self._said(f"[{row.outcome or 'no portrait'}]", reason)]
            )
        files = self.source.pictures(row)
        picture = self._picture(row.picture, files[0] if files else None, row.digest)
        return ModelOutput(model=self.model, choices=[self._said([picture], "stop")])

    def _said(self, content: str | list[Content], reason: str) -> ChatCompletionChoice:
        message = ChatMessageAssistant(content=content, model=self.model, source="generate")
        return ChatCompletionChoice(message=message, stop_reason=reason)

    def _score(self, row: SampleRow) -> Score:
        """A choice is correct, incorrect or not answered; a rating is its number, and unscored without one."""
        about: dict[str, Any] = {"state": row.state, "truth": row.truth, "answer_mode": row.answer_mode}
        if row.error is not None:
            about["error"] = row.error
        if row.scores:
            about["probabilities"] = dict(row.scores)
        if self.source.generates:
            about |= {"judge": row.judge, "judge_reply": row.reply or row.refusal}
            about["judge_prompt"] = self.source.question(row)
        given = {
            "answer": None if row.answer is None else _text(row.answer),
            "explanation": _explanation(row),
            "metadata": about,
        }
        if self.source.kind(row.question) == "rating":
            if row.answer is None:
                return Score.unscored(reason=row.reason, **given)
            return Score(value=float(row.answer), **given)
        value = {"right": CORRECT, "wrong": INCORRECT}.get(row.state, NOANSWER)
        return Score(value=value, **given)


def _explanation(row: SampleRow) -> str:
    """How the answer was read, or why there is none."""
    if row.answer is None:
        return f"{row.state}: {row.reason}"
    how = READ.get(row.how, row.how)
    return f"{how} ({row.answer_mode})" if row.answer_mode else how


def _metadata(rows: Sequence[SampleRow]) -> dict[str, Any]:
    first = rows[0]
    found: dict[str, Any] = {
        "emotion": first.emotion,
        "intensity": first.intensity,
        "quality": first.quality,
        "picture": first.picture,
        "second_picture": first.second_picture,
        "sha256": first.digest,
        "order": first.order,
        "outcome": first.outcome,
        **first.attributes,
    }
    return {name: value for name, value in found.items() if value not in (None, "")}


def _error(row: SampleRow) -> EvalError:
    message = f"{row.failure[0]}: {row.failure[1]}" if row.failure else NOT_ASKED
    return EvalError(message=message, traceback=message, traceback_ansi=message)


def _tokens(used: Mapping[str, float]) -> ModelUsage:
    read, written = int(used.get("prompt_tokens", 0)), int(used.get("completion_tokens", 0))
    reasoning = used.get("reasoning_tokens")
    return ModelUsage(
        input_tokens=read,
        output_tokens=written,
        total_tokens=read + written,
        reasoning_tokens=None if reasoning is None else int(reasoning),
        total_cost=used.get("cost"),
    )


def _text(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:g}"
