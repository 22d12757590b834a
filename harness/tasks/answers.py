"""Parses stored replies in the recorded answer mode, and finds the correct answer for a sample."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from harness.parsing import Parsed, Unparsed, read_choice, read_pair, read_rating
from harness.tasks.prompts import shown_labels
from harness.tasks.spec import Answer, TaskSpec

LABELS = ("emotion", "intensity", "quality")


class ParsedReply(NamedTuple):
    """The result of parsing one reply: an option or a number, or the reason why it could not be parsed."""

    value: str | float | None
    reason: str = ""
    probabilities: Sequence[float] | None = None
    """One per option of the answer, in order; 0 for an option that was not shown."""


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
    """Whether a sample has the label that a task needs."""
    return spec.answer is not None and truth_of(spec.answer, sample) is not None


def rates_unlabelled(answer: Answer, sample: Labelled) -> bool:
    """Whether a generated portrait without a correct answer is still rated: mean ratings do not need one."""
    return answer.kind == "rating" and sample.emotion not in answer.truth.leave_out


def parse_reply(reply: Mapping[str, Any], answer: Answer, shown: Sequence[str], mode: str) -> ParsedReply:
    """Parse a reply record in the answer mode `mode`. Never guesses: a reply that cannot be parsed gets a reason instead of a value."""
    if reply.get("refusal"):
        return ParsedReply(None, "refused")
    if mode == "logprobs":
        return _from_scores(reply.get("scores"), answer, shown)
    if mode == "rating":
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
        # Without labels the display order does not matter, and a fixed order keeps the parser's cache effective.
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
        return ParsedReply(None, f"the rating {rating:g} is outside {scale.low:g} to {scale.high:g}")
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
