"""In each answer mode, the judge gives the answers of the same weights in transformers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from memobench_vllm.judge import VllmJudge
from PIL import Image

import harness
from harness import EMOTIONS, Capability, JudgeReply, JudgeRequest, Message, Part, Picture
from harness.testing import Listed, face_picture

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
Ask = Callable[..., list[JudgeRequest]]
LEVELS = ("very weak", "weak", "moderate", "strong", "very strong")
LETTERS = ("A", "B", "C", "D", "E", "F")


class PersistentJudge(VllmJudge):
    """Stays open between runs, so that one engine serves all tests of a model."""

    def open(self) -> None:
        if self._llm is None:
            super().open()

    def close(self) -> None:
        """Stay open."""


class Reference:
    """The same weights in transformers, one question at a time; prompts by the model's own processor."""

    def __init__(self, folder: Path) -> None:
        import torch
        from transformers import AutoModelForImageTextToText, AutoProcessor

        self.processor = AutoProcessor.from_pretrained(folder)
        self.model = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32).eval()

    def prompt(self, request: JudgeRequest) -> str:
        content = [
            {"type": "text", "text": part.text} if part.image is None else {"type": "image"}
            for part in request.messages[0].parts
        ]
        turns = [{"role": "user", "content": content}]
        return str(self.processor.apply_chat_template(turns, add_generation_prompt=True))

    def inputs(self, request: JudgeRequest, text: str) -> Any:
        # LLaVA's tokenizer adds a start token, Qwen's does not. Neither template contains one.
        order = [part.image for part in request.messages[0].parts if part.image is not None]
        return self.processor(images=[request.images[i].image for i in order], text=text, return_tensors="pt")

    def scores(self, request: JudgeRequest, words: tuple[str, ...]) -> dict[str, float]:
        """Log-probability of each word after the prompt, summed over its tokens, with one forward pass per word."""
        import torch

        prompt = self.prompt(request)
        space = "" if prompt.endswith("\n") else " "
        found = {}
        for word in words:
            inputs = self.inputs(request, prompt + space + word)
            tokens = self.processor.tokenizer.encode(space + word, add_special_tokens=False)
            start = len(inputs["input_ids"][0]) - len(tokens)
            assert inputs["input_ids"][0][start:].tolist() == tokens
            with torch.no_grad():
                logprobs = self.model(**inputs).logits[0].log_softmax(-1)
            found[word] = math.fsum(logprobs[start + i - 1, t].item() for i, t in enumerate(tokens))
        return found

    def text(self, request: JudgeRequest) -> str:
        import torch

        inputs = self.inputs(request, self.prompt(request))
        with torch.no_grad():
            tokens = self.model.generate(
                **inputs, do_sample=False, max_new_tokens=request.sampling.max_tokens
            )
        generated = tokens[0][inputs["input_ids"].shape[1] :]
        return str(self.processor.tokenizer.decode(generated, skip_special_tokens=True)).strip()


@pytest.fixture(scope="module", params=["llava", "qwen2-vl", "qwen2.5-vl"])
def folder(request: pytest.FixtureRequest, tiny: Callable[[str], Path]) -> Path:
    return tiny(request.param)


@pytest.fixture(scope="module")
def judge(folder: Path) -> Iterator[PersistentJudge]:
    made = PersistentJudge(
        PersistentJudge.Options(
            ref=str(folder), dtype="float32", max_model_len=512, limit_mm_per_prompt={"image": 2}
        )
    )
    made.open()
    yield made
    VllmJudge.close(made)


@pytest.fixture(scope="module")
def reference(folder: Path) -> Reference:
    return Reference(folder)


def answers(judge: VllmJudge, requests: list[JudgeRequest]) -> dict[str, JudgeReply]:
    found = {}
    for reply in judge.stream(Listed(requests)):
        assert reply.id not in found
        assert reply.error is None, reply.error
        found[reply.id] = reply
    assert found.keys() == {r.id for r in requests}
    return found


def test_scores_of_emotions_and_levels_match_transformers(
    judge: PersistentJudge, reference: Reference, ask: Ask
) -> None:
    for options in (EMOTIONS, LEVELS):
        requests = ask(options, "logprobs", 4)
        replies = answers(judge, requests)
        for request in requests:
            expected = reference.scores(request, options)
            assert replies[request.id].scores == pytest.approx(expected, abs=1e-3)
        assert len({max(r.scores.values()) for r in replies.values()}) == 4, "each picture differs"
    tokens = reference.processor.tokenizer.encode(" very weak", add_special_tokens=False)
    assert len(tokens) > 1, "some level takes several tokens"


def test_scores_of_labels_match_transformers(judge: PersistentJudge, reference: Reference, ask: Ask) -> None:
    for request in ask(EMOTIONS, "logprobs", 3, labels=LETTERS, first=1):
        [reply] = answers(judge, [request]).values()
        by_letter = reference.scores(request, LETTERS)
        shown = dict(zip(request.question.options, LETTERS, strict=True))
        assert request.question.options != EMOTIONS
        assert reply.scores == pytest.approx({o: by_letter[shown[o]] for o in EMOTIONS}, abs=1e-3)


def test_a_choice_is_always_one_of_the_options(judge: PersistentJudge, ask: Ask) -> None:
    for options, labels in ((EMOTIONS, None), (LEVELS, None), (EMOTIONS, LETTERS)):
        free = answers(judge, ask(options, "text", 6, labels=labels))
        assert not any(r.text in (labels or options) for r in free.values()), (
            "without guidance the model answers something else"
        )
        # One token is too short for most options, but a guided answer is never truncated.
        for reply in answers(judge, ask(options, "choice", 6, labels=labels, max_tokens=1)).values():
            assert reply.text in (labels or options)
            assert reply.finish_reason == "stop"
            assert reply.scores is None


def test_greedy_text_matches_transformers(judge: PersistentJudge, reference: Reference, ask: Ask) -> None:
    requests = ask(EMOTIONS, "text", 12)
    replies = answers(judge, requests)
    for request in requests:
        reply, expected = replies[request.id], reference.text(request)
        if reply.finish_reason == "length":
            # The last token may end within a character, which vLLM then omits.
            expected = expected.rstrip("\ufffd")
        assert reply.text == expected
    assert len({r.text for r in replies.values()}) > 1
    for reply in replies.values():
        assert reply.usage is not None
        assert reply.usage["prompt_tokens"] > 20
        assert 0 < reply.usage["completion_tokens"] <= 12


def test_answers_do_not_depend_on_order_or_batch(judge: PersistentJudge, ask: Ask) -> None:
    requests = [
        *ask(EMOTIONS, "logprobs", 3),
        *ask(LEVELS, "logprobs", 3, first=3),
        *ask(EMOTIONS, "choice", 3, first=6),
        *ask(EMOTIONS, "text", 3, first=9),
    ]

    def replies_of(requests: list[JudgeRequest]) -> dict[str, Any]:
        return {i: (r.text, r.scores) for i, r in answers(judge, requests).items()}

    together = replies_of(requests)
    assert replies_of(requests) == together
    assert replies_of(requests[::-1]) == together
    alone = {i: answer for request in requests for i, answer in replies_of([request]).items()}
    for id_, (text, scores) in alone.items():
        assert text == together[id_][0]
        assert scores == (together[id_][1] and pytest.approx(together[id_][1], abs=1e-4))


def test_sampling_depends_on_the_seed(judge: PersistentJudge, ask: Ask) -> None:
    def replies_of(seed: int) -> list[str | None]:
        replies = answers(judge, ask(EMOTIONS, "text", 4, temperature=1.0, seed=seed))
        return [replies[i].text for i in sorted(replies)]

    assert replies_of(1) == replies_of(1)
    assert replies_of(1) != replies_of(2)


def test_a_stream_closed_early_does_not_disturb_the_next(judge: PersistentJudge, ask: Ask) -> None:
    requests = ask(EMOTIONS, "text", 8, max_tokens=40)
    expected = {i: r.text for i, r in answers(judge, requests).items()}
    first = judge.stream(Listed(requests))
    assert len(list(islice(first, 1))) == 1
    first.close()
    assert not judge._llm.llm_engine.has_unfinished_requests()
    assert {i: r.text for i, r in answers(judge, requests[::-1]).items()} == expected


def test_questions_about_one_picture_share_its_cache(judge: PersistentJudge, ask: Ask) -> None:
    [one] = ask(EMOTIONS, "logprobs", 1, first=40)
    [other] = ask(LEVELS, "logprobs", 1, first=40)
    [before] = answers(judge, [one]).values()
    [after] = answers(judge, [other]).values()
    assert before.timings is not None
    assert before.timings["cached_pictures"] == 0
    assert before.timings["seconds"] > 0
    assert after.timings is not None
    assert after.timings["cached_pictures"] == 2, (
        "one prompt for the first tokens, one for the token after `very`"
    )
    assert after.usage == {"prompt_tokens": after.usage["prompt_tokens"], "completion_tokens": 2}


def test_a_rejected_picture_fails_individually(judge: PersistentJudge, folder: Path, ask: Ask) -> None:
    requests = ask(EMOTIONS, "logprobs", 3)
    strip = Picture("f" * 64, image=Image.new("RGB", (4, 1200), "teal"))
    odd = JudgeRequest("strip", "strip", (strip,), requests[0].messages, requests[0].question)
    replies = {r.id: r for r in judge.stream(Listed([requests[0], odd, *requests[1:]]))}
    assert len(replies) == 4
    error = replies.pop("strip").error
    if "qwen" in folder.name:
        assert error is not None
        assert (error.kind, error.retryable) == ("refused_input", False)
        assert "aspect ratio" in error.message
    else:
        assert error is None, "LLaVA crops any picture"
    assert {i: r.scores for i, r in replies.items()} == {
        i: r.scores for i, r in answers(judge, requests).items()
    }


def test_runs_in_every_answer_mode_are_reproducible(
    judge: PersistentJudge, faces: Path, tmp_path: Path
) -> None:
    for read in ("logprobs", "choice", "text"):
        runs = [
            harness.evaluate(
                ["coarse_emotion", "fine_intensity"],
                judge,
                data=faces,
                read=read,
                limit=12,
                out=tmp_path / f"{read}{n}",
            )
            for n in range(2)
        ]
        tasks = [run.results["tasks"] for run in runs]
        for entry in tasks[0]:
            assert entry["read"] == read
            assert entry["answered"] == entry["n"] > 0
            assert entry["failed"] == 0
            assert read == "text" or entry["unparsed"] == 0
        kept = [(tmp_path / f"{read}{n}" / "replies.jsonl").read_text().splitlines() for n in range(2)]
        assert sorted(map(without_timings, kept[0])) == sorted(map(without_timings, kept[1]))


def without_timings(line: str) -> str:
    return line.partition(',"timings":')[0]


def test_two_pictures_keep_their_order(judge: PersistentJudge, reference: Reference, ask: Ask) -> None:
    assert Capability.MULTI_IMAGE in judge.capabilities
    [request] = ask(EMOTIONS, "logprobs", 1)
    pictures = (
        face_picture(71, 64),
        Picture("e" * 64, image=Image.effect_mandelbrot((96, 64), (-3, -2, 2, 2), 9).convert("RGB")),
    )
    scores = []
    for order in ((0, 1), (1, 0)):
        parts = (
            Part("First: "),
            Part(image=order[0]),
            Part(" second: "),
            Part(image=order[1]),
            Part("Which emotion?"),
        )
        asked = replace(request, images=pictures, messages=(Message("user", parts),))
        [reply] = answers(judge, [asked]).values()
        assert reply.scores == pytest.approx(reference.scores(asked, EMOTIONS), abs=1e-3)
        scores.append(reply.scores)
    assert scores[0] != pytest.approx(scores[1], abs=1e-3)
