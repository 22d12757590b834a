"""A batch of prompts on its way through a model, token by token, with the work on each prompt kept."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, TypeVar

import torch
import transformers as library

transformers: Any = library
R = TypeVar("R")


class Steps:
    """A prompt for each row, read once; tokens can be appended, or tried aside.

    Distributions come as float32 logits on the model's device. Which model inputs a step needs (positions, masks,
    pictures only at first) is left to the model's own preparation for generation.
    """

    def __init__(self, model: Any, ids: torch.Tensor, inputs: dict[str, Any]) -> None:
        self._model, self._ids, self._inputs = model, ids, inputs
        prepared = model.prepare_inputs_for_generation(ids, is_first_iteration=True, **inputs)
        self._outputs = model(**prepared, return_dict=True)
        self.first: torch.Tensor = self._outputs.logits[:, -1].float()
        """What comes after the prompts, shape (rows, vocabulary)."""

    def append(self, tokens: torch.Tensor) -> torch.Tensor:
        """Go on by one token for each row, shape (rows,); what comes after it, shape (rows, vocabulary)."""
        self._inputs = self._model._update_model_kwargs_for_generation(
            self._outputs, self._inputs, is_encoder_decoder=bool(self._model.config.is_encoder_decoder)
        )
        # A model that is spread over devices answers on another one than it is asked on.
        self._ids = torch.cat([self._ids, tokens[:, None].to(self._ids.device)], dim=1)
        prepared = self._model.prepare_inputs_for_generation(
            self._ids, next_sequence_length=1, **self._inputs
        )
        self._outputs = self._model(**prepared, return_dict=True)
        logits: torch.Tensor = self._outputs.logits[:, -1]
        return logits.float()

    def aside(self) -> Steps:
        """A second way on from here; what is appended to it leaves this one as it is."""
        other = copy.copy(self)
        other._inputs = dict(self._inputs)
        # Caches are written in place, and not all kinds can be cut back.
        other._outputs = copy.copy(self._outputs)
        for name in ("past_key_values", "cache_params"):
            if other._outputs.get(name) is not None:
                other._outputs[name] = copy.deepcopy(other._outputs[name])
        return other


def settings(pad: int | None) -> Any:
    """What `walk` tells `generate`: made once, since `generate` takes long to work it out itself.

    What is named here replaces what the model's own generation_config.json may ask for.
    """
    return transformers.GenerationConfig(
        max_new_tokens=1,
        do_sample=False,
        num_beams=1,
        num_return_sequences=1,
        use_cache=True,
        cache_implementation="dynamic",
        pad_token_id=pad,
    )


def walk(model: Any, inputs: dict[str, Any], settings: Any, reader: Callable[[Steps], R]) -> R:
    """Let `reader` walk from the prompts in `inputs`, which hold what the model's processor made, on its device."""
    found: list[R] = []

    def decode(
        model: Any,
        input_ids: torch.Tensor,
        logits_processor: Any,
        stopping_criteria: Any,
        generation_config: Any,
        **prepared: Any,
    ) -> torch.Tensor:
        found.append(reader(Steps(model, input_ids, prepared)))
        return input_ids

    # `generate` prepares positions, masks and caches as each architecture needs them. Its own loop, and whatever
    # the model's generation_config would do to the distributions (repetition penalties), are left out.
    model.generate(**inputs, custom_generate=decode, generation_config=settings)
    return found[0]
