"""Renders a task's wording into messages, with the options in the order shown."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

from harness.taskspec import Answer, Wording
from harness.types import Message, Part

_PLACEHOLDER = re.compile(r"\{([A-Za-z_]\w*)\}")


def shown_options(answer: Answer, sample_id: str, seed: int) -> tuple[str, ...]:
    """The options in the order in which this sample shows them: permuted from the seed, if the task says so."""
    if answer.kind == "rating" or not answer.shuffle:
        return answer.options
    number = int.from_bytes(
        hashlib.blake2b(f"{seed}:{sample_id}".encode("utf-8", "surrogatepass"), digest_size=16).digest(),
        "big",
    )
    left, shown = list(answer.options), []
    while left:
        number, position = divmod(number, len(left))
        shown.append(left.pop(position))
    return tuple(shown)


def shown_labels(answer: Answer) -> tuple[str, ...] | None:
    """What stands before each option ("A", "1"), or None."""
    if answer.labels == "none":
        return None
    count = range(len(answer.options))
    return tuple(chr(ord("A") + i) if answer.labels == "letters" else str(i + 1) for i in count)


def render(
    wording: Wording, answer: Answer, shown: tuple[str, ...], emotion: str | None
) -> tuple[Message, ...]:
    """The messages of one question on one picture; the picture comes first unless the wording places it."""
    labels = shown_labels(answer)
    if labels:
        options = "\n" + "\n".join(f"{label}. {option}" for label, option in zip(labels, shown, strict=True))
    else:
        options = ", ".join(shown)
    scale = answer.scale
    values = {"options": options, "emotion": emotion or "unknown"}
    if scale is not None:
        values |= {"low": f"{scale.low:g}", "high": f"{scale.high:g}"}
    messages = []
    if wording.system:
        messages.append(Message("system", (Part(_fill(wording.system, values).strip()),)))
    text = wording.text if "{image}" in wording.text else "{image}" + wording.text
    before, _, after = text.partition("{image}")
    parts = (Part(_fill(before, values).strip()), Part(image=0), Part(_fill(after, values).strip()))
    messages.append(Message("user", tuple(p for p in parts if p.text or p.image is not None)))
    return tuple(messages)


def names_emotion(wording: Wording) -> bool:
    """Whether a wording gives the emotion away."""
    return "{emotion}" in wording.text or "{emotion}" in wording.system


def as_text(messages: tuple[Message, ...]) -> str:
    """The messages as a person reads them, for `--dry-run`."""
    return "\n".join(
        f"[{m.role}] " + "\n".join("<image>" if p.image is not None else p.text for p in m.parts)
        for m in messages
    )


def _fill(template: str, values: Mapping[str, str]) -> str:
    # Not str.format: a template must not reach into objects, and other braces stay as they are.
    return _PLACEHOLDER.sub(lambda m: values.get(m[1], m[0]), template)
