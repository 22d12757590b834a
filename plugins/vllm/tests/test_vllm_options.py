"""Options reach the engine under vLLM's own names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from memobench_vllm import engine
from memobench_vllm.judge import VllmJudge
from memobench_vllm.options import VllmOptions

from harness import EMOTIONS, JudgeRequest
from harness.hub import Resolved
from harness.mllm import presets
from harness.testing import Listed

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
TOKEN = 28 * 28
"""Pixels per token of Qwen2-VL."""


def test_options_reach_the_engine(
    tiny: Callable[[str], Path], ask: Callable[..., list[JudgeRequest]]
) -> None:
    judge = VllmJudge(
        VllmJudge.Options(
            ref=str(tiny("qwen2-vl")),
            dtype="float32",
            max_model_len=192,
            max_num_seqs=3,
            block_size=64,
            seed=5,
            enable_prefix_caching=False,
            mm_processor_cache_gb=0,
            max_pixels=6 * TOKEN,
            min_pixels=4 * TOKEN,
            limit_mm_per_prompt={"image": 2, "video": 0},
            engine={"max_logprobs": 7},
        )
    )
    judge.open()
    try:
        config = judge._llm.llm_engine.vllm_config
        assert str(config.model_config.dtype) == "torch.float32"
        assert config.model_config.max_model_len == 192
        assert config.model_config.max_logprobs == 7
        assert config.model_config.seed == 5
        assert config.scheduler_config.max_num_seqs == 3
        assert config.cache_config.block_size == 64
        assert not config.cache_config.enable_prefix_caching
        assert config.model_config.multimodal_config.get_limit_per_prompt("video") == 0
        placeholder = judge._llm.get_tokenizer().convert_tokens_to_ids("<|image_pad|>")
        requests = ask(EMOTIONS, "logprobs", 6)
        text = {r.id: judge._prompter.tokens([judge._prompter.render(r.messages)])[0] for r in requests}
        replies = list(judge.stream(Listed(requests)))
        for reply in replies:
            assert reply.usage is not None
            assert text[reply.id].count(placeholder) == 1
            assert 4 <= reply.usage["prompt_tokens"] - (len(text[reply.id]) - 1) <= 6, "tokens of the picture"
            assert reply.timings is not None
            assert reply.timings["cached_pictures"] == 0
        assert len(replies) == 6
    finally:
        judge.close()


def test_a_preset_that_bounds_the_context_leaves_room_for_a_thought() -> None:
    preset = next(p for p in presets().values() if p.get("max_model_len") and p.get("context"))
    model = Resolved("hub", preset.ref, None)
    options = VllmOptions(ref=preset.ref)
    bound, context = preset.get("max_model_len"), preset.get("context")
    assert engine._arguments(options, model)["max_model_len"] == bound
    assert engine._arguments(options, model, 100)["max_model_len"] == min(bound + 100, context)
    assert engine._arguments(options, model, 10**7)["max_model_len"] == context
    assert (
        engine._arguments(VllmOptions(ref=preset.ref, max_model_len=999), model, 100)["max_model_len"] == 999
    )
