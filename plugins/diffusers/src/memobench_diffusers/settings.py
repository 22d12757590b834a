"""What is asked of the pipeline's call: the user's options, then the preset, then what every family gets."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from harness import BadOption, nearest
from harness.hub import Preset
from memobench_diffusers.families import NEUTRAL, Family, family_of
from memobench_diffusers.options import DiffusersOptions

OURS = frozenset({
    "prompt", "negative_prompt", "width", "height", "num_inference_steps", "generator", "latents", "output_type",
    "return_dict", "num_images_per_prompt", "callback", "callback_steps", "callback_on_step_end",
    "callback_on_step_end_tensor_inputs", "max_sequence_length",
})  # fmt: skip
"""Arguments that the harness sets itself."""


@dataclass(frozen=True)
class Settings:
    """How pictures are drawn, as far as options and preset say; None leaves it to the pipeline."""

    steps: int | None
    guidance: float | None
    width: int | None
    height: int | None
    variant: str | None
    max_sequence_length: int | None
    negative_prompt: str
    """Stands in where a request has no negative prompt."""
    preset_call: Mapping[str, Any]
    """Further arguments of the call, from the preset."""
    call: Mapping[str, Any]
    """Further arguments of the call, from the user."""

    def described(self) -> str:
        """The settings that are not left to the pipeline, as one line of text."""
        known = {"steps": self.steps, "guidance": self.guidance, "width": self.width, "height": self.height, "variant": self.variant,
                 "max_sequence_length": self.max_sequence_length, "negative_prompt": self.negative_prompt or None,
                 **self.preset_call}  # fmt: skip
        return json.dumps({k: v for k, v in known.items() if v is not None}, sort_keys=True)


def settings(options: DiffusersOptions, preset: Preset | None) -> Settings:
    """The settings of a model: each from the options, or else from its preset."""

    def known(name: str) -> Any:
        given = getattr(options, name)
        return given if given is not None or preset is None else preset.get(name)

    return Settings(
        known("steps"),
        known("guidance"),
        known("width"),
        known("height"),
        known("variant"),
        known("max_sequence_length"),
        str(preset.get("negative_prompt", "")) if preset else "",
        dict(preset.get("call", {})) if preset else {},
        options.call,
    )


class Call:
    """The call of one pipeline class: which arguments it takes, and what they are for all pictures."""

    def __init__(self, pipeline: type, wanted: Settings) -> None:
        self.name = pipeline.__name__
        self.family: Family = family_of(self.name)
        self.accepts: Mapping[str, inspect.Parameter] = inspect.signature(pipeline.__call__).parameters
        encoder = getattr(pipeline, "encode_prompt", None)
        self.encoder_accepts = inspect.signature(encoder).parameters if encoder is not None else {}
        self._wanted = wanted
        if "prompt" not in self.accepts:
            raise BadOption(
                f"{self.name} does not draw from a prompt.", "Name a text-to-image model: harness list models"
            )

    @cached_property
    def arguments(self) -> Mapping[str, Any]:
        """The arguments that are the same for all pictures. Raises `BadOption` for what the call does not take."""
        wanted = self._wanted
        explicit = {"num_inference_steps": wanted.steps, self.family.guidance: wanted.guidance,
                    "max_sequence_length": wanted.max_sequence_length}  # fmt: skip
        found = {k: v for k, v in {**NEUTRAL, **wanted.preset_call}.items() if k in self.accepts}
        for name, value in explicit.items():
            if value is not None:
                found[self._checked(name)] = value
        for name, value in wanted.call.items():
            if name in OURS:
                raise BadOption(
                    f"The argument {name!r} is set by the harness.",
                    "Use the options steps, guidance, width, height, max_sequence_length.",
                )
            found[self._checked(name)] = value
        return found | {"output_type": "np"}

    def _checked(self, name: str) -> str:
        if name in self.accepts:
            return name
        known = sorted(set(self.accepts) - OURS - {"self", "kwargs"})
        guess = nearest(name, known)
        raise BadOption(
            f"{self.name} takes no argument {name!r}.",
            (f"Did you mean {guess!r}? " if guess else "") + f"It takes {', '.join(known)}.",
        )

    def value(self, name: str) -> Any:
        """What an argument is for all pictures: as set, or the call's own default; None where it takes no such."""
        if name in self.arguments:
            return self.arguments[name]
        parameter = self.accepts.get(name)
        return None if parameter is None or parameter.default is parameter.empty else parameter.default

    @property
    def reads_negative(self) -> bool:
        """Whether a negative prompt changes the picture."""
        takes = "negative_prompt" in self.accepts or "negative_prompt_embeds" in self.accepts
        return takes and (self.value(self.family.classifier_free) or 0) > 1
