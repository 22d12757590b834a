"""What is read off a model, against the same model asked in the plainest way."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import torch
from memobench_transformers.guide import TreeGuide
from memobench_transformers.judge import TransformersJudge
from memobench_transformers.reading import Answer, read_scores
from memobench_transformers.steps import settings, walk

from harness import JudgeRequest, Sampling
from harness.mllm import WordTree, answer_words, candidate_tokens


def plainly(judge: TransformersJudge, request: JudgeRequest) -> tuple[Any, dict[str, Any], str]:
    """The model, the inputs of one request, not padded, and its prompt."""
    runner = judge._runner
    assert runner is not None
    prompt = runner.item(request).prompt
    inputs = runner._processor(text=[prompt], images=[[request.images[0].image]], return_tensors="pt")
    return runner._model, dict(inputs), prompt


class TestScores:
    @pytest.mark.parametrize("name", ["llava", "qwen2-vl", "qwen2.5-vl"])
    def test_they_are_what_the_whole_text_gives(self, name: str, opened: Any, ask: Any, answers: Any) -> None:
        """Each option appended to the prompt, in one pass without caches, padding or batches."""
        judge, requests = opened(name, batch_size=4), ask("logprobs", 4)
        found = answers(judge, requests)
        for request in requests:
            model, inputs, prompt = plainly(judge, request)
            tokenizer = judge._runner._processor.tokenizer
            words = answer_words(request.question)
            encode: Callable[[str], Any] = lambda text: tokenizer(text, add_special_tokens=False)["input_ids"]  # noqa: B023, E731
            for option, tokens in zip(
                request.question.options, candidate_tokens(encode, prompt, words), strict=True
            ):
                score = log_probability(model, inputs, tokens)
                assert found[request.id].scores[option] == pytest.approx(score, abs=2e-5)

    def test_deep_trees_and_words_within_words(self, opened: Any, ask: Any) -> None:
        judge = opened("llava", batch_size=4)
        model, inputs, _ = plainly(judge, ask("logprobs", 1)[0])
        sequences = [(40, 41, 42), (40, 41, 50, 51), (40, 60), (70, 71), (70,), (80,)]
        with torch.inference_mode():
            [found] = walk(model, inputs, settings(0), lambda steps: read_scores(steps, WordTree(sequences)))
        for sequence, score in zip(sequences, found, strict=True):
            wanted = log_probability(model, inputs, sequence)
            if sequence == (70,):
                wanted = math.log(math.exp(wanted) - math.exp(log_probability(model, inputs, (70, 71))))
            assert score == pytest.approx(wanted, abs=2e-5)

    def test_what_is_tried_aside_leaves_no_trace(self, opened: Any, ask: Any) -> None:
        judge = opened("qwen2-vl", batch_size=4)
        model, inputs, _ = plainly(judge, ask("logprobs", 1)[0])

        def reader(steps: Any) -> tuple[torch.Tensor, torch.Tensor]:
            token = torch.tensor([40])
            aside = steps.aside()
            aside.append(torch.tensor([99]))
            first = steps.aside().append(token)
            return first, steps.append(token)

        with torch.inference_mode():
            first, again = walk(model, inputs, settings(0), reader)
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
    def test_it_is_what_generate_gives(self, name: str, opened: Any, ask: Any, answers: Any) -> None:
        judge, requests = opened(name, batch_size=4), ask("text", 6)
        found = answers(judge, requests)
        for request in requests:
            model, inputs, _ = plainly(judge, request)
            out = model.generate(**inputs, max_new_tokens=8, do_sample=False)[
                0, inputs["input_ids"].shape[1] :
            ]
            text = judge._runner._processor.tokenizer.decode(out, skip_special_tokens=True)
            assert found[request.id].text == text.rstrip("\ufffd").strip()
            assert found[request.id].usage["completion_tokens"] == len(out)

    def test_it_ends_where_the_model_ends_it(self, opened: Any, ask: Any, answers: Any) -> None:
        judge, [request] = opened("llava", batch_size=4), ask("text", 1)
        [whole] = answers(judge, [request]).values()
        model, inputs, _ = plainly(judge, request)
        third = int(model.generate(**inputs, max_new_tokens=3, do_sample=False)[0, -1])
        ends, judge._runner._ends = judge._runner._ends, frozenset({third})
        try:
            [short] = answers(judge, [request]).values()
        finally:
            judge._runner._ends = ends
        assert (whole.finish_reason, short.finish_reason) == ("length", "stop")
        assert short.usage["completion_tokens"] <= 3
        assert whole.text.startswith(short.text)

    def test_no_more_tokens_than_asked_for(self, opened: Any, ask: Any, answers: Any) -> None:
        judge = opened("llava", batch_size=4)
        for limit in (1, 5):
            for reply in answers(judge, ask("text", 3, max_tokens=limit)).values():
                assert reply.usage["completion_tokens"] <= limit


class TestDrawing:
    """How one token is chosen, on logits of three tokens."""

    LOGITS = torch.tensor([0.0, 1.0, 2.0])

    def drawn(self, n: int = 400, **sampling: Any) -> Counter[int]:
        answers = [
            Answer(Sampling(**({"temperature": 1.0, "seed": seed} | sampling)), ()) for seed in range(n)
        ]
        return Counter(answer.take(self.LOGITS, 2) for answer in answers)

    def test_at_temperature_0_the_best(self) -> None:
        assert self.drawn(temperature=0.0) == {2: 400}

    def test_shares_are_those_of_the_softmax(self) -> None:
        wanted = torch.softmax(self.LOGITS, dim=0).tolist()
        found = self.drawn(2000)
        assert [found[n] / 2000 for n in range(3)] == pytest.approx(wanted, abs=0.04)

    def test_temperature_sharpens(self) -> None:
        assert self.drawn(temperature=0.25)[2] > self.drawn()[2] > self.drawn(temperature=4.0)[2]

    @pytest.mark.parametrize(
        ("top_p", "kept"), [(0.1, {2}), (0.66, {2}), (0.7, {1, 2}), (0.95, {0, 1, 2}), (1.0, {0, 1, 2})]
    )
    def test_only_the_likeliest_that_reach_top_p(self, top_p: float, kept: set[int]) -> None:
        # Shares are 0.09, 0.245 and 0.665.
        assert set(self.drawn(top_p=top_p)) == kept

    def test_the_seed_decides(self) -> None:
        def chain(seed: int) -> list[int]:
            answer = Answer(Sampling(temperature=1.0, seed=seed, max_tokens=20), ())
            return [answer.take(self.LOGITS, 2) for _ in range(20)]

        assert chain(1) == chain(1)
        assert chain(1) != chain(2)

    def test_a_guide_restricts_drawing_too(self) -> None:
        guide = TreeGuide(WordTree([(0,), (1,)]), ["a", "b"])
        drawn = Counter(
            Answer(Sampling(temperature=1.0, seed=seed), (), guide).take(self.LOGITS, 2)
            for seed in range(400)
        )
        assert set(drawn) == {0, 1}
        assert drawn[1] / 400 == pytest.approx(1 / (1 + math.exp(-1)), abs=0.08)


class TestGuidedEnd:
    def test_a_word_that_begins_another_ends_only_by_an_end(self) -> None:
        guide = TreeGuide(WordTree([(1,), (1, 0)]), ["1", "10"])
        high_end, high_zero = torch.tensor([0.0, 9.0, 5.0]), torch.tensor([5.0, 9.0, 0.0])
        for second, text, tokens in ((high_end, "1", [1]), (high_zero, "10", [1, 0])):
            answer = Answer(Sampling(), {2}, guide)
            assert answer.take(torch.tensor([0.0, 1.0, 9.0]), 2) == 1
            assert not answer.finish
            answer.take(second, 1)
            assert (answer.finish, answer.tokens) == ("stop", tokens)
            assert guide.complete(tuple(answer.tokens)) == text

    def test_the_limit_on_tokens_does_not_cut_a_word(self) -> None:
        answer = Answer(Sampling(max_tokens=1), {3}, TreeGuide(WordTree([(0, 1, 2)]), ["abc"]))
        for _ in range(3):
            assert not answer.finish
            answer.take(torch.zeros(4), 3)
        assert (answer.finish, answer.tokens) == ("stop", [0, 1, 2])
