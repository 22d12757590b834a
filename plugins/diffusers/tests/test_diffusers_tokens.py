"""Truncated prompts are reported per text encoder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness import ImageRequest

pytestmark = pytest.mark.e2e

LONG = "person " * 20  # the tiny tokenizers have a token per letter, so 120; CLIP drops spaces


def truncated(generator: Any, *prompts: str, negative: str = "") -> list[dict[str, int]]:
    requests = [ImageRequest(f"t{i}", p, negative, seed=i) for i, p in enumerate(prompts)]
    replies = {r.id: r for r in generator.generate(requests)}
    assert {r.outcome for r in replies.values()} == {"ok"}
    return [dict(replies[f"t{i}"].extra.get("prompt_tokens_cut", {})) for i in range(len(prompts))]


def test_clip_reads_77_tokens_with_start_and_end(tiny: Callable[..., Path], make: Callable[..., Any]) -> None:
    fits, over = "a" * 75, "a" * 76
    generator = make(tiny("sd-1.5"))
    assert truncated(generator, fits, over, LONG, "short") == [
        {},
        {"text_encoder": 1},
        {"text_encoder": 45},
        {},
    ]
    assert truncated(generator, LONG) == [{"text_encoder": 45}], "cached prompts are counted too"


def test_each_encoder_is_counted_separately(tiny: Callable[..., Path], make: Callable[..., Any]) -> None:
    assert truncated(make(tiny("sdxl")), "short", LONG) == [{}, {"text_encoder": 45, "text_encoder_2": 45}]
    # T5 counts spaces, and reads as many tokens as configured.
    read = truncated(make(tiny("sd3"), max_sequence_length=100), LONG)[0]
    assert {k: read[k] for k in ("text_encoder", "text_encoder_2")} == {
        "text_encoder": 45,
        "text_encoder_2": 45,
    }
    assert read["text_encoder_3"] >= 40
    assert "text_encoder_3" not in truncated(make(tiny("sd3")), LONG)[0]
    more, less = (
        truncated(make(tiny("flux"), max_sequence_length=n), LONG)[0]["text_encoder_2"] for n in (64, 80)
    )
    assert more - less == 16


def test_a_long_negative_prompt_is_not_counted(tiny: Callable[..., Path], make: Callable[..., Any]) -> None:
    assert truncated(make(tiny("sd-1.5")), "short", negative=LONG) == [{}]


def test_families_that_encode_within_the_batch_are_counted_too(
    tiny: Callable[..., Path], make: Callable[..., Any]
) -> None:
    generator = make(tiny("sd-1.5"))
    generator.open()
    generator._encoder = None
    assert truncated(generator, "short", LONG, "a" * 76) == [{}, {"text_encoder": 45}, {"text_encoder": 1}]
