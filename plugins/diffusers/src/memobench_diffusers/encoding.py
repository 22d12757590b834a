"""Encodes each distinct prompt once and caches the embeddings within a memory limit."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from memobench_diffusers.settings import PipelineCall
from memobench_diffusers.tokens import TruncationCounter

PromptPair = tuple[str, str]
"""Prompt and negative prompt."""


@dataclass(frozen=True)
class EncodedPrompt:
    """One prompt's embeddings by call argument: tensors, or lists of tensors, with a batch axis of length 1."""

    arguments: Mapping[str, Any]
    truncated: Mapping[str, int] = field(default_factory=dict)
    """Text encoder -> number of prompt tokens that it truncates."""

    @property
    def shape(self) -> tuple[Any, ...]:
        """Prompts with equal shapes fit in one batch."""
        return tuple(
            (k, tuple(v.shape[1:]) if isinstance(v, torch.Tensor) else None)
            for k, v in self.arguments.items()
        )

    @property
    def nbytes(self) -> int:
        values = [
            v for value in self.arguments.values() for v in (value if isinstance(value, list) else [value])
        ]
        return sum(v.numel() * v.element_size() for v in values)


class PromptEncoder:
    """Runs the text encoders of one pipeline and caches their output."""

    def __init__(
        self, pipeline: Any, call: PipelineCall, counter: TruncationCounter, batch: int, cache_bytes: int
    ) -> None:
        self._pipeline, self._call, self._counter = pipeline, call, counter
        self._batch = 1 if call.family.encode_singly else batch
        self._capacity = cache_bytes
        self._cache: OrderedDict[PromptPair, EncodedPrompt] = OrderedDict()
        self._cached_bytes = 0

    def encode(self, prompts: Sequence[PromptPair]) -> dict[PromptPair, EncodedPrompt]:
        """The embeddings of each distinct prompt, from the cache where possible."""
        found = {}
        for key in dict.fromkeys(prompts):
            if key in self._cache:
                self._cache.move_to_end(key)
                found[key] = self._cache[key]
        for chunk in _chunks([k for k in dict.fromkeys(prompts) if k not in found], self._batch):
            for key, encoded in zip(chunk, self._encode(chunk), strict=True):
                found[key] = encoded
                self._store(key, encoded)
        return found

    def _store(self, key: PromptPair, encoded: EncodedPrompt) -> None:
        self._cache[key] = encoded
        self._cached_bytes += encoded.nbytes
        while self._cached_bytes > self._capacity:
            _, oldest = self._cache.popitem(last=False)
            self._cached_bytes -= oldest.nbytes

    @torch.no_grad()
    def _encode(self, chunk: Sequence[PromptPair]) -> list[EncodedPrompt]:
        prompts, negative = [prompt for prompt, _ in chunk], chunk[0][1]
        with self._counter.counting() as truncated:
            values = self._call_encoder(prompts, negative)
        wanted = bool(negative) or self._call.family.needs_negative
        if wanted and self._call.uses_negative and not self._returns_negative:
            extra = self._call_encoder([negative] * len(prompts), "")
            values |= {f"negative_{name}": value for name, value in extra.items()}
        values = {k: v for k, v in values.items() if k in self._call.accepts and v is not None}
        return [
            EncodedPrompt(
                {k: v[i : i + 1] for k, v in values.items()}, {k: v[i] for k, v in truncated.items() if v[i]}
            )
            for i in range(len(prompts))
        ]

    @property
    def _returns_negative(self) -> bool:
        """Whether `encode_prompt` also returns the negative prompt's embeddings."""
        return "do_classifier_free_guidance" in self._call.encoder_accepts

    def _call_encoder(self, prompts: list[str], negative: str) -> dict[str, Any]:
        family, accepts = self._call.family, self._call.encoder_accepts
        arguments: dict[str, Any] = {
            name: self._call.value(name)
            for name in accepts
            if name in self._call.accepts and name not in family.embeddings
        }
        arguments |= {
            "prompt": prompts,
            "device": self._pipeline._execution_device,
            "num_images_per_prompt": 1,
            "do_classifier_free_guidance": self._call.guided,
            **family.encode_arguments,
        }
        for name in ("prompt_2", "prompt_3"):
            arguments[name] = None
        arguments.pop("negative_prompt", None)
        if negative:
            arguments["negative_prompt"] = [negative] * len(prompts)
        embeddings = self._pipeline.encode_prompt(
            **{k: v for k, v in arguments.items() if k in accepts and k != "self"}
        )
        return dict(zip(family.embeddings, embeddings, strict=True))


def _chunks(prompts: Sequence[PromptPair], size: int) -> Iterator[list[PromptPair]]:
    """Split prompts into encoder batches of at most `size` that share a negative prompt."""
    by_negative: dict[str, list[PromptPair]] = {}
    for key in prompts:
        by_negative.setdefault(key[1], []).append(key)
    for keys in by_negative.values():
        for start in range(0, len(keys), size):
            yield keys[start : start + size]


def collate(rows: Sequence[EncodedPrompt]) -> dict[str, Any]:
    """Concatenate the embeddings of several prompts along the batch axis."""
    return {
        name: torch.cat([row.arguments[name] for row in rows])
        if isinstance(value, torch.Tensor)
        else [tensor for row in rows for tensor in row.arguments[name]]
        for name, value in rows[0].arguments.items()
    }
