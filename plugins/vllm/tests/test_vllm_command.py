"""The real command on a real engine: a suite on one engine, killed and resumed, and what it says on the way."""

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
OURS = re.compile(r"reading with vllm:\S+: |nuance_pairs is left out of comprehension: |run folder: |$")


def replies(folder: Path) -> dict[str, dict[str, Any]]:
    """The stored replies by id, but for times."""
    found = {}
    for line in (folder / "replies.jsonl").read_bytes().split(b"\n")[:-1]:
        reply = json.loads(line)
        assert reply["id"] not in found, "a request was answered twice"
        found[reply["id"]] = {k: v for k, v in reply.items() if k != "timings"}
    return found


def but_for_times(results: dict[str, Any]) -> dict[str, Any]:
    run = {k: v for k, v in results["run"].items() if k not in ("created", "name")}
    return {"run": run, "tasks": [{k: v for k, v in t.items() if k != "timings"} for t in results["tasks"]]}


@pytest.fixture
def hub() -> Iterator[tuple[str, list[str]]]:
    """The address of a model hub that has nothing, and what it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        do_HEAD = do_POST = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()


@pytest.mark.timeout(600)
def test_a_suite_killed_and_resumed_is_as_one_that_was_not(
    shell: Any,
    command: Callable[..., Any],
    tiny: Callable[[str], Path],
    faces: Path,
    hub: tuple[str, list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    arguments = ["run", "--task", "comprehension", "--model", f"vllm:{tiny('llava')}", "--data", faces, "--json", "--out"]  # fmt: skip
    started: list[engine.Running] = []
    start = engine.start
    monkeypatch.setattr(engine, "start", lambda *given: started.append(start(*given)) or started[-1])
    # A process takes long to import vLLM: the one to be killed does so while the uninterrupted run is under way here.
    killed = shell.start(*arguments, "run", "-o", "max_num_seqs=2")
    with ThreadPoolExecutor(1) as aside:
        kept = aside.submit(kill_in_the_middle, killed, shell.folder / "run")
        whole = command(*arguments, "whole")
        stored = kept.result()
    assert whole.code == 0, whole.err
    assert len(started) == 1, "all tasks share one engine"
    results = json.loads(whole.out)
    check_costs(results)

    address, asked = hub
    resumed = shell(
        *arguments, "run", env={"HF_ENDPOINT": address, "HF_HUB_OFFLINE": "0", "NO_PROXY": "127.0.0.1"}
    )
    assert resumed.code == 0, resumed.err
    assert f"88 requests, {len(stored)} stored already" in resumed.err
    assert all(OURS.match(line) for line in resumed.err.splitlines()), f"the engine's noise:\n{resumed.err}"
    assert asked == [], "a model in a folder needs no hub"
    again = replies(shell.folder / "run")
    assert stored.items() <= again.items()
    assert again == replies(shell.folder / "whole")
    assert len(again) == sum(N.values())
    assert json.loads(resumed.out) == json.loads((shell.folder / "run" / "results.json").read_text())
    assert but_for_times(json.loads(resumed.out)) == but_for_times(results)


def check_costs(results: dict[str, Any]) -> None:
    """Each task counts its tokens; those after the first find their pictures prepared."""
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
    # Levels of two words that begin alike are asked about twice.
    assert tasks["fine_intensity"]["timings"]["cached_pictures"] == 40
    assert tasks["fine_intensity"]["timings"]["cached_tokens"] > 0


def kill_in_the_middle(process: Any, folder: Path) -> dict[str, dict[str, Any]]:
    """Kill the command once some replies are stored; returns them."""
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
