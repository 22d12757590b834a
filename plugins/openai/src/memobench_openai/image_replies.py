"""From the reply of an image endpoint to a picture, or to the reason why there is none."""

from __future__ import annotations

import base64
import binascii
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from PIL import Image, ImageOps

from memobench_openai.faults import Fault
from memobench_openai.image_options import ImageOptions
from memobench_openai.replies import FILTERED
from memobench_openai.verdict import details, filtered

MAX_BYTES = 50 * 2**20
"""The largest file that is taken for a picture, in bytes."""
MAX_PIXELS = 50_000_000
_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")
"""What is decoded; some decoders of other formats run programs, and no endpoint sends those."""

_REFUSALS = (
    "refusal",
    "blocked_reason",
    "block_reason",
    "blockReason",
    "raiFilteredReason",
    "filtered_reason",
)
"""Fields that are there only where a filter stepped in, of several providers."""
_FLAGS = ("nsfw_content_detected", "has_nsfw_concepts")
_FINISH = ("finish_reason", "finishReason")
_REASONS = ("error", "reason", "message", "detail", "status", *_FINISH)
"""Fields that may tell why there is no picture, whatever the reason is."""
_SERVED = ("model", "size", "quality", "output_format", "background")
_COUNTS = {
    "input_tokens": ("input_tokens", "prompt_tokens"),
    "output_tokens": ("output_tokens", "completion_tokens"),
}


@dataclass(frozen=True)
class Drawn:
    """What a reply holds: a file, or the address of one, or why there is none."""

    data: bytes | None = None
    url: str = ""
    blocked: str = ""
    """Why a filter declined; "" where none did."""
    extra: dict[str, Any] = field(default_factory=dict)
    """Prompt as the service rewrote it, tokens, and what it says of itself."""


def read_images(body: Mapping[str, Any], options: ImageOptions) -> Drawn:
    """The first picture of a reply. Raises `Fault`, worth another try, where there is neither a picture nor a refusal."""
    listed = body.get("data")
    entry = listed[0] if isinstance(listed, list) and listed else {}
    entry = entry if isinstance(entry, Mapping) else {}
    blocked = next((reason for part in (entry, body) for reason in _declined(part)), "")
    extra = _extra(body, entry)
    encoded, url = entry.get("b64_json"), entry.get("url")
    if not blocked and isinstance(encoded, str) and encoded:
        return Drawn(_decoded(encoded), extra=_priced(extra, options))
    if not blocked and isinstance(url, str) and url:
        priced = _priced(extra, options)
        return Drawn(_decoded(url), extra=priced) if url.startswith("data:") else Drawn(url=url, extra=priced)
    told = next((text for part in (entry, body) for text in _told(part)), "")
    if blocked or filtered(told):
        return Drawn(blocked=blocked or told, extra=_priced(extra, options, pictures=0))
    raise Fault("bad_reply", f"the reply holds no picture{told and f': {told}'}", retryable=True)


def decode(data: bytes) -> Image.Image:
    """The picture in a file, upright. Raises `Fault` for one that cannot be decoded (worth another try) or is too large."""
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise Fault("too_large", f"the picture has {image.width} x {image.height} pixels")
            image.load()
            return ImageOps.exif_transpose(image)
    except Fault:
        raise
    except Exception as e:  # decoders fail in many ways on bytes that nobody vouches for
        raise Fault("bad_picture", f"the picture cannot be decoded: {_reason(e)}", retryable=True) from None


def _reason(error: Exception) -> str:
    # Pillow's own message shows an object's address in memory.
    return "it is no picture" if "cannot identify" in str(error) else str(error) or type(error).__name__


def _decoded(text: str) -> bytes:
    """The bytes in base64, with or without `data:...;base64,` before them."""
    if text.startswith("data:"):
        text = text.partition(",")[2]
    if len(text) > MAX_BYTES * 4 / 3 + 4:
        raise Fault("too_large", f"the picture's file has more than {MAX_BYTES // 2**20} MB")
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise Fault("bad_picture", "the picture is not base64", retryable=True) from None


def _declined(part: Mapping[str, Any]) -> Iterator[str]:
    """What says that a filter stepped in, picture or not: some send a blurred or black one along."""
    for name in _REFUSALS:
        if part.get(name):
            yield str(part[name])
    for name in _FLAGS:
        flag = part.get(name)
        if flag is True or (isinstance(flag, list) and flag[:1] == [True]):
            yield name
    for name in _FINISH:
        if str(part.get(name)).lower() in FILTERED | {"content_filtered", "image_prohibited_content"}:
            yield f"stopped by the provider's filter ({part[name]})"
    prompts = part.get("prompt_filter_results")
    for found in (part, *(prompts if isinstance(prompts, list) else ())):
        yield from _categories(found)


def _categories(part: object) -> Iterator[str]:
    results = part.get("content_filter_results") if isinstance(part, Mapping) else None
    if isinstance(results, Mapping):
        names = [str(k) for k, v in results.items() if isinstance(v, Mapping) and v.get("filtered") is True]
        if names:
            yield f"content filter: {', '.join(names)}"


def _told(part: Mapping[str, Any]) -> Iterator[str]:
    for name in _REASONS:
        if part.get(name):
            message, code, _ = details({"error": part[name]})
            yield f"{message} ({code})" if code else message


def _extra(body: Mapping[str, Any], entry: Mapping[str, Any]) -> dict[str, Any]:
    extra: dict[str, Any] = {}
    if isinstance(entry.get("revised_prompt"), str) and entry["revised_prompt"]:
        extra["revised_prompt"] = entry["revised_prompt"]
    served = {name: str(body[name]) for name in _SERVED if isinstance(body.get(name), (str, int))}
    if served:
        extra["served"] = served
    usage = body.get("usage")
    counts: dict[str, float] = {}
    for name, fields in _COUNTS.items():
        found = [usage.get(f) for f in fields] if isinstance(usage, Mapping) else []
        numbers = [n for n in found if isinstance(n, (int, float)) and not isinstance(n, bool)]
        if numbers:
            counts[name] = numbers[0]
    if counts:
        extra["usage"] = counts
    return extra


def _priced(extra: dict[str, Any], options: ImageOptions, pictures: int = 1) -> dict[str, Any]:
    """`extra` with what a reply costs, where prices are known."""
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
