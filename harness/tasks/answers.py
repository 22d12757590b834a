"""Parses stored replies in the recorded answer mode, and finds the correct answer for a sample."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple, Protocol

from harness.parsing import Parsed, Unparsed, read_choice, read_pair, read_rating
from harness.tasks.answer_form import LABELS as LABELS
from harness.tasks.finish_reasons import ending
from harness.tasks.prompts import shown_labels
from harness.tasks.spec import Answer, TaskSpec

PROSE_ONLY = "understood from prose only"
"""The reason of a reply that is unparsed because the task, or the run, accepts declared answers alone."""
SERVER_ERROR = "the server reported an error"
CUT_OFF = "cut off"
"""Begins the reasons of replies that reached their limit of tokens before they declared an answer."""
How = Literal["declared", "prose", ""]


class ParsedReply(NamedTuple):
    """The result of parsing one reply: an option or a number, or the reason why it could not be parsed."""

    value: str | float | None
    reason: str = ""
    probabilities: Sequence[float] | None = None
    """One per option of the answer, in order; 0 for an option that was not shown."""
    how: How = ""
    """Whether the answer was declared (an option, a field, a number) or understood from a sentence; "" if unparsed."""


class Labelled(Protocol):
    """Anything with labels: a sample from a data set or from a run folder."""

    @property
    def emotion(self) -> str | None: ...
    @property
    def intensity(self) -> float | None: ...
    @property
    def quality(self) -> float | None: ...
    @property
    def attributes(self) -> Mapping[str, str]: ...


def truth_of(answer: Answer, sample: Labelled) -> str | float | None:
    """The correct answer for a sample; None if the task does not apply to it."""
    truth = answer.truth
    if sample.emotion in truth.leave_out or (answer.statement and not statement_of(answer, sample)):
        return None
    field = truth.field
    value = getattr(sample, field) if field in LABELS else sample.attributes.get(field)
    if value is None or value == "":
        return None
    if answer.kind == "rating":
        try:
            number = float(value)
        except ValueError:
            return None
        return _on_scale(answer, number) if math.isfinite(number) else None
    label = truth.label(f"{value:g}" if isinstance(value, float) else str(value))
    mapped = None if label is None else truth.mapping.get(label, label)
    return mapped if mapped in (answer.contrast or answer.options) else None


def statement_of(answer: Answer, sample: Labelled) -> str:
    """The text that the question is about; empty where there is none."""
    return sample.attributes.get(answer.statement, "") if answer.statement else ""


def _on_scale(answer: Answer, number: float) -> float:
    given, scale = answer.truth.scale, answer.scale
    if given is None or scale is None:
        return number
    return scale.low + (number - given[0]) / (given[1] - given[0]) * (scale.high - scale.low)


def has_truth(spec: TaskSpec, sample: Labelled) -> bool:
    """Whether a sample has the label that a task needs."""
    return spec.answer is not None and truth_of(spec.answer, sample) is not None


def rates_unlabelled(answer: Answer, sample: Labelled) -> bool:
    """Whether a generated portrait without a correct answer is still rated: mean ratings do not need one."""
    return answer.kind == "rating" and sample.emotion not in answer.truth.leave_out


def without_prose(spec: TaskSpec) -> TaskSpec:
    """The task with answers that are understood from prose counted as unparsed."""
    if spec.answer is None:
        return spec
    return spec.model_copy(update={"answer": spec.answer.model_copy(update={"prose": "unparsed"})})


def parse_reply(
    reply: Mapping[str, Any], answer: Answer, shown: Sequence[str], mode: str, max_tokens: int | None = None
) -> ParsedReply:
    """Parse a reply record in the answer mode `mode`. Never guesses: a reply that cannot be parsed gets a reason instead of a value.

    `max_tokens`, the limit of tokens, is named for a reply that was cut off and does not say how many tokens it has.
    """
    finish = reply.get("finish_reason")
    end = None if finish is None or finish == "stop" else ending(finish)
    if reply.get("refusal") or end == "filtered":
        return ParsedReply(None, "refused")
    if end == "failed":
        return ParsedReply(None, SERVER_ERROR)
    if mode == "logprobs" or (mode == "reasoned" and reply.get("scores") is not None):
        return _from_scores(reply.get("scores"), answer, shown)
    if mode == "rating":
        return _from_number(reply.get("rating"), answer)
    text = reply.get("text")
    if text is None:
        return ParsedReply(None, "the reply has no text")
    parsed = _from_text(text, answer, shown, mode)
    if end == "cut off" and parsed.how != "declared":
        return ParsedReply(None, _cut_off(reply.get("usage"), max_tokens))
    if parsed.how == "prose" and answer.prose == "unparsed":
        return ParsedReply(None, PROSE_ONLY)
    return parsed


def _from_text(text: str, answer: Answer, shown: Sequence[str], mode: str) -> ParsedReply:
    if answer.kind == "choice" and answer.labels == "none" and text in shown:
        return ParsedReply(text, how="declared")
    labels = shown_labels(answer, shown)
    parsed: Parsed[Any] | Unparsed
    if answer.kind == "rating":
        parsed = read_rating(text, answer.options, low=answer.low, labels=labels)
    elif answer.kind == "pair":
        parsed = read_pair(text, options=answer.options, labels=labels)
    else:
        # Without labels the display order does not matter, and a fixed order keeps the parser's cache effective.
        options, synonyms = answer.options, answer.synonyms
        if answer.contrast:
            options = tuple(o for o in options if o in shown)
            synonyms = {o: words for o, words in synonyms.items() if o in shown}
        parsed = read_choice(
            text, options if labels is None else shown, labels=labels, synonyms=synonyms or None
        )
    if isinstance(parsed, Unparsed):
        return ParsedReply(None, parsed.reason)
    # A judge that is held to the options declares one; a server that ignores the constraint may send sentences.
    held = mode in ("choice", "reasoned") and text in shown
    return ParsedReply(parsed.value, how="prose" if parsed.how == "prose" and not held else "declared")


def _cut_off(usage: Any, max_tokens: int | None) -> str:
    given = usage.get("completion_tokens") if isinstance(usage, Mapping) else None
    tokens = given if isinstance(given, (int, float)) and given > 0 else max_tokens
    return CUT_OFF if tokens is None else f"{CUT_OFF} at {tokens:g} tokens"


def _from_number(rating: Any, answer: Answer) -> ParsedReply:
    scale = answer.scale
    if scale is None or not isinstance(rating, (int, float)):
        return ParsedReply(None, "the reply has no rating")
    if not scale.low <= rating <= scale.high:
        return ParsedReply(None, f"the rating {rating:g} is outside {scale.low:g} to {scale.high:g}")
    return ParsedReply(float(rating), how="declared")


def _from_scores(scores: Any, answer: Answer, shown: Sequence[str]) -> ParsedReply:
    if not isinstance(scores, Mapping):
        return ParsedReply(None, "the reply has no log-probabilities")
    try:
        logs = [scores[option] + 0.0 for option in shown]
    except (KeyError, TypeError):
        missing = [o for o in shown if not isinstance(scores.get(o), (int, float))]
        return ParsedReply(None, f"no log-probability for {', '.join(missing)}")
    top = max(logs)
    weights = [math.exp(log - top) for log in logs]
    total = sum(weights)
    if shown is not answer.options:
        by_option = dict(zip(shown, weights, strict=True))
        weights = [by_option.get(option, 0.0) for option in answer.options]
    probabilities = [weight / total for weight in weights]
    if answer.kind == "rating":
        # Rounded, so that means that are equal on paper are tied.
        expected = round(sum([share * (answer.low + level) for level, share in enumerate(probabilities)]), 12)
        return ParsedReply(expected, probabilities=probabilities, how="declared")
    if logs.count(top) > 1:
        best = [option for option, log in zip(shown, logs, strict=True) if log == top]
        return ParsedReply(None, f"equal log-probability for {' and '.join(best)}", probabilities)
    return ParsedReply(shown[logs.index(top)], probabilities=probabilities, how="declared")
