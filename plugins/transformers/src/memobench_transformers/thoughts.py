"""A thought before an answer: when a row has closed it, and the prompts that go on after it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from harness.mllm import Prompter


def closed_by(prompter: Prompter) -> Callable[[Sequence[int]], bool] | None:
    """Whether the last of a row's tokens close its thought; None if nothing does."""
    closing = prompter.thinking.closing
    if not closing:
        return None
    # A token has at least one byte, so these tokens hold the whole mark however it is spelled.
    most = len(closing.encode())
    return lambda tokens: closing in prompter.decoded(tokens[-most:])


def continued(
    inputs: dict[str, Any], lengths: Sequence[int], added: Sequence[Sequence[int]], pad: int
) -> dict[str, Any]:
    """The inputs of a batch with more tokens after each prompt, padded on the left again."""
    ids = inputs["input_ids"]
    width = max(length + len(more) for length, more in zip(lengths, added, strict=True))
    found = dict(inputs)
    for name, given in inputs.items():
        if not isinstance(given, torch.Tensor) or given.shape != ids.shape:
            continue  # Pictures, and what is about them.
        filled = torch.full((len(lengths), width), pad if name == "input_ids" else 0, dtype=given.dtype)
        for row, (length, more) in enumerate(zip(lengths, added, strict=True)):
            end = width - len(more)
            filled[row, end - length : end] = given[row, given.shape[1] - length :].cpu()
            if name == "input_ids":
                filled[row, end:] = torch.tensor(list(more), dtype=given.dtype)
            elif name == "attention_mask":
                filled[row, end:] = 1
        found[name] = filled.to(given.device)
    return found
