"""Faults that all requests share, recognized by what servers say, each with the option or model that helps."""

from __future__ import annotations

import re
from dataclasses import dataclass

from harness.remote import RemoteError


@dataclass(frozen=True)
class Fault:
    """A fault of the model or server, not of one request."""

    kind: str
    pattern: re.Pattern[str]
    hint: str


def _fault(kind: str, hint: str, *patterns: str) -> Fault:
    return Fault(kind, re.compile("|".join(patterns), re.IGNORECASE), hint)


_CHAT = (
    _fault(
        "stream_only",
        "Let it stream: -o stream=true.",
        r"\bonly\b.{0,30}\bstream",
        r"non[- ]?stream\w*.{0,40}(not|un)[ -]?(support|allow|avail|permit)",
        r"\bstream\b.{0,20}(must|has to|should|needs to) be (set to )?.?true",
        r"stream(ing)?( mode| parameter)? (is |to be )?(required|mandatory)",
        r"enable the stream",
    ),
    _fault(
        "no_system_role",
        "Put it into the first message of the user: -o system_role=user.",
        r"system.? (role|message|prompt|instruction)s?\b.{0,40}(not|un|n't )[ -]?(be )?(support|allow|permit|enabled)",
        r"(not|n't) (support|allow|accept|permit)\w*.{0,30}\bsystem\b",
        r"(invalid|unsupported|unknown|unexpected) role:? .{0,3}system",
        r"developer instruction is not enabled",
        r"roles must alternate|only (the )?.?user.? (and|or) .?assistant.? roles",
    ),
    _fault(
        "too_many_pictures",
        "This model takes one picture at a time as it is served. On vLLM, allow two: --limit-mm-per-prompt '{\"image\": 2}'.",
        r"at most 1 image",
        r"(only|maximum of) (1|one|a single) image",
    ),
    _fault(
        "no_pictures",
        "Choose a model that takes pictures, and start it with all that it needs for them (llama.cpp: --mmproj).",
        r"(not|n't|no|cannot) (currently )?(support|accept|take|process|allow|handle|have)\w*( any| the)?( use of)? "
        r"(image|vision|visual|picture|multi-?modal)\w*(?! (format|type|size|of type|url))",
        r"not (a |an )?(multi-?modal|vision)",
        r"image_url.{0,80}(only supported by|not supported|unsupported|is not (allowed|valid)|expected .{0,3}text)",
        r"(unknown|unexpected|invalid|unsupported)( \w+){0,2} .?image_url",
        r"image inputs?\b.{0,40}(not|un)[ -]?(support|allow|avail)",
        r"\bimages? (are|is) not (supported|allowed)(?! format)",
        r"(data|projector|file) required for image input|mmproj",
        r"at most 0 image|no endpoints found that support image",
        r"\b(text[- ]only|only (supports? |accepts? )?text)\b",
        r"content.{0,20} must be a string",
    ),
)
_IMAGES = (
    _fault(
        "no_pictures",
        "Choose a model that generates images.",
        r"(not|n't|no) (support|allow)\w*.{0,10} image generation|not an image (generation )?model",
    ),
)


def known_fault(message: str, *, chat: bool) -> RemoteError | None:
    """The fault that a message reports. `chat`: the message is from a chat endpoint, not from an image endpoint."""
    found = next((f for f in (_CHAT if chat else _IMAGES) if f.pattern.search(message)), None)
    if found is None:
        return None
    return RemoteError(found.kind, message, fatal=found.hint, unless_answered=True)
