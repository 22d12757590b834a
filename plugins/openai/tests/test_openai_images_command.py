"""The real command against servers that refuse a tenth and fail a tenth: correct outcomes, and no key leaks."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

pytestmark = pytest.mark.e2e
KEY = "sk-proj-Vq7nTz3LxW9bR2mK8dYc"  # Not a real key.
ENV = {"OPENAI_API_KEY": KEY, "OPENAI_LOG": "debug"}
N = 60
BLOCKED, FAILED = N // 10, 3
FAULTS = ("limit", "error", "cut", "garbage", "slow")


class PlannedOutcomes:
    """The planned outcome of each prompt: a tenth is refused, a tenth fails at first, a few fail permanently."""

    def __init__(self, *, refuses_format: bool = False) -> None:
        self.refuses_format = refuses_format
        self.of: dict[str, str] = {}
        self._left = (
            ["policy"] * BLOCKED + [FAULTS[i % len(FAULTS)] for i in range(N // 10)] + ["reject"] * FAILED
        )
        self._left += ["answer"] * (N - len(self._left))
        random.Random(7).shuffle(self._left)

    def __call__(self, received: Any) -> str:
        if self.refuses_format and "response_format" in received.body:
            return "no_format"
        prompt = received.body["prompt"]
        if prompt not in self.of:
            self.of[prompt] = self._left.pop()
        outcome = self.of[prompt]
        return "answer" if outcome in FAULTS and received.attempt else outcome

    def prompts(self, *outcomes: str) -> set[str]:
        return {prompt for prompt, outcome in self.of.items() if outcome in outcomes}


def colour(prompt: str, seed: int) -> tuple[int, int, int]:
    red, green, blue = hashlib.sha256(f"{prompt}:{seed}".encode()).digest()[:3]
    return red, green, blue | 1


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def everything_written(folder: Path) -> bytes:
    return b"\n".join(str(p).encode() + p.read_bytes() for p in folder.rglob("*") if p.is_file())


def check_first_run(
    harness: Callable[..., Any], server: Any, outcomes: PlannedOutcomes, folder: Path, base: str
) -> list[str]:
    """Run the command and check each outcome and picture. Returns the command."""
    command = [
        "run",
        "--task",
        "t2i_emotion",
        "--model",
        "openai-images:tiny-image-model",
        "--judge",
        "echo",
        "--limit",
        str(N),
        "-o",
        f"base_url={base}",
        "-o",
        "send_seed=true",
        "-o",
        "size=24x16",
        "--out",
        "run",
        "--json",
    ]
    done = harness(*command, env=ENV)
    assert done.code == 3, done.err
    assert len(outcomes.of) == N
    entry = json.loads(done.out)["tasks"][0]
    assert entry["outcomes"] == {"ok": N - BLOCKED - FAILED, "blocked": BLOCKED, "error": FAILED}
    assert (entry["n"], entry["failed"]) == (N, FAILED)
    assert entry["answered"] + BLOCKED + FAILED == N

    stored = {r["id"]: r for r in lines(folder / "replies.jsonl") if "outcome" in r}
    assert len(stored) == N - FAILED
    check_pictures(folder, stored, outcomes.prompts("answer", *FAULTS))
    refused = [r for r in stored.values() if r["outcome"] == "blocked"]
    assert len(refused) == BLOCKED
    assert all("safety_violations" in r["extra"]["reason"] for r in refused)
    assert {f["error"]["kind"] for f in lines(folder / "failures.jsonl")} == {"rejected"}
    assert {action for _, action in server.log} >= {"policy", "reject", "answer", *FAULTS}
    assert server.repeated_after_answer() == []
    assert server.count("answer", "slow") == N - BLOCKED - FAILED
    check_unseen(server, folder, done.out, done.err)
    return command


def check_unseen(server: Any, folder: Path, *outputs: str) -> None:
    """The key was sent to the endpoint and nowhere else."""
    assert {received.authorization for received, _ in server.log} == {f"Bearer {KEY}"}
    assert {authorization for _, authorization in server.fetched} <= {""}
    for secret in (KEY[8:], "sig=signature"):
        assert secret.encode() not in everything_written(folder.parent)
        assert not any(secret in text for text in outputs)


def test_outcomes_are_correct_when_pictures_are_returned_by_url(
    serve_images, harness, tmp_path: Path
) -> None:
    outcomes = PlannedOutcomes()
    server = serve_images(outcomes, sends="url")
    check_first_run(harness, server, outcomes, tmp_path / "work" / "run", server.url)
    assert len(server.fetched) == N - BLOCKED - FAILED


def test_outcomes_are_correct_when_pictures_are_returned_as_base64(
    serve_images, harness, tmp_path: Path
) -> None:
    outcomes, folder = PlannedOutcomes(refuses_format=True), tmp_path / "work" / "run"
    server = serve_images(outcomes)
    command = check_first_run(harness, server, outcomes, folder, server.url)
    before, server.script = len(server.log), lambda received: "answer"
    again = harness(*command, env=ENV)
    assert again.code == 0, again.err
    assert {received.body["prompt"] for received, _ in server.log[before:]} == outcomes.prompts("reject")
    assert json.loads(again.out)["tasks"][0]["outcomes"] == {"ok": N - BLOCKED, "blocked": BLOCKED}
    assert server.repeated_after_answer() == []
    check_unseen(server, folder, again.out, again.err)


def check_pictures(folder: Path, stored: dict[str, dict[str, Any]], expected: set[str]) -> None:
    """Every picture belongs to its prompt, and its file records how it was generated."""
    seen = set()
    for id_, reply in stored.items():
        if reply["outcome"] != "ok":
            assert not (folder / "images" / f"{id_}.png").exists()
            continue
        with Image.open(folder / "images" / f"{id_}.png") as image:
            texts = image.text  # type: ignore[attr-defined]
            assert image.getpixel((5, 5)) == colour(texts["prompt"], int(texts["seed"]))
        assert reply["extra"]["revised_prompt"] == f"Carefully: {texts['prompt']}"
        made = json.loads(texts["memobench"])
        assert "tiny-image-model" in str(made)
        assert "24x16" in str(made)
        seen.add(texts["prompt"])
    assert seen == expected


def test_a_wrong_key_gives_one_message(serve_images, harness, tmp_path: Path) -> None:
    server = serve_images(lambda received: "key")
    wrong = harness(
        "generate",
        "--model",
        "openai-images:m",
        "--prompts",
        "emotion_600",
        "--limit",
        12,
        "-o",
        f"base_url={server.url}",
        "-o",
        "api_key_env=MY_KEY",
        "--out",
        "run",
        env={"MY_KEY": KEY},
    )
    assert wrong.code == 2, wrong.err
    assert "rejects the key in MY_KEY" in wrong.err
    assert "Traceback" not in wrong.err
    assert len(server.log) <= 4
    assert KEY[8:].encode() not in everything_written(tmp_path / "work")
    assert KEY[8:] not in wrong.out + wrong.err
