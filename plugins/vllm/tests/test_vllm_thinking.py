"""A model that thinks first, on a real engine: the same thoughts and answers as the same weights in transformers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from memobench_vllm.judge import VllmJudge

from harness import EMOTIONS, JudgeReply, JudgeRequest
from harness.testing import Listed
from harness.testing.command import kill_after
from harness.testing.models import THINKING_TEMPLATE, tiny_thinking_llava

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
BUDGET = 20
LEVELS = ("very weak", "weak", "moderate", "strong", "very strong")
Ask = Callable[..., list[JudgeRequest]]


def answers(judge: Any, requests: list[JudgeRequest]) -> list[JudgeReply]:
    replies = {reply.id: reply for reply in judge.stream(Listed(requests))}
    assert len(replies) == len(requests)
    return [replies[request.id] for request in requests]


def opened(folder: Path, **options: Any) -> VllmJudge:
    judge = VllmJudge(VllmJudge.Options(ref=str(folder), max_num_seqs=4, **options))
    judge.open()
    return judge


@pytest.fixture(scope="module")
def thinks(tiny: Callable[[str], Path]) -> Iterator[VllmJudge]:
    judge = opened(tiny("thinking"), thinking_tokens=BUDGET)
    yield judge
    judge.close()


@pytest.mark.parametrize("read", ["reasoned", "text"])
def test_thoughts_and_answers_are_those_of_transformers(
    read: str, thinks: VllmJudge, tiny: Callable[[str], Path], ask: Ask
) -> None:
    """Whose own test compares them with the weights, step by step."""
    from memobench_transformers.judge import TransformersJudge

    other = TransformersJudge(TransformersJudge.Options(ref=str(tiny("thinking")), thinking_tokens=BUDGET))
    asked = [*ask(LEVELS, read, 4), *ask(EMOTIONS, read, 8, first=4)]
    found = answers(thinks, asked)
    assert {reply.extra["thought_end"] for reply in found} == {"closed", "length"}
    assert any(reply.thought for reply in found)
    for one, two in zip(found, answers(other, asked), strict=True):
        assert one.error is None
        assert (one.text, one.thought, one.extra) == (two.text, two.thought, two.extra)
        assert dict(one.scores or {}) == pytest.approx(dict(two.scores or {}), abs=2e-5)
        assert 0 < one.usage["thinking_tokens"] == two.usage["thinking_tokens"] <= BUDGET
        assert one.timings["cached_tokens"] > 0, "the second request continues the first"
    other.close()


def test_a_thought_and_its_answer_fit_into_the_context(tmp_path: Path, ask: Ask) -> None:
    """Of a model that never closes a thought."""
    judge = opened(tiny_thinking_llava(tmp_path / "endless", closes=0.0), max_model_len=128)
    replies = answers(judge, ask(LEVELS, "reasoned", 4))
    longest = max(replies, key=lambda reply: reply.usage["thinking_tokens"])
    assert all(set(reply.scores) == set(LEVELS) for reply in replies)
    assert longest.extra["thought_end"] == "length", "the context, not the budget, ends it"
    # A prompt that leaves no room for an answer is an error of that question alone.
    long, short = answers(
        judge, [*ask(LEVELS, "reasoned", 1, padding="weak " * 85), *ask(LEVELS, "reasoned", 1, first=1)]
    )
    assert long.error is not None
    assert not long.error.retryable
    assert short.error is None
    judge.close()


def test_without_thinking_probabilities_are_those_of_the_plain_template(
    tiny: Callable[[str], Path], ask: Ask, tmp_path: Path
) -> None:
    plain = tmp_path / "plain.jinja"
    start = THINKING_TEMPLATE.partition("{% if enable_thinking")[0]
    plain.write_text(start + "{{ '\n</think>\n\n' }}{% endif %}", encoding="utf-8")
    asked = [*ask(LEVELS, "logprobs", 3), *ask(EMOTIONS, "choice", 3, first=3)]
    found = []
    for options in ({"thinking": "off"}, {"chat_template": str(plain)}):
        judge = opened(tiny("thinking"), **options)
        found.append([(r.text, r.scores, r.thought) for r in answers(judge, asked)])
        judge.close()
    assert found[0] == found[1]


def test_a_judge_that_would_score_its_thought_is_refused_before_weights_load(
    command: Callable[..., Any], tiny: Callable[[str], Path], faces: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(VllmJudge, "open", lambda self: pytest.fail("weights load"))
    asked = ("run", "--task", "coarse_emotion", "--model", f"vllm:{tiny('thinking')}", "--data", faces)
    for more in ((), ("--read", "logprobs"), ("--read", "choice")):
        done = command(*asked, *more)
        assert done.code == 2
        assert "its prompt opens a thought" in done.err
        assert "-o thinking=off" in done.err
        assert "--read reasoned" in done.err


@pytest.mark.timeout(400)
def test_a_run_that_is_killed_is_resumed(
    shell: Any, command: Callable[..., Any], tiny: Callable[[str], Path], faces: Path
) -> None:
    asked = ["run", "--task", "coarse_emotion", "--model", f"vllm:{tiny('thinking')}", "--data", faces]
    asked += [
        "--read",
        "reasoned",
        "-o",
        "thinking_tokens=100",
        "-o",
        "max_num_seqs=2",
        "--json",
        "--out",
        "run",
    ]
    file = shell.folder / "run" / "replies.jsonl"
    stored = kill_after(shell.start(*asked), file, 3)
    assert 3 <= len(stored) < 24
    done = command(*asked)
    assert done.code == 0, done.err
    assert f"24 requests, {len(stored)} already stored" in done.err
    lines = file.read_bytes().split(b"\n")[:-1]
    assert lines[: len(stored)] == stored
    replies = [json.loads(line) for line in lines]
    assert len({reply["id"] for reply in replies}) == len(replies) == 24
    assert all(0 < reply["usage"]["thinking_tokens"] <= 100 for reply in replies)
    [task] = json.loads(done.out)["tasks"]
    assert (task["read"], task["answered"], task["unparsed"]) == ("reasoned", 24, 0)
