"""Options of the generator `openai-images`, and the request that they make of a prompt."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import field_validator

from harness import ImageRequest, option
from memobench_openai.options import EndpointOptions, check_extra, model_name

_OURS = frozenset({"model", "prompt", "n", "size", "quality", "seed", "response_format", "stream"})
_NO_FORMAT = ("gpt-image", "chatgpt-image")
"""Models with these names always give base64, and refuse to be asked for it."""


class ImageOptions(EndpointOptions):
    """Options of the generator `openai-images`."""

    ref: str = option("", "Name of the model, as the endpoint calls it.", validate_default=True)
    size: str | None = option(
        None,
        "WIDTHxHEIGHT, or a word that the endpoint knows; nothing for the endpoint's own default.",
        pattern=r"^[A-Za-z0-9_.:-]+$",
    )
    quality: str | None = option(
        None, "How carefully it draws, in the endpoint's words, such as low or high."
    )
    send_seed: bool = option(
        False, "Send each request's seed: only for endpoints that take one, others refuse it."
    )
    response_format: Literal["auto", "b64_json", "url", "none"] = option(
        "auto",
        "How pictures are sent back. auto: as base64, and unasked where the model refuses the field.",
        affects_answer=False,
    )
    concurrency: int = option(4, "Requests in flight at a time.", affects_answer=False, ge=1, le=1024)
    timeout: float = option(300.0, "Seconds for one attempt.", affects_answer=False, gt=0.0, le=3600.0)
    price_image: float | None = option(
        None, "Price of one picture: costs are counted.", affects_answer=False, ge=0.0
    )

    @field_validator("extra_body", mode="after")
    @classmethod
    def _no_keys(cls, value: dict[str, Any]) -> dict[str, Any]:
        check_extra(value, _OURS, "The generator fills that in itself; size and quality are options.")
        return value

    @field_validator("ref")
    @classmethod
    def _named(cls, value: str) -> str:
        return model_name(value, "openai-images", "gpt-image-2")

    @property
    def asks_format(self) -> str | None:
        """The `response_format` to ask for at first; None where it is better left out."""
        if self.response_format == "auto":
            return None if self.ref.lower().startswith(_NO_FORMAT) else "b64_json"
        return None if self.response_format == "none" else self.response_format

    @property
    def advice(self) -> dict[str, str]:
        """Field of a request -> what to do where the endpoint refuses it."""
        mine = {
            "response_format": "Leave it out: -o response_format=none.",
            "size": "Give a size that this model draws: -o size=WIDTHxHEIGHT.",
            "quality": "Leave the option quality away, or give a word that this model knows.",
            "seed": "Leave it out: -o send_seed=false. The endpoint then draws with a seed of its own.",
        }
        return mine | {name: f"Take {name} out of extra_body, or change it." for name in self.extra_body}


def image_body(options: ImageOptions, request: ImageRequest, response_format: str | None) -> dict[str, Any]:
    """The fields of a request for one picture. The negative prompt is not among them: no such endpoint reads one."""
    size = f"{request.size[0]}x{request.size[1]}" if request.size is not None else options.size
    fields = {"model": options.ref, "prompt": request.prompt, "n": 1, "size": size, "quality": options.quality,
              "seed": request.seed if options.send_seed else None, "response_format": response_format}  # fmt: skip
    return {name: value for name, value in fields.items() if value is not None} | options.extra_body
