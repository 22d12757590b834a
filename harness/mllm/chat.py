"""From our messages to what a chat template, or a plain prompt form, makes a prompt of."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Any

from harness.errors import RequestError
from harness.types import Message

_FIELD = re.compile(r"\{(image|text|system)\}")


def chat_content(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """Messages in the form that chat templates of multimodal models take, pictures and texts in their order.

    `[{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "Which emotion?"}]}]`
    """
    return [
        {
            "role": message.role,
            "content": [
                {"type": "image"} if part.image is not None else {"type": "text", "text": part.text}
                for part in message.parts
            ],
        }
        for message in messages
    ]


def image_order(messages: Sequence[Message]) -> tuple[int, ...]:
    """The numbers of the pictures in the order in which messages show them, as `JudgeRequest.images` counts."""
    return tuple(part.image for message in messages for part in message.parts if part.image is not None)


def plain_prompt(messages: Sequence[Message], form: str, *, image: str = "<image>") -> str:
    """The prompt for a model without a chat template, such as `"USER: {image}\\n{text} ASSISTANT:"`.

    `{image}` becomes the model's image token, once for each picture, a line each; `{text}` all texts, a line
    each; `{system}` the system texts, which without it come first in `{text}`. Other braces stay as they are.
    Raises `RequestError` for a form without `{text}`, or without a place for the picture (the token itself
    counts), and for a conversation that has gone on: a form holds one turn.
    """
    if "{text}" not in form or ("{image}" not in form and image not in form):
        message = f"The prompt form {form!r} lacks {'{text}' if '{text}' not in form else '{image}'}."
        raise RequestError(message, 'Write it like "USER: {image}\\n{text} ASSISTANT:".')
    if any(message.role == "assistant" for message in messages):
        raise RequestError("A prompt form has no place for earlier answers.", "Use a chat template instead.")
    texts = {
        role: [
            part.text
            for message in messages
            if message.role == role
            for part in message.parts
            if part.image is None
        ]
        for role in ("system", "user")
    }
    lines = texts["user"] if "{system}" in form else texts["system"] + texts["user"]
    values = {
        "image": "\n".join([image] * len(image_order(messages))),
        "text": "\n".join(lines),
        "system": "\n".join(texts["system"]),
    }
    # One pass: a text that itself holds "{image}" must not be filled in again.
    return _FIELD.sub(lambda field: values[field[1]], form)


def template_digest(template: str) -> str:
    """A digest of a chat template or prompt form, 32 hex digits: with another one, answers are others."""
    return hashlib.blake2b(template.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def check_image_slot(rendered: str, image_tokens: Sequence[str], what: str, *, count: int = 1) -> None:
    """Refuse a rendered prompt without a place for each of `count` pictures: the model would answer blindly.

    `image_tokens` are the texts that stand for a picture in this model's prompts, any of which counts. `what`
    names the model or template in the message. Raises `RequestError`.
    """
    tokens = [token for token in dict.fromkeys(image_tokens) if token]
    # Longest first: "<image>" within "<image><image>" counts twice, within "<|image|>" not at all.
    pattern = "|".join(re.escape(token) for token in sorted(tokens, key=len, reverse=True))
    places = len(re.findall(pattern, rendered)) if pattern else 0
    if places >= count:
        return
    wanted = " or ".join(repr(token) for token in tokens) or "its image token, which is not known"
    if places == 0:
        message = f"{what}: the prompt has no place for the picture (no {wanted})."
    else:
        message = f"{what}: the prompt has places for {places} of {count} pictures."
    raise RequestError(message, "Give a chat template for pictures: -o chat_template=FILE.")
