"""Options of the generator `openai-images`, and the request body for a prompt."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import field_validator

from harness import ImageRequest, option
from memobench_openai.options import EndpointOptions, check_extra, model_name

_RESERVED_FIELDS = frozenset({"model", "prompt", "n", "size", "quality", "seed", "response_format", "stream"})
_ALWAYS_BASE64 = ("gpt-image", "chatgpt-image")
"""Models with these prefixes always return base64 and reject the field."""


class ImageOptions(EndpointOptions):
    """Options of the generator `openai-images`."""

    ref: str = option("", "Model name, as the endpoint knows it.", validate_default=True)
    size: str | None = option(
        None,
        "WIDTHxHEIGHT, or a value that the endpoint knows. Default: the endpoint's own.",
        pattern=r"^[A-Za-z0-9_.:-]+$",
    )
    quality: str | None = option(None, "Quality level, as the endpoint names it, such as low or high.")
    send_seed: bool = option(
        False, "Send each request's seed. Only for endpoints that accept one; others reject it."
    )
    response_format: Literal["auto", "b64_json", "url", "none"] = option(
        "auto",
        "How pictures are returned. auto: as base64; the field is omitted if the model rejects it.",
        affects_answer=False,
    )
    concurrency: int = option(4, "Maximum number of requests in flight.", affects_answer=False, ge=1, le=1024)
    timeout: float = option(
        300.0, "Timeout of one attempt in seconds.", affects_answer=False, gt=0.0, le=3600.0
    )
    price_image: float | None = option(
        None, "Price per picture; enables cost tracking.", affects_answer=False, ge=0.0
    )

    @field_validator("extra_body", mode="after")
    @classmethod
    def _no_keys(cls, value: dict[str, Any]) -> dict[str, Any]:
        check_extra(
            value, _RESERVED_FIELDS, "The generator sets these fields itself; size and quality are options."
        )
        return value

    @field_validator("ref")
    @classmethod
    def _named(cls, value: str) -> str:
        return model_name(value, "openai-images", "gpt-image-2")

    @property
    def requested_format(self) -> str | None:
        """The `response_format` to send at first; None to omit it."""
        if self.response_format == "auto":
            return None if self.ref.lower().startswith(_ALWAYS_BASE64) else "b64_json"
        return None if self.response_format == "none" else self.response_format

    @property
    def hints(self) -> dict[str, str]:
        """Request field -> what to do if the endpoint rejects it."""
        known = {
            "response_format": "Omit it: -o response_format=none.",
            "size": "Give a size that this model supports: -o size=WIDTHxHEIGHT.",
            "quality": "Omit the option quality, or give a value that this model supports.",
            "seed": "Omit it: -o send_seed=false. The endpoint then chooses its own seed.",
        }
        return known | {name: f"Remove {name} from extra_body, or change it." for name in self.extra_body}


def image_body(options: ImageOptions, request: ImageRequest, response_format: str | None) -> dict[str, Any]:
    """The body of a request for one picture, without the negative prompt, which these endpoints do not support."""
    size = f"{request.size[0]}x{request.size[1]}" if request.size is not None else options.size
    fields = {
        "model": options.ref,
        "prompt": request.prompt,
        "n": 1,
        "size": size,
        "quality": options.quality,
        "seed": request.seed if options.send_seed else None,
        "response_format": response_format,
    }
    return {name: value for name, value in fields.items() if value is not None} | options.extra_body
