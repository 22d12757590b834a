"""Encodes each distinct prompt once, and keeps what came of it as long as there is room."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from memobench_diffusers.settings import Call
from memobench_diffusers.tokens import TokenCounter

Asked = tuple[str, str]
"""Prompt and negative prompt."""


@dataclass(frozen=True)
class Encoded:
    """One prompt as the denoiser takes it: tensors (or lists of them) of one row each, by argument of the call."""

    arguments: Mapping[str, Any]
    cut: Mapping[str, int] = field(default_factory=dict)
    """Text encoder -> tokens at the prompt's end that it does not read."""

    @property
    def shape(self) -> tuple[Any, ...]:
        """Prompts of equal shape can be drawn in one batch."""
        return tuple(
            (k, tuple(v.shape[1:]) if isinstance(v, torch.Tensor) else None)
            for k, v in self.arguments.items()
        )

    @property
    def nbytes(self) -> int:
        """Bytes that it holds."""
        values = [
            v for value in self.arguments.values() for v in (value if isinstance(value, list) else [value])
        ]
        return sum(v.numel() * v.element_size() for v in values)


class PromptEncoder:
    """The text encoders of one pipeline, apart from its denoiser."""

    def __init__(
        self, pipeline: Any, call: Call, counter: TokenCounter, batch: int, cache_bytes: int
    ) -> None:
        self._pipeline, self._call, self._counter = pipeline, call, counter
        self._batch = 1 if call.family.alone else batch
        self._room = cache_bytes
        self._kept: OrderedDict[Asked, Encoded] = OrderedDict()
        self._held = 0

    def encode(self, asked: Sequence[Asked]) -> dict[Asked, Encoded]:
        """Each distinct prompt, encoded now or before."""
        found = {}
        for key in dict.fromkeys(asked):
            if key in self._kept:
                self._kept.move_to_end(key)
                found[key] = self._kept[key]
        for chunk in _chunks([k for k in dict.fromkeys(asked) if k not in found], self._batch):
            for key, encoded in zip(chunk, self._encode(chunk), strict=True):
                found[key] = encoded
                self._keep(key, encoded)
        return found

    def _keep(self, key: Asked, encoded: Encoded) -> None:
        self._kept[key] = encoded
        self._held += encoded.nbytes
        while self._held > self._room:
            _, oldest = self._kept.popitem(last=False)
            self._held -= oldest.nbytes

    @torch.no_grad()
    def _encode(self, chunk: Sequence[Asked]) -> list[Encoded]:
        prompts, negative = [prompt for prompt, _ in chunk], chunk[0][1]
        with self._counter.counting() as cut:
            values = self._returned(prompts, negative)
        if negative and self._call.reads_negative and not self._pairs:
            other = self._returned([negative] * len(prompts), "")
            values |= {f"negative_{name}": value for name, value in other.items()}
        values = {k: v for k, v in values.items() if k in self._call.accepts and v is not None}
        return [
            Encoded({k: v[i : i + 1] for k, v in values.items()}, {k: v[i] for k, v in cut.items() if v[i]})
            for i in range(len(prompts))
        ]

    @property
    def _pairs(self) -> bool:
        """Whether one call of the encoder gives the negative prompt's encoding too."""
        return "do_classifier_free_guidance" in self._call.encoder_accepts

    def _returned(self, prompts: list[str], negative: str) -> dict[str, Any]:
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
            "do_classifier_free_guidance": (self._call.value(family.classifier_free) or 0) > 1,
            **family.encode,
        }
        for further in ("prompt_2", "prompt_3"):
            arguments[further] = None
        arguments.pop("negative_prompt", None)
        if negative:
            arguments["negative_prompt"] = [negative] * len(prompts)
        given = self._pipeline.encode_prompt(
            **{k: v for k, v in arguments.items() if k in accepts and k != "self"}
        )
        return dict(zip(family.embeddings, given, strict=True))


def _chunks(asked: Sequence[Asked], size: int) -> Iterator[list[Asked]]:
    """Prompts that go through the encoder together: at most `size`, with the same negative prompt."""
    by_negative: dict[str, list[Asked]] = {}
    for key in asked:
        by_negative.setdefault(key[1], []).append(key)
    for keys in by_negative.values():
        for start in range(0, len(keys), size):
            yield keys[start : start + size]


def joined(rows: Sequence[Encoded]) -> dict[str, Any]:
    """The arguments of one batch: the rows of several prompts below each other."""
    return {
        name: torch.cat([row.arguments[name] for row in rows])
        if isinstance(value, torch.Tensor)
        else [tensor for row in rows for tensor in row.arguments[name]]
        for name, value in rows[0].arguments.items()
    }
