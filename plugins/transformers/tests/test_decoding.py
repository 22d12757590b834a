"""Scores and texts, against a plain forward pass or `generate` of the same model."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import torch
from memobench_transformers.batch_decoder import generation_settings, run_decoder
from memobench_transformers.constraints import TreeConstraint
from memobench_transformers.decoding import RowState, score_sequences
from memobench_transformers.judge import TransformersJudge

from harness import JudgeRequest, Sampling
from harness.mllm import WordTree, answer_words, candidate_tokens


def unbatched(judge: TransformersJudge, request: JudgeRequest) -> tuple[Any, dict[str, Any], str]:
    """The model, the unpadded inputs of one request, and its prompt."""
    runner = judge._runner
    assert runner is not None
    prompt = runner.prepare(request).prompt
    inputs = runner._processor(text=[prompt], images=[[request.images[0].image]], return_tensors="pt")
    return runner._model, dict(inputs), prompt


class TestScores:
    @pytest.mark.parametrize("name", ["llava", "qwen2-vl", "qwen2.5-vl"])
    def test_they_equal_a_forward_pass_over_the_whole_text(
        self, name: str, opened: Any, ask: Any, answers: Any
    ) -> None:
        """Each option appended to the prompt, in one pass without caches, padding or batches."""
        judge, requests = opened(name, batch_size=4), ask("logprobs", 4)
        found = answers(judge, requests)
        for request in requests:
            model, inputs, prompt = unbatched(judge, request)
            tokenizer = judge._runner._processor.tokenizer
            words = answer_words(request.question)
            encode: Callable[[str], Any] = lambda text: tokenizer(text, add_special_tokens=False)["input_ids"]  # noqa: B023, E731
            for option, tokens in zip(
                request.question.options, candidate_tokens(encode, prompt, words), strict=True
            ):
                score = log_probability(model, inputs, tokens)
                assert found[request.id].scores[option] == pytest.approx(score, abs=2e-5)

    def test_deep_trees_and_words_that_are_prefixes(self, opened: Any, ask: Any) -> None:
        judge = opened("llava", batch_size=4)
        model, inputs, _ = unbatched(judge, ask("logprobs", 1)[0])
        sequences = [(40, 41, 42), (40, 41, 50, 51), (40, 60), (70, 71), (70,), (80,)]
        with torch.inference_mode():
            [found] = run_decoder(
                model,
                inputs,
                generation_settings(0),
                lambda decoder: score_sequences(decoder, WordTree(sequences)),
            )
        for sequence, score in zip(sequences, found, strict=True):
            wanted = log_probability(model, inputs, sequence)
            if sequence == (70,):
                wanted = math.log(math.exp(wanted) - math.exp(log_probability(model, inputs, (70, 71))))
            assert score == pytest.approx(wanted, abs=2e-5)

    def test_a_fork_does_not_change_the_original(self, opened: Any, ask: Any) -> None:
        judge = opened("qwen2-vl", batch_size=4)
        model, inputs, _ = unbatched(judge, ask("logprobs", 1)[0])

        def callback(decoder: Any) -> tuple[torch.Tensor, torch.Tensor]:
            token = torch.tensor([40])
            fork = decoder.fork()
            fork.append(torch.tensor([99]))
            first = decoder.fork().append(token)
            return first, decoder.append(token)

        with torch.inference_mode():
            first, again = run_decoder(model, inputs, generation_settings(0), callback)
        assert torch.equal(first, again)


@torch.inference_mode()
def log_probability(model: Any, inputs: dict[str, Any], tokens: tuple[int, ...]) -> float:
    ids = torch.cat([inputs["input_ids"], torch.tensor([tokens])], dim=1)
    longer = {**inputs, "input_ids": ids, "attention_mask": torch.ones_like(ids)}
    if "mm_token_type_ids" in inputs:
        longer["mm_token_type_ids"] = torch.nn.functional.pad(inputs["mm_token_type_ids"], (0, len(tokens)))
    before = model(**longer).logits[0, -len(tokens) - 1 : -1].double().log_softmax(dim=-1)
    return float(sum(before[n, token] for n, token in enumerate(tokens)))


class TestText:
    @pytest.mark.parametrize("name", ["llava", "qwen2-vl", "qwen2.5-vl"])
    def test_it_equals_the_output_of_generate(self, name: str, opened: Any, ask: Any, answers: Any) -> None:
        judge, requests = opened(name, batch_size=4), ask("text", 6)
        found = answers(judge, requests)
        for request in requests:
            model, inputs, _ = unbatched(judge, request)
            out = model.generate(**inputs, max_new_tokens=8, do_sample=False)[
                0, inputs["input_ids"].shape[1] :
            ]
            text = judge._runner._processor.tokenizer.decode(out, skip_special_tokens=True)
            assert found[request.id].text == text.rstrip("\ufffd").strip()
            assert found[request.id].usage["completion_tokens"] == len(out)

    def test_it_ends_at_a_stop_token(self, opened: Any, ask: Any, answers: Any) -> None:
        judge, [request] = opened("llava", batch_size=4), ask("text", 1)
        [whole] = answers(judge, [request]).values()
        model, inputs, _ = unbatched(judge, request)
        third = int(model.generate(**inputs, max_new_tokens=3, do_sample=False)[0, -1])
        original, judge._runner._stop_tokens = judge._runner._stop_tokens, frozenset({third})
        try:
            [short] = answers(judge, [request]).values()
        finally:
            judge._runner._stop_tokens = original
        assert (whole.finish_reason, short.finish_reason) == ("length", "stop")
        assert short.usage["completion_tokens"] <= 3
        assert whole.text.startswith(short.text)

    def test_max_tokens_is_respected(self, opened: Any, ask: Any, answers: Any) -> None:
        judge = opened("llava", batch_size=4)
        for limit in (1, 5):
            for reply in answers(judge, ask("text", 3, max_tokens=limit)).values():
                assert reply.usage["completion_tokens"] <= limit


class TestSampling:
    """Sampling of one token from the logits of three tokens."""

    LOGITS = torch.tensor([0.0, 1.0, 2.0])

    def sampled(self, n: int = 400, **sampling: Any) -> Counter[int]:
        answers = [
            RowState(Sampling(**({"temperature": 1.0, "seed": seed} | sampling)), ()) for seed in range(n)
        ]
        return Counter(answer.next_token(self.LOGITS, 2) for answer in answers)

    def test_temperature_0_gives_the_argmax(self) -> None:
        assert self.sampled(temperature=0.0) == {2: 400}

    def test_frequencies_match_the_softmax(self) -> None:
        wanted = torch.softmax(self.LOGITS, dim=0).tolist()
        found = self.sampled(2000)
        assert [found[n] / 2000 for n in range(3)] == pytest.approx(wanted, abs=0.04)

    def test_temperature_sharpens(self) -> None:
        assert self.sampled(temperature=0.25)[2] > self.sampled()[2] > self.sampled(temperature=4.0)[2]

    @pytest.mark.parametrize(
        ("top_p", "kept"), [(0.1, {2}), (0.66, {2}), (0.7, {1, 2}), (0.95, {0, 1, 2}), (1.0, {0, 1, 2})]
    )
    def test_top_p_keeps_the_most_likely_tokens(self, top_p: float, kept: set[int]) -> None:
        # The probabilities are 0.09, 0.245 and 0.665.
        assert set(self.sampled(top_p=top_p)) == kept

    def test_samples_depend_on_the_seed(self) -> None:
        def chain(seed: int) -> list[int]:
            answer = RowState(Sampling(temperature=1.0, seed=seed, max_tokens=20), ())
            return [answer.next_token(self.LOGITS, 2) for _ in range(20)]

        assert chain(1) == chain(1)
        assert chain(1) != chain(2)

    def test_a_constraint_restricts_sampling(self) -> None:
        constraint = TreeConstraint(WordTree([(0,), (1,)]), ["a", "b"])
        counts = Counter(
            RowState(Sampling(temperature=1.0, seed=seed), (), constraint).next_token(self.LOGITS, 2)
            for seed in range(400)
        )
        assert set(counts) == {0, 1}
        assert counts[1] / 400 == pytest.approx(1 / (1 + math.exp(-1)), abs=0.08)


class TestConstrainedEnd:
    def test_a_word_that_is_a_prefix_of_another_ends_only_at_a_stop_token(self) -> None:
        constraint = TreeConstraint(WordTree([(1,), (1, 0)]), ["1", "10"])
        high_end, high_zero = torch.tensor([0.0, 9.0, 5.0]), torch.tensor([5.0, 9.0, 0.0])
        for second, text, tokens in ((high_end, "1", [1]), (high_zero, "10", [1, 0])):
            answer = RowState(Sampling(), {2}, constraint)
            assert answer.next_token(torch.tensor([0.0, 1.0, 9.0]), 2) == 1
            assert not answer.finish
            answer.next_token(second, 1)
            assert (answer.finish, answer.tokens) == ("stop", tokens)
            assert constraint.completed_text(tuple(answer.tokens)) == text

    def test_max_tokens_does_not_truncate_an_option(self) -> None:
        answer = RowState(Sampling(max_tokens=1), {3}, TreeConstraint(WordTree([(0, 1, 2)]), ["abc"]))
        for _ in range(3):
            assert not answer.finish
            answer.next_token(torch.zeros(4), 3)
        assert (answer.finish, answer.tokens) == ("stop", [0, 1, 2])
