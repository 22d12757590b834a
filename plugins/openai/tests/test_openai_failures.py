"""The real command against a failing server: nothing is lost, nothing is asked twice, and no key leaks."""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e
KEY = "sk-proj-Vq7nTz3LxW9bR2mK8dYc"  # Not a real key.
PASSWORD = "open/sesame+47"


def everything_written(folder: Path) -> bytes:
    """Names and contents of all files of a run."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files
    return b"\n".join(str(p).encode() + p.read_bytes() for p in files)


def assert_unseen(secret: str, folder: Path, *outputs: str) -> None:
    tail = secret[8:].encode()
    assert tail not in everything_written(folder)
    assert not any(secret[8:] in output for output in outputs)


def failures(run: Path) -> list[dict]:
    return [json.loads(line) for line in (run / "failures.jsonl").read_text().splitlines()]


def test_every_sample_is_accounted_for_and_resuming_asks_only_the_missing_ones(
    serve, faces, harness, tmp_path
) -> None:
    def fail_randomly(received):
        dice = random.Random(f"7:{received.question}:{received.attempt}")
        if random.Random(f"7:{received.question}").random() < 0.15:
            return "reject"
        faults = ("limit", "error", "busy", "garbage", "cut", "reset", "empty")
        return (
            dice.choice(faults)
            if dice.random() < 0.4
            else dice.choice(("answer", "structured", "refuse", "filter"))
        )

    server = serve(fail_randomly)
    command = (
        "run",
        "--task",
        "coarse_emotion",
        "--model",
        "openai:tiny-vision",
        "--data",
        faces(40),
        "-o",
        f"base_url={server.url}",
        "-o",
        "concurrency=8",
        "-o",
        "max_retries=12",
        "--out",
        "run",
        "--json",
    )
    env = {"OPENAI_API_KEY": KEY, "OPENAI_LOG": "debug"}
    first = harness(*command, env=env)
    task = json.loads(first.out)["tasks"][0]
    rejected = {received.question for received, action in server.log if action == "reject"}
    answered = Counter(action for _, action in server.log)
    assert first.code == 3, first.err
    assert rejected
    assert {a for _, a in server.log} > {
        "limit",
        "error",
        "garbage",
        "cut",
        "reset",
        "answer",
        "structured",
        "refuse",
        "filter",
    }
    assert task["n"] == 40
    assert task["answered"] + task["failed"] == 40
    assert task["failed"] == len(rejected)
    assert task["unparsed_reasons"] == {"refused": answered["refuse"] + answered["filter"]}
    assert task["answered"] == sum(answered[a] for a in ("answer", "structured", "refuse", "filter"))
    assert server.repeated_after_answer() == []
    assert {f["error"]["kind"] for f in failures(tmp_path / "work" / "run")} == {"rejected"}
    assert {received.authorization for received, _ in server.log} == {f"Bearer {KEY}"}

    before = len(server.log)
    server.script = lambda received: "answer"
    second = harness(*command, env=env)
    assert second.code == 0, second.err
    assert {received.question for received, _ in server.log[before:]} == rejected
    assert len(server.log) - before == len(rejected)
    assert json.loads(second.out)["tasks"][0]["answered"] == 40
    assert server.repeated_after_answer() == []
    assert_unseen(KEY, tmp_path / "work", first.out, first.err, second.out, second.err)


def test_a_hanging_server_times_out(serve, faces, harness, tmp_path) -> None:
    server = serve(
        lambda received: "hang" if received.emotion in ("happy", "sad") or received.attempt == 0 else "answer"
    )
    began = time.monotonic()
    done = harness(
        "run",
        "--task",
        "coarse_emotion",
        "--model",
        "openai:tiny-vision",
        "--data",
        faces(12),
        "-o",
        f"base_url={server.url}",
        "-o",
        "timeout=3",
        "-o",
        "max_retries=1",
        "--out",
        "run",
        "--json",
    )
    task = json.loads(done.out)["tasks"][0]
    hung = {received.question for received, _ in server.log} - {
        a.question for a, act in server.log if act == "answer"
    }
    assert done.code == 3
    assert 0 < len(hung) < 12
    assert (task["answered"], task["failed"]) == (12 - len(hung), len(hung))
    assert {(f["error"]["kind"], f["error"]["retryable"]) for f in failures(tmp_path / "work" / "run")} == {
        ("timeout", True)
    }
    assert time.monotonic() - began < 90


def test_a_wrong_key_stops_the_run_and_the_hint_names_the_option(serve, faces, harness, tmp_path) -> None:
    server = serve(lambda received: "key")
    command = (
        "run",
        "--task",
        "coarse_emotion",
        "--model",
        "openai:tiny-vision",
        "--data",
        faces(60),
        "-o",
        f"base_url={server.url}",
        "-o",
        "concurrency=4",
        "-o",
        "api_key_env=MY_KEY",
        "--out",
        "run",
    )
    wrong = harness(*command, env={"MY_KEY": KEY})
    assert wrong.code == 2, wrong.err
    assert "rejects the key in MY_KEY" in wrong.err
    assert "api_key_env" in wrong.err
    assert len(server.log) <= 8
    assert_unseen(KEY, tmp_path / "work", wrong.out, wrong.err)
    traced = harness("--traceback", *command, env={"MY_KEY": KEY})
    assert KEY[8:] not in traced.out + traced.err
    missing = harness(*command, env={"MY_KEY": ""})
    assert missing.code == 2
    assert "MY_KEY" in missing.err


def test_replies_are_kept_when_a_key_stops_working(serve, faces, harness, tmp_path) -> None:
    seen: list[str] = []

    def expire(received) -> str:
        seen.append(received.question)
        return "answer" if len(seen) <= 10 else "key"

    server = serve(expire)
    command = (
        "run",
        "--task",
        "coarse_emotion",
        "--model",
        "openai:tiny-vision",
        "--data",
        faces(30),
        "-o",
        f"base_url={server.url}",
        "-o",
        "concurrency=2",
        "--out",
        "run",
        "--json",
    )
    stopped = harness(*command, env={"OPENAI_API_KEY": KEY})
    assert stopped.code == 3, stopped.err
    assert "rejects the key" in stopped.err
    assert len((tmp_path / "work" / "run" / "replies.jsonl").read_text().splitlines()) == 10
    server.script = lambda received: "answer"
    resumed = harness(*command, env={"OPENAI_API_KEY": KEY})
    assert resumed.code == 0, resumed.err
    assert json.loads(resumed.out)["tasks"][0]["answered"] == 30
    assert server.count("answer") == 30


def test_a_run_stops_at_max_failures(serve, faces, harness) -> None:
    server = serve(lambda received: "reject")
    done = harness(
        "run",
        "--task",
        "coarse_emotion",
        "--model",
        "openai:tiny-vision",
        "--data",
        faces(60),
        "-o",
        f"base_url={server.url}",
        "-o",
        "concurrency=4",
        "--max-failures",
        5,
        "--out",
        "run",
    )
    assert done.code == 3
    assert "Stopped after 5 failures" in done.err
    assert "cannot be decoded" in done.err
    assert len(server.log) <= 16


def test_a_key_passed_as_a_value_is_rejected_without_repeating_it(faces, harness) -> None:
    done = harness(
        "run",
        "--task",
        "coarse_emotion",
        "--model",
        "openai:gpt",
        "--data",
        faces(6),
        "-o",
        f"api_key_env={KEY}",
    )
    assert done.code == 2
    assert "environment variable" in done.err
    assert KEY not in done.err + done.out


def test_user_and_password_of_a_url_are_used_but_never_stored(serve, faces, harness, tmp_path) -> None:
    server = serve(lambda received: "answer" if received.attempt else "error")
    url = server.url.replace("http://", "http://emma:open%2Fsesame%2B47@") + "?token=abcdef123456"
    done = harness(
        "run",
        "--task",
        "coarse_emotion",
        "--model",
        "openai:tiny-vision",
        "--data",
        faces(6),
        "-o",
        f"base_url={url}",
        "--out",
        "run",
        env={"OPENAI_LOG": "debug"},
    )
    assert done.code == 0, done.err
    assert {received.authorization for received, _ in server.log} == {"Basic ZW1tYTpvcGVuL3Nlc2FtZSs0Nw=="}
    assert all("token=abcdef123456" in received.path for received, _ in server.log)
    for secret in (PASSWORD, "open%2Fsesame%2B47", "ZW1tYTpvcGVuL3Nlc2FtZSs0Nw==", "abcdef123456"):
        assert secret.encode() not in everything_written(tmp_path / "work")
        assert secret not in done.out + done.err
    for wrong in ("price_input=1", "concurrency=none", "nonsense=1", 'extra_body={"stream": true}'):
        refused = harness(
            "run", "--task", "coarse_emotion", "--model", "openai:m", "-o", f"base_url={url}", "-o", wrong
        )
        assert refused.code == 2
        assert not any(secret in refused.out + refused.err for secret in ("emma", "sesame", "abcdef123456"))
    kept = json.loads((tmp_path / "work" / "run" / "run.json").read_text())["request"]["model"]
    assert kept["identity"]["endpoint"] == server.url.removeprefix("http://")


def test_an_unreachable_server_gives_one_clear_message(faces, harness) -> None:
    done = harness(
        "run",
        "--task",
        "coarse_emotion",
        "--model",
        "openai:tiny-vision",
        "--data",
        faces(6),
        "-o",
        "base_url=http://127.0.0.1:9/v1",
        "-o",
        "max_retries=1",
    )
    assert done.code == 2, done.err
    assert "no connection" in done.err
    assert "Is the server running" in done.err
    assert "Traceback" not in done.err
