"""Real `vllm serve` with a tiny real model: all answer modes, and log-probabilities against transformers."""

from __future__ import annotations

import json
import math
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from memobench_openai.judge import OpenAIJudge

from harness import EMOTIONS, HarnessError, JudgeRequest, Message, Part, Question, Sampling, Scale
from harness.mllm import chat_content
from harness.testing import JudgeContract, Listed, face_picture

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(600)]
LEVELS = ("very weak", "weak", "moderate", "strong", "very strong")
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
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from harness.testing.models import tiny_llava

    return tiny_llava(tmp_path_factory.mktemp("model") / "llava")


@pytest.fixture(scope="module")
def url(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a running server."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("server") / "log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "vllm.entrypoints.openai.api_server",
                "--model",
                str(model),
                "--served-model-name",
                "tiny",
                "--host",
                "127.0.0.1",
                "--port",
                str(port),
                "--dtype",
                "float32",
                "--max-model-len",
                "512",
                "--max-num-seqs",
                "16",
                "--enforce-eager",
                "--block-size",
                "32",
                "--kv-cache-memory-bytes",
                str(2**27),
                "--seed",
                "0",
            ],
            stdout=output,
            stderr=output,
            env=os.environ | ENVIRONMENT,
        )
    try:
        wait_until_up(f"http://127.0.0.1:{port}/health", server, log)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        server.terminate()
        try:
            server.wait(timeout=30)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait(timeout=30)


def wait_until_up(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        assert server.poll() is None, log.read_text(errors="replace")[-3000:]
        try:
            opener.open(address, timeout=5).close()
        except (urllib.error.URLError, OSError):
            time.sleep(0.5)
        else:
            return
    raise AssertionError(log.read_text(errors="replace")[-3000:])


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def judge(url: str, **options: object) -> OpenAIJudge:
    return OpenAIJudge(OpenAIJudge.Options(**{"ref": "tiny", "base_url": url, "server": "vllm"} | options))


def make_requests(options: tuple[str, ...], read: str, n: int = 4) -> list[JudgeRequest]:
    rating = options == LEVELS
    question = Question(
        "rating" if rating else "choice", options, scale=Scale(LEVELS) if rating else None, answer_mode=read
    )  # type: ignore[arg-type]
    # The order of the options changes from sample to sample.
    return [
        JudgeRequest(
            f"{i:032x}",
            f"s{i}",
            (face_picture(i, 64),),
            (Message("user", (Part(image=0), Part("Which one? " + ", ".join(options[i:] + options[:i])))),),
            question,
            Sampling(max_tokens=12),
        )
        for i in range(n)
    ]


def answers(made: OpenAIJudge, requests: list[JudgeRequest]) -> dict[str, object]:
    made.open()
    try:
        return {reply.id: reply for reply in made.stream(Listed(requests))}
    finally:
        made.close()


class TestExact(JudgeContract):
    @pytest.fixture
    def judge(self, url: str) -> OpenAIJudge:
        return judge(url)


class TestGuided(JudgeContract):
    @pytest.fixture
    def judge(self, url: str) -> OpenAIJudge:
        return judge(url, logprobs="off")


class Reference:
    """The same weights in transformers."""

    def __init__(self, folder: Path) -> None:
        import torch
        from transformers import AutoModelForImageTextToText, AutoProcessor

        self.processor = AutoProcessor.from_pretrained(folder)
        self.model = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32).eval()

    def scores(self, request: JudgeRequest, options: tuple[str, ...]) -> dict[str, float]:
        """Log-probability of each option after the prompt, summed over its tokens, with one forward pass per option."""
        import torch

        prompt = self.processor.apply_chat_template(
            chat_content(request.messages), add_generation_prompt=True
        )
        assert prompt.endswith("ASSISTANT:")
        scores = {}
        for option in options:
            inputs = self.processor(
                images=request.images[0].image,
                text=f"{prompt} {option}",
                return_tensors="pt",
                add_special_tokens=False,
            )
            word = self.processor.tokenizer.encode(f" {option}", add_special_tokens=False)
            start = len(inputs["input_ids"][0]) - len(word)
            assert inputs["input_ids"][0][start:].tolist() == word
            with torch.no_grad():
                logprobs = self.model(**inputs).logits[0].log_softmax(-1)
            scores[option] = math.fsum(logprobs[start + i - 1, token].item() for i, token in enumerate(word))
        return scores


@pytest.fixture(scope="module")
def reference(model: Path) -> Reference:
    return Reference(model)


@pytest.mark.parametrize("options", [EMOTIONS, LEVELS])
def test_scores_equal_those_of_the_model(url: str, reference: Reference, options: tuple[str, ...]) -> None:
    requests = make_requests(options, "logprobs")
    replies = answers(judge(url), requests)
    for request in requests:
        reply = replies[request.id]
        assert reply.error is None, reply.error
        expected = reference.scores(request, options)
        assert reply.scores == pytest.approx(expected, abs=1e-3)
    assert len({tuple(sorted(r.scores.items())) for r in replies.values()}) > 1, (
        "every picture has the same answer"
    )


def test_choices_are_enforced(url: str) -> None:
    for options in (EMOTIONS, LEVELS):
        for reply in answers(judge(url), make_requests(options, "choice")).values():
            assert reply.error is None, reply.error
            assert reply.text in options


def test_tokens_of_free_text_are_counted(url: str) -> None:
    for reply in answers(judge(url), make_requests(EMOTIONS, "text")).values():
        assert reply.text is not None
        assert 0 < reply.usage["completion_tokens"] <= 12
        assert reply.served is not None
        assert reply.served["model"] == reply.served["id"] == "tiny"
        assert "vllm" in reply.served["system_fingerprint"]
        assert reply.served["root"]
        assert "created" not in reply.served


def test_options_outside_the_top_tokens_have_no_score(url: str) -> None:
    likely = answers(judge(url, server="other", logprobs="on"), make_requests(EMOTIONS, "logprobs"))
    exact = answers(judge(url), make_requests(EMOTIONS, "logprobs"))
    for id_, reply in likely.items():
        assert reply.error is None, reply.error
        assert len(reply.scores) < 6
        for option, score in reply.scores.items():
            # Other spellings are added, and the hidden probability is at most as large as the one shown.
            assert exact[id_].scores[option] - math.log(2) <= score


def test_an_unknown_model_is_an_error_that_lists_the_served_models(url: str) -> None:
    with pytest.raises(HarnessError) as ended:
        answers(judge(url, ref="tyny"), make_requests(EMOTIONS, "logprobs"))
    assert "has no model 'tyny'" in ended.value.message
    assert "It serves: tiny" in ended.value.hint


@pytest.mark.parametrize("read", ["logprobs", "choice", "text"])
def test_the_command_supports_every_answer_mode(url: str, faces, harness, read: str) -> None:
    done = harness(
        "run",
        "--task",
        "coarse_emotion,fine_intensity",
        "--model",
        "openai:tiny",
        "--data",
        faces(12),
        "-o",
        f"base_url={url}",
        "-o",
        "server=vllm",
        "--read",
        read,
        "--json",
        env={"NO_PROXY": "127.0.0.1"},
    )
    assert done.code == 0, done.err
    tasks = json.loads(done.out)["tasks"]
    assert [t["read"] for t in tasks] == [read, read]
    assert [t["answered"] for t in tasks] == [12, 10]
    assert read == "text" or [t["unparsed"] for t in tasks] == [0, 0]
