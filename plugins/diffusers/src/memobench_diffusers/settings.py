"""Resolves the pipeline's call arguments: user options first, then the preset, then fixed values."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from harness import BadOption, nearest
from harness.hub import Preset
from memobench_diffusers.families import REWRITING_OFF, Family, family_of
from memobench_diffusers.options import DiffusersOptions

RESERVED_ARGUMENTS = frozenset(
    {
        "prompt",
        "negative_prompt",
        "width",
        "height",
        "num_inference_steps",
        "generator",
        "latents",
        "output_type",
        "return_dict",
        "num_images_per_prompt",
        "callback",
        "callback_steps",
        "callback_on_step_end",
        "callback_on_step_end_tensor_inputs",
        "max_sequence_length",
    }
)
"""Call arguments that this plugin sets itself."""


@dataclass(frozen=True)
class Settings:
    """Generation settings from options and preset; None means the pipeline's default."""

    steps: int | None
    guidance: float | None
    width: int | None
    height: int | None
    variant: str | None
    max_sequence_length: int | None
    negative_prompt: str
    """Used if a request has no negative prompt."""
    preset_call: Mapping[str, Any]
    """Further call arguments from the preset."""
    call: Mapping[str, Any]
    """Further call arguments from the user."""

    def to_json(self) -> str:
        """The settings that override the pipeline's defaults, as one line of JSON."""
        known = {
            "steps": self.steps,
            "guidance": self.guidance,
            "width": self.width,
            "height": self.height,
            "variant": self.variant,
            "max_sequence_length": self.max_sequence_length,
            "negative_prompt": self.negative_prompt or None,
            **self.preset_call,
        }
        return json.dumps({k: v for k, v in known.items() if v is not None}, sort_keys=True)


def resolve_settings(options: DiffusersOptions, preset: Preset | None) -> Settings:
    """Take each setting from the options, or else from the preset."""

    def resolve(name: str) -> Any:
        given = getattr(options, name)
        return given if given is not None or preset is None else preset.get(name)

    return Settings(
        resolve("steps"),
        resolve("guidance"),
        resolve("width"),
        resolve("height"),
        resolve("variant"),
        resolve("max_sequence_length"),
        str(preset.get("negative_prompt", "")) if preset else "",
        dict(preset.get("call", {})) if preset else {},
        options.call,
    )


class PipelineCall:
    """The call of one pipeline class: which arguments it accepts and the values shared by all images."""

    def __init__(self, pipeline: type, wanted: Settings) -> None:
        self.name = pipeline.__name__
        self.family: Family = family_of(self.name)
        self.accepts: Mapping[str, inspect.Parameter] = inspect.signature(pipeline.__call__).parameters
        encoder = getattr(pipeline, "encode_prompt", None)
        self.encoder_accepts = inspect.signature(encoder).parameters if encoder is not None else {}
        self._wanted = wanted
        if "prompt" not in self.accepts:
            raise BadOption(
                f"{self.name} does not generate from a prompt.",
                "Use a text-to-image model: harness list models",
            )

    @cached_property
    def arguments(self) -> Mapping[str, Any]:
        """The arguments shared by all images. Raises `BadOption` for one that the call does not accept."""
        wanted = self._wanted
        explicit = {
            "num_inference_steps": wanted.steps,
            self.family.guidance_argument: wanted.guidance,
            "max_sequence_length": wanted.max_sequence_length,
        }
        found = {k: v for k, v in {**REWRITING_OFF, **wanted.preset_call}.items() if k in self.accepts}
        for name, value in explicit.items():
            if value is not None:
                found[self._accepted(name)] = value
        for name, value in wanted.call.items():
            if name in RESERVED_ARGUMENTS:
                raise BadOption(
                    f"The argument {name!r} is set by the harness.",
                    "Use the options steps, guidance, width, height or max_sequence_length.",
                )
            found[self._accepted(name)] = value
        return found | {"output_type": "np"}

    def _accepted(self, name: str) -> str:
        if name in self.accepts:
            return name
        known = sorted(set(self.accepts) - RESERVED_ARGUMENTS - {"self", "kwargs"})
        guess = nearest(name, known)
        raise BadOption(
            f"{self.name} has no argument {name!r}.",
            (f"Did you mean {guess!r}? " if guess else "") + f"Available: {', '.join(known)}.",
        )

    def value(self, name: str) -> Any:
        """The value of an argument: as set, or the call's default; None if it has no such argument."""
        if name in self.arguments:
            return self.arguments[name]
        parameter = self.accepts.get(name)
        return None if parameter is None or parameter.default is parameter.empty else parameter.default

    @property
    def uses_negative(self) -> bool:
        """Whether a negative prompt affects the image."""
        accepts = "negative_prompt" in self.accepts or "negative_prompt_embeds" in self.accepts
        return accepts and self.guided

    @property
    def guided(self) -> bool:
        """Whether the pipeline also runs without the prompt, or with the negative one."""
        return (self.value(self.family.cfg_argument) or 0) > self.family.cfg_above
