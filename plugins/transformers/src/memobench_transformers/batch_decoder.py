"""Token-by-token decoding of a batch of prompts with a KV cache."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, TypeVar

import torch
import transformers as library

transformers: Any = library
R = TypeVar("R")


class BatchDecoder:
    """One prompt per row, prefilled once. Tokens can be appended, here or to a fork.

    Distributions are float32 logits on the model's device. The model's own preparation for generation decides which
    inputs a step needs (positions, masks, pictures only in the first step).
    """

    def __init__(self, model: Any, ids: torch.Tensor, inputs: dict[str, Any]) -> None:
        self._model, self._ids, self._inputs = model, ids, inputs
        prepared = model.prepare_inputs_for_generation(ids, is_first_iteration=True, **inputs)
        self._outputs = model(**prepared, return_dict=True)
        self.first_logits: torch.Tensor = self._outputs.logits[:, -1].float()
        """Next-token logits after the prompts, shape (rows, vocabulary)."""

    def append(self, tokens: torch.Tensor) -> torch.Tensor:
        """Append one token per row, shape (rows,). Returns the next-token logits, shape (rows, vocabulary)."""
        self._inputs = self._model._update_model_kwargs_for_generation(
            self._outputs, self._inputs, is_encoder_decoder=bool(self._model.config.is_encoder_decoder)
        )
        # A model spread over devices may return its output on a different device than its input.
        self._ids = torch.cat([self._ids, tokens[:, None].to(self._ids.device)], dim=1)
        prepared = self._model.prepare_inputs_for_generation(
            self._ids, next_sequence_length=1, **self._inputs
        )
        self._outputs = self._model(**prepared, return_dict=True)
        logits: torch.Tensor = self._outputs.logits[:, -1]
        return logits.float()

    def fork(self) -> BatchDecoder:
        """An independent copy of the current state."""
        other = copy.copy(self)
        other._inputs = dict(self._inputs)
        # Caches are updated in place, and some kinds cannot be truncated.
        other._outputs = copy.copy(self._outputs)
        for name in ("past_key_values", "cache_params"):
            if other._outputs.get(name) is not None:
                other._outputs[name] = copy.deepcopy(other._outputs[name])
        return other


def generation_settings(pad: int | None) -> Any:
    """The generation config for `run_decoder`. Build it once: `generate` is slow to derive it itself.

    These values override the model's own generation_config.json.
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


def run_decoder(
    model: Any, inputs: dict[str, Any], settings: Any, callback: Callable[[BatchDecoder], R]
) -> R:
    """Run `callback` on a decoder for `inputs`, the output of the model's processor on the model's device."""
    result: list[R] = []

    def decode(
        model: Any,
        input_ids: torch.Tensor,
        logits_processor: Any,
        stopping_criteria: Any,
        generation_config: Any,
        **prepared: Any,
    ) -> torch.Tensor:
        result.append(callback(BatchDecoder(model, input_ids, prepared)))
        return input_ids

    # `generate` prepares positions, masks and caches as each architecture needs them. This skips its own loop and
    # any changes of the distributions by the model's generation_config (repetition penalties).
    model.generate(**inputs, custom_generate=decode, generation_config=settings)
    return result[0]
