"""The real command on a real engine: a suite that is killed and resumed, and its messages."""

from __future__ import annotations

import json
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from memobench_vllm import engine

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
N = {"coarse_polarity": 24, "coarse_emotion": 24, "fine_intensity": 20, "nuance_confusable": 20}
TASKS = list(N)
EXPECTED_LINE = re.compile(
    r"judging with vllm:\S+: |nuance_pairs is omitted from comprehension: |run folder: |$"
)


def replies(folder: Path) -> dict[str, dict[str, Any]]:
    """The stored replies by id, without timings."""
    found = {}
    for line in (folder / "replies.jsonl").read_bytes().split(b"\n")[:-1]:
        reply = json.loads(line)
        assert reply["id"] not in found, "a request was answered twice"
        found[reply["id"]] = {k: v for k, v in reply.items() if k != "timings"}
    return found


def without_timings(results: dict[str, Any]) -> dict[str, Any]:
    run = {k: v for k, v in results["run"].items() if k not in ("created", "name")}
    return {"run": run, "tasks": [{k: v for k, v in t.items() if k != "timings"} for t in results["tasks"]]}


@pytest.fixture
def hub() -> Iterator[tuple[str, list[str]]]:
    """The URL of an empty model hub, and the paths requested from it."""
    requested: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            requested.append(self.path)
            self.send_error(404)

        do_HEAD = do_POST = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", requested
    server.shutdown()
    server.server_close()


@pytest.mark.timeout(600)
def test_a_killed_and_resumed_suite_equals_an_uninterrupted_one(
    shell: Any,
    command: Callable[..., Any],
    tiny: Callable[[str], Path],
    faces: Path,
    hub: tuple[str, list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    arguments = [
        "run",
        "--task",
        "comprehension",
        "--model",
        f"vllm:{tiny('llava')}",
        "--data",
        faces,
        "--json",
        "--out",
    ]
    started: list[engine.RunningEngine] = []
    start = engine.start
    monkeypatch.setattr(engine, "start", lambda *given: started.append(start(*given)) or started[-1])
    # Importing vLLM takes long, so the process to be killed starts while the uninterrupted run is in progress here.
    killed = shell.start(*arguments, "run", "-o", "max_num_seqs=2")
    with ThreadPoolExecutor(1) as executor:
        stored_future = executor.submit(kill_after_some_replies, killed, shell.folder / "run")
        whole = command(*arguments, "whole")
        stored = stored_future.result()
    assert whole.code == 0, whole.err
    assert len(started) == 1, "all tasks share one engine"
    results = json.loads(whole.out)
    check_usage(results)

    address, requested = hub
    resumed = shell(
        *arguments, "run", env={"HF_ENDPOINT": address, "HF_HUB_OFFLINE": "0", "NO_PROXY": "127.0.0.1"}
    )
    assert resumed.code == 0, resumed.err
    assert f"88 requests, {len(stored)} already stored" in resumed.err
    assert all(EXPECTED_LINE.match(line) for line in resumed.err.splitlines()), (
        f"the engine's noise:\n{resumed.err}"
    )
    assert requested == [], "a model in a folder needs no hub"
    again = replies(shell.folder / "run")
    assert stored.items() <= again.items()
    assert again == replies(shell.folder / "whole")
    assert len(again) == sum(N.values())
    assert json.loads(resumed.out) == json.loads((shell.folder / "run" / "results.json").read_text())
    assert without_timings(json.loads(resumed.out)) == without_timings(results)


def check_usage(results: dict[str, Any]) -> None:
    """Each task counts its tokens. Tasks after the first find their pictures in the cache."""
    tasks = {entry["task"]: entry for entry in results["tasks"]}
    assert list(tasks) == TASKS
    for name, entry in tasks.items():
        assert (entry["read"], entry["n"], entry["answered"], entry["failed"]) == (
            "logprobs",
            N[name],
            N[name],
            0,
        )
        assert entry["usage"]["prompt_tokens"] > 20 * N[name]
        assert entry["usage"]["completion_tokens"] >= N[name]
    assert tasks["coarse_polarity"]["timings"]["cached_pictures"] == 0
    assert tasks["coarse_emotion"]["timings"]["cached_pictures"] == 24
    # Two-word levels with the same first word take two prompts.
    assert tasks["fine_intensity"]["timings"]["cached_pictures"] == 40
    assert tasks["fine_intensity"]["timings"]["cached_tokens"] > 0


def kill_after_some_replies(process: Any, folder: Path) -> dict[str, dict[str, Any]]:
    """Kill the command once some replies are stored, and return them."""
    file, end = folder / "replies.jsonl", time.monotonic() + 150
    while not file.exists() or file.read_bytes().count(b"\n") < 9:
        assert process.poll() is None, f"it ended before it could be killed:\n{process.communicate()}"
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    stored = replies(folder)
    assert 9 <= len(stored) < sum(N.values())
    return stored
