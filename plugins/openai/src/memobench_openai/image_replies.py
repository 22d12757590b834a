"""Parses replies of image endpoints into a picture or the reason why there is none."""

from __future__ import annotations

import base64
import binascii
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from PIL import Image, ImageOps

from harness.remote import RemoteError, error_details, mentions_filter
from memobench_openai.chat_replies import FILTER_REASONS
from memobench_openai.image_options import ImageOptions
from memobench_openai.json_values import count

MAX_BYTES = 50 * 2**20
"""Largest accepted picture file, in bytes."""
MAX_PIXELS = 50_000_000
_MAX_SCANS = 100
"""Of a JPEG; progressive ones have about ten. Each takes as long to decode as the whole picture."""
_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")
"""Accepted formats. Decoders of some other formats run external programs, and no endpoint sends those."""

_REFUSAL_FIELDS = (
    "refusal",
    "blocked_reason",
    "block_reason",
    "blockReason",
    "raiFilteredReason",
    "filtered_reason",
)
"""Fields of several providers that are set only if a content filter intervened."""
_FILTER_FLAGS = ("nsfw_content_detected", "has_nsfw_concepts")
_FINISH_FIELDS = ("finish_reason", "finishReason")
_REASON_FIELDS = ("error", "reason", "message", "detail", "status", *_FINISH_FIELDS)
"""Fields that may say why there is no picture."""
_SERVED_FIELDS = ("model", "size", "quality", "output_format", "background")
_COUNTS = {
    "input_tokens": ("input_tokens", "prompt_tokens"),
    "output_tokens": ("output_tokens", "completion_tokens"),
}


@dataclass(frozen=True)
class ImageResult:
    """A parsed reply: the file, its URL, or the reason why there is none."""

    data: bytes | None = None
    url: str = ""
    blocked: str = ""
    """Why a content filter declined; "" if none did."""
    reported: dict[str, str] = field(default_factory=dict)
    """Model and fingerprint as the service reports them."""
    extra: dict[str, Any] = field(default_factory=dict)
    """The revised prompt, token usage, and model and settings as reported by the service."""


def parse_image_reply(body: Mapping[str, Any], options: ImageOptions) -> ImageResult:
    """Parse the first picture of a reply. Raises a retryable `RemoteError` if there is neither a picture nor a refusal."""
    listed = body.get("data")
    entry = listed[0] if isinstance(listed, list) and listed else {}
    entry = entry if isinstance(entry, Mapping) else {}
    blocked = next((reason for part in (entry, body) for reason in _refusal_reasons(part)), "")
    extra = _extra(body, entry)
    encoded, url = entry.get("b64_json"), entry.get("url")
    if not blocked and isinstance(encoded, str) and encoded:
        return ImageResult(_decode_base64(encoded), extra=_with_cost(extra, options))
    if not blocked and isinstance(url, str) and url:
        priced = _with_cost(extra, options)
        return (
            ImageResult(_decode_base64(url), extra=priced)
            if url.startswith("data:")
            else ImageResult(url=url, extra=priced)
        )
    stated = next((text for part in (entry, body) for text in _stated_reasons(part)), "")
    if blocked or mentions_filter(stated):
        return ImageResult(blocked=blocked or stated, extra=_with_cost(extra, options, pictures=0))
    raise RemoteError("bad_reply", f"the reply contains no picture{stated and f': {stated}'}", retryable=True)


def decode_image(data: bytes) -> Image.Image:
    """Decode a file to an upright picture. Raises `RemoteError`: retryable if it cannot be decoded, final if it is too large."""
    if data[:2] == b"\xff\xd8" and data.count(b"\xff\xda") > _MAX_SCANS:
        raise RemoteError("too_large", "the picture is a JPEG of too many scans")
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise RemoteError("too_large", f"the picture has {image.width} x {image.height} pixels")
            image.load()
            return ImageOps.exif_transpose(image)
    except RemoteError:
        raise
    except Exception as e:  # decoders raise many kinds of errors on untrusted bytes
        raise RemoteError(
            "bad_picture", f"the picture cannot be decoded: {_reason(e)}", retryable=True
        ) from None


def _reason(error: Exception) -> str:
    # Pillow's message contains a memory address.
    return "not a picture file" if "cannot identify" in str(error) else str(error) or type(error).__name__


def _decode_base64(text: str) -> bytes:
    """Decode base64, with or without a `data:...;base64,` prefix."""
    if text.startswith("data:"):
        text = text.partition(",")[2]
    if len(text) > MAX_BYTES * 4 / 3 + 4:
        raise RemoteError("too_large", f"the picture file exceeds {MAX_BYTES // 2**20} MB")
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise RemoteError("bad_picture", "the picture is not valid base64", retryable=True) from None


def _refusal_reasons(part: Mapping[str, Any]) -> Iterator[str]:
    """Signs that a content filter intervened, even if there is a picture: some services send a blurred or black one."""
    for name in _REFUSAL_FIELDS:
        if part.get(name):
            yield str(part[name])
    for name in _FILTER_FLAGS:
        flag = part.get(name)
        if flag is True or (isinstance(flag, list) and flag[:1] == [True]):
            yield name
    for name in _FINISH_FIELDS:
        if str(part.get(name)).lower() in FILTER_REASONS | {"content_filtered", "image_prohibited_content"}:
            yield f"stopped by the provider's content filter ({part[name]})"
    prompts = part.get("prompt_filter_results")
    for found in (part, *(prompts if isinstance(prompts, list) else ())):
        yield from _categories(found)


def _categories(part: object) -> Iterator[str]:
    results = part.get("content_filter_results") if isinstance(part, Mapping) else None
    if isinstance(results, Mapping):
        names = [str(k) for k, v in results.items() if isinstance(v, Mapping) and v.get("filtered") is True]
        if names:
            yield f"content filter: {', '.join(names)}"


def _stated_reasons(part: Mapping[str, Any]) -> Iterator[str]:
    for name in _REASON_FIELDS:
        if part.get(name):
            message, code, _ = error_details({"error": part[name]})
            yield f"{message} ({code})" if code else message


def _extra(body: Mapping[str, Any], entry: Mapping[str, Any]) -> dict[str, Any]:
    extra: dict[str, Any] = {}
    if isinstance(entry.get("revised_prompt"), str) and entry["revised_prompt"]:
        extra["revised_prompt"] = entry["revised_prompt"]
    served = {name: str(body[name]) for name in _SERVED_FIELDS if isinstance(body.get(name), (str, int))}
    if served:
        extra["served"] = served
    usage = body.get("usage")
    counts: dict[str, float] = {}
    for name, fields in _COUNTS.items():
        found = [usage.get(f) for f in fields] if isinstance(usage, Mapping) else []
        numbers = [n for n in map(count, found) if n is not None]
        if numbers:
            counts[name] = numbers[0]
    if counts:
        extra["usage"] = counts
    return extra


def _with_cost(extra: dict[str, Any], options: ImageOptions, pictures: int = 1) -> dict[str, Any]:
    """`extra` plus the cost of the reply, if prices are given."""
    usage = dict(extra.get("usage") or {})
    cost = 0.0 if options.price_image is None else options.price_image * pictures
    counted = options.price_input is not None and options.price_output is not None and bool(usage)
    if options.price_input is not None and options.price_output is not None:
        cost += (
            usage.get("input_tokens", 0) * options.price_input
            + usage.get("output_tokens", 0) * options.price_output
        ) / 1e6
    if counted or options.price_image is not None:
        usage["cost"] = cost
    return extra | {"usage": usage} if usage else extra
