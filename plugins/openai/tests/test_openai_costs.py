"""Limits on the cost of a run against an endpoint: known prices, and none."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from memobench_openai.images import OpenAIImages
from memobench_openai.judge import OpenAIJudge

PRICES = {"price_input": 1.0, "price_output": 10.0}


def judge(**options: object) -> OpenAIJudge:
    return OpenAIJudge(OpenAIJudge.Options(ref="m", base_url="http://127.0.0.1:9/v1", **options))


def images(**options: object) -> OpenAIImages:
    return OpenAIImages(OpenAIImages.Options(ref="m", base_url="http://127.0.0.1:9/v1", **options))


def test_what_is_known_of_costs() -> None:
    assert (judge().reports_cost(), judge().expected_cost(10, 1e6, 1e6)) == (False, None)
    assert judge(**PRICES).reports_cost()
    assert judge(**PRICES).expected_cost(10, 1e6, 2e6) == pytest.approx(21.0)
    assert judge(max_tokens=1000, **PRICES).expected_cost(100, 1e6, 5.0) == pytest.approx(2.0)
    assert (images().reports_cost(), images().expected_cost(10, 0, 0)) == (False, None)
    assert images(price_image=0.04).reports_cost()
    assert images(price_image=0.04).expected_cost(10, 0, 0) == pytest.approx(0.4)
    assert images(**PRICES).reports_cost()
    assert images(price_image=0.04, **PRICES).expected_cost(10, 0, 0) is None, (
        "tokens of pictures are not known"
    )


@pytest.mark.e2e
def test_a_run_is_stopped_by_its_cost(serve, faces: Callable[[int], Path], harness, tmp_path: Path) -> None:
    server = serve(lambda received: "structured")  # 100 prompt tokens and 5 of the reply each
    run = ("run", "--task", "coarse_emotion", "--model", "openai:m", "-o", f"base_url={server.url}", "--data", faces(40),
           "--out", "run", "-o", "concurrency=2")  # fmt: skip
    refused = harness(*run, "--max-cost", "1")
    assert refused.code == 2
    assert "Give its prices: price_input, price_output" in refused.err
    priced = (*run, "-o", "price_input=10000", "-o", "price_output=0")
    shown = harness(*priced, "--dry-run", "--max-cost", "10")
    assert "expected cost: at most" in shown.out
    assert len(server.log) == 0
    stopped = harness(*priced, "--max-cost", "10")
    assert stopped.code == 3
    assert "and --max-cost is 10; " in stopped.err
    stored = [
        json.loads(line) for line in (tmp_path / "work" / "run" / "replies.jsonl").read_text().splitlines()
    ]
    assert 10 <= sum(reply["usage"]["cost"] for reply in stored) <= 13, (
        "at most what was in flight is spent beyond"
    )
    assert len(stored) == len(server.log), "what was asked is kept"
    assert harness(*priced, "--max-cost", "50").code == 0
    assert server.repeated_after_answer() == []
    assert len(server.log) == 40


def test_what_identifies_a_run_is_as_in_earlier_versions() -> None:
    """A run folder of an earlier version is resumed without asking anything again."""
    judge = OpenAIJudge(OpenAIJudge.Options(ref="m", base_url="http://127.0.0.1:8000/v1", concurrency=2))
    images = OpenAIImages(OpenAIImages.Options(ref="m", base_url="http://127.0.0.1:8000/v1", wait=1.0))
    assert judge.identity() == images.identity() == {"endpoint": "127.0.0.1:8000/v1", "model": "m"}
    assert judge.options.answer_affecting() == {
        "detail": None, "extra_body": {}, "logprobs": "auto", "max_tokens": 0, "omit": [], "reasoning_effort": None, "ref": "m",
        "server": "auto", "structured": "auto",
    }  # fmt: skip
    assert images.options.answer_affecting() == {
        "extra_body": {}, "quality": None, "ref": "m", "send_seed": False, "size": None,
    }  # fmt: skip
