"""Renders a prompt variant into messages, with the options in display order."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from harness.tasks.spec import Answer, PromptVariant
from harness.types import Message, Part

MOST_ORDERS = 4096
"""Orders of options that are kept: six have 720."""
_PLACEHOLDER = re.compile(r"\{([A-Za-z_]\w*)\}")


def shown_options(
    answer: Answer, sample_id: str, seed: int, truth: str | float | None = None
) -> tuple[str, ...]:
    """The options in display order for this sample: permuted by the seed if the task shuffles them.

    For a task with `contrast`, they are the sample's `truth` and one of its confusable options, chosen by the seed;
    without a truth, all options.
    """
    left = answer.options
    neighbours = answer.contrast.get(truth, ()) if isinstance(truth, str) else ()
    if neighbours:
        chosen = neighbours[_number(f"{seed}:{sample_id}:contrast") % len(neighbours)]
        left = tuple(option for option in left if option in (truth, chosen))
    if answer.kind != "choice" or not answer.shuffle:
        return left
    return _permuted(left, _number(f"{seed}:{sample_id}") % math.factorial(len(left)))


@lru_cache(MOST_ORDERS)
def _permuted(options: tuple[str, ...], number: int) -> tuple[str, ...]:
    """The permutation with this number, below the factorial of the number of options."""
    left, shown = list(options), []
    while left:
        number, position = divmod(number, len(left))
        shown.append(left.pop(position))
    return tuple(shown)


def _number(text: str) -> int:
    return int.from_bytes(
        hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest(), "big"
    )


def shown_labels(answer: Answer, shown: Sequence[str] | None = None) -> tuple[str, ...] | None:
    """The labels of the options `shown` (default: all), such as "A" or "1"; None if the task has no labels."""
    if answer.labels == "none":
        return None
    count = range(len(answer.options if shown is None else shown))
    return tuple(chr(ord("A") + i) if answer.labels == "letters" else str(i + 1) for i in count)


def render(
    variant: PromptVariant, answer: Answer, shown: tuple[str, ...], emotion: str | None, statement: str = ""
) -> tuple[Message, ...]:
    """The messages of one question; its pictures come first unless the prompt variant places them."""
    labels = shown_labels(answer, shown)
    if labels:
        options = "\n" + "\n".join(f"{label}. {option}" for label, option in zip(labels, shown, strict=True))
    else:
        options = ", ".join(shown)
    scale = answer.scale
    values = {"options": options, "emotion": emotion or "unknown", "statement": statement}
    if scale is not None:
        values |= {"low": f"{scale.low:g}", "high": f"{scale.high:g}"}
    messages = []
    if variant.system:
        messages.append(Message("system", (Part(_fill(variant.system, values).strip()),)))
    pictures = 2 if answer.kind == "pair" else 1
    text = variant.text if "{image}" in variant.text else "{image}" * pictures + variant.text
    parts: list[Part] = []
    for number, piece in enumerate(text.split("{image}", pictures)):
        parts += [Part(image=number - 1)] * (number > 0) + [Part(_fill(piece, values).strip())]
    messages.append(Message("user", tuple(p for p in parts if p.text or p.image is not None)))
    return tuple(messages)


def reveals_emotion(variant: PromptVariant) -> bool:
    """Whether a prompt variant states the emotion."""
    return "{emotion}" in variant.text or "{emotion}" in variant.system


def as_text(messages: tuple[Message, ...]) -> str:
    """The messages in readable form, for `--dry-run`."""
    return "\n".join(
        f"[{m.role}] " + "\n".join("<image>" if p.image is not None else p.text for p in m.parts)
        for m in messages
    )


def _fill(template: str, values: Mapping[str, str]) -> str:
    # Not str.format: a template must not access attributes, and other braces must stay unchanged.
    return _PLACEHOLDER.sub(lambda m: values.get(m[1], m[0]), template)
