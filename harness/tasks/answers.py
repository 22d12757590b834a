"""Reads one stored reply the way that its run recorded, and finds the true answer of a sample."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from harness.parsing import Parsed, Unparsed, read_choice, read_pair, read_rating
from harness.tasks.prompts import shown_labels
from harness.tasks.spec import Answer, TaskSpec

LABELS = ("emotion", "intensity", "quality")


class ParsedReply(NamedTuple):
    """How one reply was read: an option or a number, or why it could not be read."""

    value: str | float | None
    reason: str = ""
    probabilities: Sequence[float] | None = None
    """Of each of the answer's options, in their order: 0 for one that was not shown."""


class Labelled(Protocol):
    """What has labels: a sample as planned, or as stored."""

    @property
    def emotion(self) -> str | None: ...
    @property
    def intensity(self) -> float | None: ...
    @property
    def quality(self) -> float | None: ...
    @property
    def attributes(self) -> Mapping[str, str]: ...


def truth_of(answer: Answer, sample: Labelled) -> str | float | None:
    """The true answer of a sample; None where the task does not ask about it."""
    if sample.emotion in answer.truth.leave_out:
        return None
    field = answer.truth.field
    value = getattr(sample, field) if field in LABELS else sample.attributes.get(field)
    if value is None or value == "":
        return None
    if answer.kind == "rating":
        try:
            number = float(value)
        except ValueError:
            return None
        return number if math.isfinite(number) else None
    text = f"{value:g}" if isinstance(value, float) else str(value)
    mapped = answer.truth.mapping.get(text, text)
    return mapped if mapped in (answer.contrast or answer.options) else None


def has_truth(spec: TaskSpec, sample: Labelled) -> bool:
    """Whether a sample has the label that a task asks for."""
    return spec.answer is not None and truth_of(spec.answer, sample) is not None


def rates_unlabelled(answer: Answer, sample: Labelled) -> bool:
    """Whether a drawn portrait without a true answer is rated all the same: its mean says something."""
    return answer.kind == "rating" and sample.emotion not in answer.truth.leave_out


def parse_reply(reply: Mapping[str, Any], answer: Answer, shown: Sequence[str], way: str) -> ParsedReply:
    """Read a reply record by `way`. Never guesses: what cannot be read has a reason instead of a value."""
    if reply.get("refusal"):
        return ParsedReply(None, "refused")
    if way == "logprobs":
        return _from_scores(reply.get("scores"), answer, shown)
    if way == "rating":
        return _from_number(reply.get("rating"), answer)
    text = reply.get("text")
    if text is None:
        return ParsedReply(None, "the reply has no text")
    labels = shown_labels(answer, shown)
    parsed: Parsed[Any] | Unparsed
    if answer.kind == "rating":
        parsed = read_rating(text, answer.options, low=answer.low, labels=labels)
    elif answer.kind == "pair":
        parsed = read_pair(text, options=answer.options, labels=labels)
    else:
        # Without labels the order shown does not matter, and one order for all samples is prepared once.
        options, synonyms = answer.options, answer.synonyms
        if answer.contrast:
            options = tuple(o for o in options if o in shown)
            synonyms = {o: words for o, words in synonyms.items() if o in shown}
        parsed = read_choice(
            text, options if labels is None else shown, labels=labels, synonyms=synonyms or None
        )
    return ParsedReply(None, parsed.reason) if isinstance(parsed, Unparsed) else ParsedReply(parsed.value)


def _from_number(rating: Any, answer: Answer) -> ParsedReply:
    scale = answer.scale
    if scale is None or not isinstance(rating, (int, float)):
        return ParsedReply(None, "the reply has no rating")
    if not scale.low <= rating <= scale.high:
        return ParsedReply(None, f"the rating {rating:g} lies outside {scale.low:g} to {scale.high:g}")
    return ParsedReply(float(rating))


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
        expected = sum([share * (answer.low + level) for level, share in enumerate(probabilities)])
        return ParsedReply(expected, probabilities=probabilities)
    if logs.count(top) > 1:
        best = [option for option, log in zip(shown, logs, strict=True) if log == top]
        return ParsedReply(None, f"equal log-probability for {' and '.join(best)}", probabilities)
    return ParsedReply(shown[logs.index(top)], probabilities=probabilities)
