"""Several servers behind one judge: shared load, one picture on one server, and servers that go away."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from memobench_openai.address import Address, addresses_of
from memobench_openai.judge import OpenAIJudge
from memobench_openai.replicas import ABOUT, AWAY, Replicas

from harness import BadOption
from harness.remote import RemoteError


class Server:
    """Stands for a `Transport`: answers, or raises what it is told to."""

    def __init__(self, url: str) -> None:
        self.address = addresses_of(url)
        self.error: RemoteError | None = None
        self.paths: list[str] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.secrets = None

    async def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        self.paths.append(path)
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        return {"by": str(self.address)}


def replicas(
    servers: Sequence[Server], clock: Callable[[], float] = lambda: 0.0
) -> tuple[Replicas, list[str]]:
    notes: list[str] = []
    return Replicas(servers, lambda transport: transport.address, notes.append, clock), notes  # type: ignore[arg-type, return-value]


GONE = RemoteError("unreachable", "no connection: refused", retryable=True, outage=True)


def test_requests_go_where_the_fewest_are() -> None:
    async def run() -> list[int]:
        servers = [Server(f"http://h{n}/v1") for n in range(4)]
        for server in servers:
            server.gate.clear()
        asked, _ = replicas(servers)
        tasks = [asyncio.create_task(asked.post("/x", {})) for _ in range(40)]
        await asyncio.sleep(0)
        counts = [len(server.paths) for server in servers]
        for server in servers:
            server.gate.set()
        await asyncio.gather(*tasks)
        return counts

    assert asyncio.run(run()) == [10, 10, 10, 10]


def test_a_picture_stays_with_its_server() -> None:
    async def run() -> dict[str, set[str]]:
        servers = [Server(f"http://h{n}/v1") for n in range(3)]
        asked, _ = replicas(servers)
        found: dict[str, set[str]] = {}
        for picture in map(str, range(60)):
            for _ in range(3):
                ABOUT.set(picture)
                found.setdefault(picture, set()).add((await asked.post("/x", {}))["by"])
        return found

    found = asyncio.run(run())
    assert all(len(by) == 1 for by in found.values())
    counts = Counter(next(iter(by)) for by in found.values())
    assert len(counts) == 3
    assert min(counts.values()) > 8


def test_a_server_that_is_gone_is_left_out_and_comes_back() -> None:
    now = [0.0]

    async def run() -> None:
        servers = [Server("http://a/v1"), Server("http://b/v1")]
        asked, notes = replicas(servers, lambda: now[0])
        servers[0].error = GONE
        for number in range(20):
            ABOUT.set(str(number))
            assert (await asked.post("/x", {}))["by"] == "http://b/v1"
        assert len(servers[0].paths) == 1, "it is asked once, and left out"
        assert notes == [
            "http://a/v1 does not answer (no connection: refused): its requests go to the others"
        ]
        servers[0].error, now[0] = None, AWAY + 1
        by = Counter()
        for number in range(20):
            ABOUT.set(str(number))
            by[(await asked.post("/x", {}))["by"]] += 1
        assert len(by) == 2

    asyncio.run(run())


def test_errors_of_a_server_that_answers_are_its_own() -> None:
    async def run() -> None:
        servers = [Server("http://a/v1"), Server("http://b/v1")]
        asked, notes = replicas(servers)
        for server in servers:
            server.error = RemoteError("rate_limited", "slow down", retryable=True)
        with pytest.raises(RemoteError, match="slow down"):
            await asked.post("/x", {})
        assert sum(len(server.paths) for server in servers) == 1
        assert not notes
        for server in servers:
            server.error = GONE
        with pytest.raises(RemoteError, match="refused"):
            await asked.post("/x", {})

    asyncio.run(run())


def test_tools_of_the_server_are_those_of_the_same_one() -> None:
    async def run() -> None:
        servers = [Server("http://a/v1"), Server("http://b:9/v1")]
        asked, _ = replicas(servers)
        servers[0].error = GONE
        await asked.post("http://a/tokenize", {})
        assert servers[1].paths == ["http://b:9/tokenize"]

    asyncio.run(run())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("http://a/v1,http://a/v1/", "names http://a/v1 twice"),
        ("http://a/v1,", "not an http"),
        ("http://a/v1,ftp://b", "not an http"),
    ],
)
def test_lists_that_cannot_be_used(text: str, message: str) -> None:
    with pytest.raises(BadOption, match=message):
        addresses_of(text)


def test_the_first_server_stands_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    one = OpenAIJudge(OpenAIJudge.Options(ref="m", base_url="http://127.0.0.1:1/v1"))
    two = OpenAIJudge(
        OpenAIJudge.Options(ref="m", base_url="http://127.0.0.1:1/v1, http://u:secret@10.0.0.2:2/v1")
    )
    assert one.identity() == two.identity(), "a server that is added asks nothing again"
    assert two.contacts() == ["http://127.0.0.1:1/v1, http://10.0.0.2:2/v1"]
    assert "secret" in two.secrets()
    assert [isinstance(a, Address) for a in two.options.address.all] == [True, True]
    assert "secret" not in json.dumps(two.options.model_dump(mode="json"))


def test_a_server_that_dies_in_the_middle(
    serve, faces: Callable[[int], Path], harness, tmp_path: Path
) -> None:
    """One of two servers resets its connections and closes its port after ten requests: nothing is lost or asked twice."""
    died = threading.Event()

    def dying(received: Any) -> str:
        if len(first.log) < 10:
            return "structured"
        if not died.is_set():
            died.set()
            first.close_port()
        return "reset"

    first, second = serve(dying), serve(lambda received: "structured")
    urls = f"{first.url},{second.url}"
    command = ("run", "--task", "coarse_emotion", "--model", "openai:m", "-o", f"base_url={urls}", "-o", "concurrency=4",
               "--data", faces(48), "--out", "run", "--json")  # fmt: skip
    done = harness(*command)
    assert died.is_set()
    assert done.code == 0, done.err
    (task,) = json.loads(done.out)["tasks"]
    assert (task["answered"], task["failed"]) == (48, 0)
    assert f"{first.url} does not answer" in done.err
    assert first.count("structured") + second.count("structured") == 48, "no answer was asked for twice"


def test_two_servers_of_different_weights_are_noticed(
    serve, faces: Callable[[int], Path], harness, tmp_path: Path
) -> None:
    completion = serve().answer

    def answer(received: Any, action: str) -> dict[str, Any]:
        return {**completion(received, action), "model": "m", "system_fingerprint": "same"}

    servers = [
        serve(lambda received: "structured", answer=answer, models=[{"id": "m", "root": f"/weights/{name}"}])
        for name in "ab"
    ]
    urls = ",".join(server.url for server in servers)
    done = harness("run", "--task", "coarse_emotion", "--model", "openai:m", "-o", f"base_url={urls}", "-o", "concurrency=4",
                   "--data", faces(48), "--out", "run", "--json")  # fmt: skip
    assert done.code == 3, "replies of two models are mixed"
    assert "/weights/a" in done.out
    assert "/weights/b" in done.out
