from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from memobench_transformers.judge import TransformersJudge
from PIL import Image
from safetensors.torch import load_file, save_file

from harness import Capability, JudgeReply, JudgeRequest, Message, Part, Picture, Question
from harness.testing import Listed, models

LEVELS = ("very weak", "weak", "moderate", "strong", "very strong")
NAMES = ("llava", "qwen2-vl", "qwen2.5-vl")


def assert_same(one: JudgeReply, other: JudgeReply) -> None:
    """The same answer, up to float32 rounding."""
    assert one.error is other.error is None
    assert (one.text, one.finish_reason, one.usage) == (other.text, other.finish_reason, other.usage)
    assert dict(one.scores or {}) == pytest.approx(dict(other.scores or {}), abs=2e-5)


class TestAnswerModes:
    @pytest.mark.parametrize("name", NAMES)
    def test_log_probabilities(self, name: str, opened: Any, ask: Any, answers: Any) -> None:
        for reply in answers(opened(name, batch_size=4), ask("logprobs", 4)).values():
            assert set(reply.scores) == set(LEVELS)
            assert all(math.isfinite(score) and score < 0 for score in reply.scores.values())
            assert sum(map(math.exp, reply.scores.values())) < 1, "raw, not renormalized"
            assert (reply.text, reply.finish_reason) == (None, "stop")
            assert reply.usage["prompt_tokens"] > 10

    def test_pictures_matter(self, opened: Any, ask: Any, answers: Any) -> None:
        replies = answers(opened("llava", batch_size=4), ask("logprobs", 4))
        assert len({tuple(reply.scores.values()) for reply in replies.values()}) == 4

    @pytest.mark.parametrize("name", NAMES)
    def test_choices(self, name: str, opened: Any, ask: Any, answers: Any) -> None:
        replies = answers(opened(name, batch_size=4), ask("choice", 8))
        assert {reply.text for reply in replies.values()} <= set(LEVELS)
        assert {reply.finish_reason for reply in replies.values()} == {"stop"}

    @pytest.mark.parametrize("read", ["logprobs", "choice", "text"])
    def test_a_model_that_computes_nan(self, read: str, changed: Any, ask: Any, answers: Any) -> None:
        path = changed("llava") / "model.safetensors"
        tensors = load_file(path)
        tensors["language_model.model.norm.weight"].fill_(math.nan)
        save_file(tensors, path, metadata={"format": "pt"})
        judge = TransformersJudge(TransformersJudge.Options(ref=str(path.parent)))
        for sampling in ({}, {"temperature": 1.0}):
            for reply in answers(judge, ask(read, 2, **sampling)).values():
                assert reply.error.kind == "engine"
                assert "transformers computed NaN" in reply.error.message
        judge.close()

    def test_a_choice_is_never_truncated(self, opened: Any, ask: Any, answers: Any) -> None:
        replies = answers(opened("qwen2-vl", batch_size=4), ask("choice", 4, max_tokens=1))
        assert {reply.text for reply in replies.values()} <= set(LEVELS)

    @pytest.mark.parametrize("read", ["logprobs", "choice"])
    def test_labels_stand_for_options(self, read: str, opened: Any, ask: Any, answers: Any) -> None:
        labels = ("A", "B", "C", "D", "E")
        for reply in answers(opened("llava", batch_size=4), ask(read, 4, labels=labels)).values():
            if read == "choice":
                assert reply.text in labels
            else:
                assert set(reply.scores) == set(LEVELS)

    def test_the_score_of_a_label_does_not_depend_on_its_option(
        self, opened: Any, ask: Any, answers: Any
    ) -> None:
        """The option behind label A does not affect the probability of A."""
        judge, words = opened("llava", batch_size=4), tuple("ABCDE")
        by_label = answers(judge, ask("logprobs", 1, labels=words))["logprobs5-00"].scores
        swapped = answers(judge, ask("logprobs", 1, labels=words[::-1]))["logprobs5-00"].scores
        assert dict(by_label) != pytest.approx(dict(swapped), abs=1e-3)
        assert by_label["very weak"] == pytest.approx(swapped["very strong"], abs=1e-5)

    def test_several_pictures(self, opened: Any, ask: Any, answers: Any) -> None:
        asked = ask("logprobs", 3)
        pair = (asked[0].images[0], asked[1].images[0])
        messages = [
            (Message("user", (*(Part(image=n) for n in order), Part("Which is stronger?"))),)
            for order in ((0, 1), (1, 0))
        ]
        both = [dataclasses.replace(asked[n], images=pair, messages=m) for n, m in enumerate(messages)]
        replies = answers(opened("qwen2-vl", batch_size=4), [*both, asked[2]])
        assert all(reply.error is None for reply in replies.values())
        assert replies[both[0].id].scores != pytest.approx(replies[both[1].id].scores, abs=1e-4)

    def test_an_unsupported_answer_mode(self, opened: Any, ask: Any, answers: Any) -> None:
        [reply] = answers(opened("llava", batch_size=4), ask("rating", 1)).values()
        assert "rating" in reply.error.message
        assert not reply.error.retryable


class TestBatches:
    @pytest.mark.parametrize("name", NAMES)
    def test_a_mixed_batch_gives_the_same_answers_as_single_requests(
        self, name: str, opened: Any, mixed: Any, answers: Any
    ) -> None:
        alone = answers(opened(name, batch_size=1), mixed)
        for size in (4, 64):
            together = answers(opened(name, batch_size=size), mixed)
            assert together.keys() == alone.keys()
            for id_, reply in alone.items():
                assert_same(reply, together[id_])

    def test_sampled_answers_do_not_depend_on_the_batch(self, opened: Any, ask: Any, answers: Any) -> None:
        requests = [r for read in ("text", "choice") for r in ask(read, 8, temperature=1.5, top_p=0.9)]
        alone = answers(opened("llava", batch_size=1), requests)
        together = answers(opened("llava", batch_size=4), requests[::-1])
        for id_, reply in alone.items():
            assert_same(reply, together[id_])
        other = answers(opened("llava", batch_size=4), ask("text", 8, temperature=1.5, top_p=0.9, seed=99))
        assert any(other[id_].text != alone[id_].text for id_ in other)

    def test_judge_and_stream_give_the_same_answers(self, opened: Any, mixed: Any, answers: Any) -> None:
        judge = opened("llava", batch_size=4)
        streamed = answers(judge, mixed)
        batch = {reply.id: reply for reply in judge.judge(mixed)}
        assert batch.keys() == streamed.keys()
        for id_, reply in batch.items():
            assert_same(reply, streamed[id_])


class CustomError(Exception):
    """An exception type from a model's own code."""


@contextmanager
def failing(judge: TransformersJudge, inject: Callable[[torch.Tensor], None]) -> Iterator[list[int]]:
    """Call `inject` on the pictures of every batch before the model. Yields the batch sizes."""
    sizes: list[int] = []

    def hook(_module: Any, given: tuple[Any, ...], named: dict[str, Any]) -> None:
        pixels = given[0] if given else named["pixel_values"]
        sizes.append(len(pixels))
        inject(pixels)

    handle = judge._runner._model.model.vision_tower.register_forward_pre_hook(hook, with_kwargs=True)
    limit = judge._runner._limit
    try:
        yield sizes
    finally:
        handle.remove()
        judge._runner._limit = limit


class TestFailures:
    def test_one_item_does_not_fail_its_batch(self, opened: Any, ask: Any, answers: Any) -> None:
        judge, requests = opened("llava", batch_size=4), ask("logprobs", 8)
        black = Picture("0" * 64, Image.new("RGB", (64, 64)))
        requests[2] = dataclasses.replace(requests[2], images=(black,))

        def inject(pixels: torch.Tensor) -> None:
            if any(float(picture.std()) < 0.3 for picture in pixels):
                raise CustomError("a picture without light")

        usual = answers(judge, requests)
        with failing(judge, inject) as sizes:
            replies = answers(judge, requests)
        failed = replies.pop(requests[2].id)
        assert (failed.error.kind, failed.error.message) == ("CustomError", "a picture without light")
        assert 4 in sizes
        for id_, reply in replies.items():
            assert_same(reply, usual[id_])

    def test_out_of_memory_halves_the_batch_size_permanently(
        self, opened: Any, ask: Any, answers: Any
    ) -> None:
        judge, requests = opened("llava", batch_size=64), ask("choice", 16)

        def inject(pixels: torch.Tensor) -> None:
            if len(pixels) > 2:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

        usual = answers(judge, requests)
        with failing(judge, inject) as sizes:
            replies = answers(judge, requests)
        assert sizes == [16, 8, 4, *[2] * 8]
        for id_, reply in replies.items():
            assert_same(reply, usual[id_])

    def test_out_of_memory_with_a_single_item(self, opened: Any, ask: Any, answers: Any) -> None:
        judge, requests = opened("llava", batch_size=4), ask("text", 3)

        def inject(_pixels: torch.Tensor) -> None:
            raise RuntimeError(
                "[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"
            )

        with failing(judge, inject):
            replies = answers(judge, requests)
        for reply in replies.values():
            assert reply.error.kind == "out_of_memory"
            assert reply.error.retryable
            assert "-o batch_size" in reply.error.message

    def test_a_processor_that_pads_on_the_right(self, opened: Any, mixed: Any, answers: Any) -> None:
        judge = opened("llava", batch_size=4)
        usual, tokenizer = answers(judge, mixed), judge._runner._processor.tokenizer
        tokenizer.padding_side = "right"
        try:
            replies = answers(judge, mixed)
        finally:
            tokenizer.padding_side = "left"
        assert replies.keys() == usual.keys()
        for id_, reply in replies.items():
            assert_same(reply, usual[id_])

    @pytest.mark.parametrize("read", ["logprobs", "choice", "text"])
    def test_a_prompt_that_is_too_long(self, read: str, opened: Any, ask: Any, answers: Any) -> None:
        requests = ask(read, 4)
        words = Part("How strong? " + "happy " * 3000)
        requests[1] = dataclasses.replace(requests[1], messages=(Message("user", (Part(image=0), words)),))
        replies = answers(opened("llava", batch_size=4), requests)
        failed = replies.pop(requests[1].id)
        assert failed.error.kind == "prompt_too_long"
        assert f"the model's context length is {models.POSITIONS}" in failed.error.message
        assert all(reply.error is None for reply in replies.values())

    def test_a_text_that_contains_the_picture_placeholder(self, opened: Any, ask: Any, answers: Any) -> None:
        """Otherwise the pictures of the whole batch would shift by one."""
        judge, requests = opened("llava", batch_size=4), ask("logprobs", 4)
        usual = answers(judge, requests)
        words = Part("Is it <image> or happy?")
        requests[0] = dataclasses.replace(requests[0], messages=(Message("user", (Part(image=0), words)),))
        replies = answers(judge, requests)
        failed = replies.pop(requests[0].id)
        assert failed.error.kind == "refused_input"
        assert "'<image>'" in failed.error.message
        for id_, reply in replies.items():
            assert_same(reply, usual[id_])

    def test_an_option_without_tokens(self, opened: Any, ask: Any, answers: Any) -> None:
        judge, requests = opened("llava", batch_size=4), ask("logprobs", 2)
        question = Question("choice", ("happy", ""), answer_mode="logprobs")
        replies = answers(judge, [dataclasses.replace(requests[0], question=question), requests[1]])
        assert "no tokens for the option ''" in replies[requests[0].id].error.message
        assert not replies[requests[0].id].error.retryable
        assert replies[requests[1].id].error is None

    def test_a_text_question_without_a_picture(self, opened: Any, ask: Any, answers: Any) -> None:
        [request] = ask("text", 1)
        bare = dataclasses.replace(request, images=(), messages=(Message("user", (Part("Which emotion?"),)),))
        [reply] = answers(opened("llava", batch_size=4), [bare]).values()
        assert reply.error is None
        assert reply.text is not None


class TestLifetime:
    def test_it_opens_itself_and_closes_twice(self, tiny: Any, ask: Any) -> None:
        judge = TransformersJudge(TransformersJudge.Options(ref=str(tiny("llava"))))
        judge.close()
        [reply] = judge.stream(Listed(ask("logprobs", 1)))
        assert reply.error is None
        judge.close()
        judge.close()
        [again] = judge.stream(Listed(ask("logprobs", 1)))
        assert_same(reply, again)
        judge.close()

    def test_capabilities(self, tiny: Any) -> None:
        judge = TransformersJudge(TransformersJudge.Options(ref=str(tiny("llava"))))
        assert judge.capabilities == {
            Capability.TEXT,
            Capability.CHOICE,
            Capability.LOGPROBS,
            Capability.MULTI_IMAGE,
        }
        assert judge.takes == "pixels"

    def test_nothing_is_printed(self, tiny: Any, ask: Any, capfd: pytest.CaptureFixture[str]) -> None:
        tiny("llava")
        capfd.readouterr()
        judge = TransformersJudge(TransformersJudge.Options(ref=str(tiny("llava"))))
        assert list(judge.stream(Listed([*ask("logprobs", 2), *ask("text", 2)])))
        judge.close()
        assert capfd.readouterr() == ("", "")

    def test_library_logging_is_restored(self, opened: Any, ask: Any, answers: Any) -> None:
        from transformers.utils import logging

        before = logging.get_verbosity(), logging.is_progress_bar_enabled()
        answers(opened("llava", batch_size=4), ask("text", 2))
        assert (logging.get_verbosity(), logging.is_progress_bar_enabled()) == before


def test_generation_config_does_not_affect_answers(
    tiny: Callable[[str], Path],
    changed: Callable[..., Path],
    opened: Any,
    mixed: list[JudgeRequest],
    answers: Any,
) -> None:
    """Repetition penalties, beams and similar settings are ignored, except for the stop tokens."""
    folder = changed(
        "llava",
        "generation_config.json",
        num_beams=3,
        num_return_sequences=2,
        do_sample=True,
        temperature=0.01,
        repetition_penalty=1.5,
        no_repeat_ngram_size=2,
        min_length=100,
        max_length=20,
        suppress_tokens=[5, 6, 7],
        cache_implementation="static",
    )
    judge = TransformersJudge(TransformersJudge.Options(ref=str(folder), batch_size=4))
    usual = answers(opened("llava", batch_size=4), mixed)
    replies = answers(judge, mixed)
    judge.close()
    assert replies.keys() == usual.keys()
    for id_, reply in replies.items():
        assert_same(reply, usual[id_])
