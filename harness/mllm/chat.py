"""Convert messages to the input of a chat template, or to a prompt with a plain prompt form."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Any

from harness.errors import RequestError
from harness.types import Message

_FIELD = re.compile(r"\{(image|text|system)\}")


def chat_content(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """Messages in the format that chat templates of multimodal models expect, with pictures and texts in order.

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
    """Indices into `JudgeRequest.images`, in the order in which the messages show the pictures."""
    return tuple(part.image for message in messages for part in message.parts if part.image is not None)


def plain_prompt(messages: Sequence[Message], form: str, *, image: str = "<image>") -> str:
    """The prompt for a model without a chat template, such as `"USER: {image}\\n{text} ASSISTANT:"`.

    `{image}` becomes the model's image token, one line per picture; `{text}` all texts, one line each; `{system}` the
    system texts, which precede the others in `{text}` if the form has no `{system}`. Other braces are left unchanged.
    Raises `RequestError` for a form without `{text}` or without a place for the picture (the image token itself
    counts), and for conversations with earlier answers, since a form holds one turn.
    """
    if "{text}" not in form or ("{image}" not in form and image not in form):
        message = f"The prompt form {form!r} has no {'{text}' if '{text}' not in form else '{image}'}."
        raise RequestError(message, 'Write it like "USER: {image}\\n{text} ASSISTANT:".')
    if any(message.role == "assistant" for message in messages):
        raise RequestError("A prompt form cannot contain earlier answers.", "Use a chat template instead.")
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
    # A single pass, so that a text containing "{image}" is not substituted again.
    return _FIELD.sub(lambda field: values[field[1]], form)


def template_digest(template: str) -> str:
    """Digest of a chat template or prompt form (32 hex digits), part of the model identity: answers depend on it."""
    return hashlib.blake2b(template.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def check_image_slot(rendered: str, image_tokens: Sequence[str], what: str, *, count: int = 1) -> None:
    """Raise `RequestError` if a rendered prompt has fewer than `count` image tokens: the model would not see a picture.

    `image_tokens` are the texts that represent a picture in this model's prompts; each of them counts. `what` names the
    model or template in the message.
    """
    tokens = [token for token in dict.fromkeys(image_tokens) if token]
    # Longest first, so that a token contained in a longer one is not counted as well.
    pattern = "|".join(re.escape(token) for token in sorted(tokens, key=len, reverse=True))
    places = len(re.findall(pattern, rendered)) if pattern else 0
    if places >= count:
        return
    wanted = " or ".join(repr(token) for token in tokens) or "its image token, which is unknown"
    if places == 0:
        message = f"{what}: the prompt has no place for the picture (no {wanted})."
    else:
        message = f"{what}: the prompt has places for {places} of {count} pictures."
    raise RequestError(message, "Specify a chat template with pictures: -o chat_template=FILE.")
