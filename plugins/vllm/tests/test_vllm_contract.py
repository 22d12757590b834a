"""The judge contract on a real engine; rejected requests fail individually."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import ClassVar

import pytest
from memobench_vllm.judge import VllmJudge

from harness import EMOTIONS, Judge, JudgeReply, JudgeRequest
from harness.testing import JudgeContract, Listed, PluginContract

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
LEVELS = ("very weak", "weak", "moderate", "strong", "very strong")
LENGTH = 64
"""Tokens of prompt and answer together."""


@pytest.fixture(scope="module")
def made(tiny: Callable[[str], Path]) -> Iterator[VllmJudge]:
    judge = VllmJudge(VllmJudge.Options(ref=str(tiny("llava")), max_model_len=LENGTH))
    yield judge
    judge.close()


@pytest.fixture
def opened(made: VllmJudge) -> VllmJudge:
    if made._llm is None:
        made.open()
    return made


def test_prompts_that_are_too_long_fail_individually(
    opened: VllmJudge, ask: Callable[..., list[JudgeRequest]]
) -> None:
    fitting = ask(EMOTIONS, "logprobs", 3)
    long = ask(EMOTIONS, "text", 3, first=3, padding="very " * 40)
    replies = {r.id: r for r in opened.stream(Listed([*fitting, *long][::-1]))}
    assert len(replies) == 6
    assert all(replies[r.id].scores and replies[r.id].error is None for r in fitting)
    for request in long:
        error = replies[request.id].error
        assert error is not None
        assert (error.kind, error.retryable) == ("refused_input", False)
        assert str(LENGTH) in error.message
    # The engine considers pictures of rejected prompts sent: the next question about them must send them again.
    for read in ("logprobs", "choice"):
        again = list(opened.stream(Listed(ask(EMOTIONS, read, 3, first=3))))
        assert [reply.error for reply in again] == [None] * 3


def test_there_is_one_reply_if_only_some_options_fit(
    opened: VllmJudge, ask: Callable[..., list[JudgeRequest]]
) -> None:
    requests = [ask(LEVELS, "logprobs", 1, first=n, padding="very " * n)[0] for n in range(40)]
    replies = list(opened.stream(Listed(requests)))
    assert sorted(r.id for r in replies) == [r.id for r in requests]
    fits = [reply.error is None for reply in sorted(replies, key=lambda r: r.id)]
    assert fits == sorted(fits, reverse=True)
    assert 0 < sum(fits) < 40, "the limit is in between"
    longest = max(map(prompt_tokens, replies))
    # The longest one that fits has a prompt, the word `very` and one more token, and takes two prompts.
    assert longest == 2 * (LENGTH - 2) + 1
    assert not opened._llm.llm_engine.has_unfinished_requests()


def prompt_tokens(reply: JudgeReply) -> float:
    return reply.usage["prompt_tokens"] if reply.usage else 0


class TestContract(JudgeContract):
    """One engine serves all tests but one, which stops it and starts a new one."""

    expected_failures: ClassVar[Mapping[str, str]] = {
        "test_unicode_is_no_problem": "the engine of these tests takes 64 tokens, and the prompt has more"
    }

    @pytest.fixture
    def judge(self, made: VllmJudge) -> Judge:
        return made

    @pytest.fixture
    def opened(self, opened: VllmJudge) -> Judge:
        return opened


def test_closing_an_unopened_judge_is_harmless(made: VllmJudge) -> None:
    never = VllmJudge(made.options)
    never.close()
    never.close()
    assert never._llm is None


class TestPlugin(PluginContract):
    dist = "memobench-plugin-vllm"
