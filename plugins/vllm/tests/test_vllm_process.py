"""The engine in a process of its own, as it runs on GPUs."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from memobench_vllm.failures import EngineFailed
from memobench_vllm.judge import VllmJudge

from harness import EMOTIONS, JudgeRequest
from harness.testing import Listed

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


@pytest.fixture
def judge(tiny: Callable[[str], Path]) -> Iterator[VllmJudge]:
    options = {"ref": str(tiny("llava")), "dtype": "float32", "max_model_len": 64, "in_process": False}
    made = VllmJudge(VllmJudge.Options(**options, engine={"distributed_executor_backend": "uni"}))
    made.open()
    yield made
    made.close()


@pytest.mark.timeout(300)
def test_it_answers_until_it_dies_and_that_is_said_once(
    judge: VllmJudge, ask: Callable[..., list[JudgeRequest]]
) -> None:
    [engine] = guarded(judge)
    assert engine != os.getpid()
    # A refused prompt leaves its picture known to one of the two processes only.
    [refused] = judge.stream(Listed(ask(EMOTIONS, "text", 1, padding="very " * 40)))
    assert refused.error is not None
    assert refused.error.kind == "refused_input"
    for read in ("logprobs", "choice", "text"):
        replies = list(judge.stream(Listed(ask(EMOTIONS, read, 6))))
        assert [r.error for r in replies] == [None] * 6
        assert all(r.scores if read == "logprobs" else r.text for r in replies)

    os.kill(engine, signal.SIGKILL)
    with pytest.raises(EngineFailed) as stopped:
        list(judge.stream(Listed(ask(EMOTIONS, "logprobs", 6))))
    assert stopped.value.exit_code == 3
    assert f"vLLM stopped at '{judge.options.ref}': its process ended." in stopped.value.message
    assert "What was answered is kept" in stopped.value.hint
    judge.close()
    assert guarded(judge) == []


def guarded(judge: VllmJudge) -> list[int]:
    """The processes that end with this one."""
    watch = judge._running and judge._running.guard._watch
    assert watch is None or watch.poll() is None
    return [int(a) for a in watch.args[4:]] if watch else []  # type: ignore[index,union-attr]
