"""Real `vllm serve` with a tiny model whose prompt opens a thought."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from memobench_openai.judge import OpenAIJudge

from harness import EMOTIONS, HarnessError, JudgeReply, JudgeRequest, Message, Part, Question, Sampling
from harness.testing import Listed, face_picture
from harness.testing.models import tiny_thinking_llava

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(600)]
BUDGET = 40
ENVIRONMENT = {
    "HF_HUB_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "OMP_NUM_THREADS": "1",
    "TORCHDYNAMO_DISABLE": "1",
}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a running server, which parses the thoughts of its model."""
    folder = tmp_path_factory.mktemp("server")
    model = tiny_thinking_llava(folder / "model")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    arguments = ["--model", str(model), "--served-model-name", "tiny", "--port", str(port), "--enforce-eager"]
    arguments += ["--reasoning-parser", "deepseek_r1", "--max-num-seqs", "4", "--dtype", "float32"]
    with (folder / "log").open("wb") as output:
        server = subprocess.Popen(
            [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--host", "127.0.0.1", *arguments],
            stdout=output,
            stderr=subprocess.STDOUT,
            env=os.environ | ENVIRONMENT | {"VLLM_CPU_KVCACHE_SPACE": "1"},
            start_new_session=True,
        )
    try:
        end = time.monotonic() + 240
        while not ready(port):
            assert server.poll() is None, (folder / "log").read_text()[-3000:]
            assert time.monotonic() < end, (folder / "log").read_text()[-3000:]
            time.sleep(0.5)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        # The engine is a process of its own, which would stay.
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as reply:
            return bool(reply.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def ask(url: str, read: str, **options: Any) -> list[JudgeReply]:
    question = Question("choice", EMOTIONS, answer_mode=read)  # type: ignore[arg-type]
    messages = (Message("user", (Part(image=0), Part("Which emotion? " + ", ".join(EMOTIONS)))),)
    requests = [
        JudgeRequest(f"{n:032x}", f"s{n}", (face_picture(n),), messages, question, Sampling(1.0, 12, seed=n))
        for n in range(6)
    ]
    judge = OpenAIJudge(OpenAIJudge.Options(ref="tiny", base_url=url, server="vllm", **options))
    judge.open()
    try:
        replies = {reply.id: reply for reply in judge.stream(Listed(requests))}
    finally:
        judge.close()
    return [replies[request.id] for request in requests]


def test_an_option_follows_the_thought(url: str) -> None:
    replies = ask(url, "reasoned", thinking="on", thinking_tokens=BUDGET)
    assert all(reply.error is None for reply in replies)
    ended = [reply for reply in replies if reply.finish_reason == "stop"]
    assert ended, "some thoughts end by themselves"
    assert any(reply.thought for reply in replies)
    for reply in replies:
        assert reply.usage["completion_tokens"] <= BUDGET + 12
        assert (reply.text in EMOTIONS) is (reply in ended)
        assert reply in ended or not reply.text


def test_without_a_thought_its_probabilities_are_exact_and_with_one_refused(url: str) -> None:
    for reply in ask(url, "logprobs", thinking="off"):
        assert set(reply.scores) == set(EMOTIONS)
    with pytest.raises(HarnessError, match="opens a thought") as error:
        ask(url, "logprobs")
    assert "thinking=off" in error.value.hint
