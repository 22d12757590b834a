"""The engine in a separate process, as on GPUs."""

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
def test_a_killed_engine_process_gives_one_error(
    judge: VllmJudge, ask: Callable[..., list[JudgeRequest]]
) -> None:
    [engine] = watched_pids(judge)
    assert engine != os.getpid()
    # After a rejected prompt, only one of the two processes knows its picture.
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
    assert f"vLLM stopped while running '{judge.options.ref}': its process ended." in stopped.value.message
    assert "Replies so far are kept" in stopped.value.hint
    judge.close()
    assert watched_pids(judge) == []


def watched_pids(judge: VllmJudge) -> list[int]:
    """The engine processes that end with this one."""
    process = judge._running and judge._running.watchdog._process
    assert process is None or process.poll() is None
    return [int(a) for a in process.args[5:]] if process else []  # type: ignore[index,union-attr]
