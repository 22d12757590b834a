"""Bodies of responses that grow when they are decompressed, redirects of an endpoint, and JSON that no program expects."""

from __future__ import annotations

import contextlib
import gzip
import json
import subprocess
import sys
import threading
import zlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from memobench_openai.bodies import BadBody, Inflater
from memobench_openai.judge import OpenAIJudge
from PIL import Image

from harness import HarnessError, JudgeRequest, Listed, Message, Part, Picture, Question

pytestmark = pytest.mark.faults


class Answer(BaseHTTPRequestHandler):
    """Answers with what the server holds."""

    def do_GET(self) -> None:
        self._send()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.server.asked.append(self.path)  # type: ignore[attr-defined]
        self._send()

    def _send(self) -> None:
        status, headers, body = self.server.answer  # type: ignore[attr-defined]
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        with contextlib.suppress(OSError):  # the other side read enough
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Any]:
    made: Any = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    made.asked, made.answer = [], (200, {}, b"{}")
    made.url = f"http://127.0.0.1:{made.server_port}"
    threading.Thread(target=made.serve_forever, args=(0.02,), daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()


def ask(server: Any) -> list[Any]:
    """What came of one question: text, usage and error, or the error that ended the judge."""
    judge = OpenAIJudge(OpenAIJudge.Options(ref="m", base_url=f"{server.url}/v1", max_retries=0))
    judge.open()
    message = Message("user", (Part("Which?"), Part(image=0)))
    picture = Picture("0", Image.new("RGB", (8, 8)))
    request = JudgeRequest("0" * 32, "s", (picture,), (message,), Question("choice", ("happy", "sad")))
    try:
        (reply,) = judge.stream(Listed([request]))
    except HarnessError as e:
        return [str(e), e.hint]
    finally:
        judge.close()
    return [reply.text, reply.usage, reply.error]


ASK = """
import sys
sys.path[:0] = sys.argv[2:]
from types import SimpleNamespace
from test_bodies import ask
def peak():
    return int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0]) // 1024
before = peak()
print(ask(SimpleNamespace(url=sys.argv[1])))
print(peak() - before)
"""


def completion(**usage: object) -> bytes:
    return json.dumps({"choices": [{"message": {"content": "happy"}}], "usage": usage}).encode()


def bomb(megabytes: int, encoding: str) -> bytes:
    """A body of so many megabytes, a thousandth of them when sent; built in pieces."""
    packer = zlib.compressobj(9, wbits=31 if encoding == "gzip" else 15)
    return b"".join(packer.compress(b" " * 2**20) for _ in range(megabytes)) + packer.flush()


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
@pytest.mark.parametrize("status", [200, 500])
def test_a_body_is_bounded_after_decompression(encoding: str, status: int, server: Any) -> None:
    server.answer = (status, {"content-encoding": encoding}, bomb(20, encoding))
    assert "exceeds 16 MB" in str(ask(server))


def test_a_body_that_is_bounded_takes_no_memory(server: Any) -> None:
    server.answer = (200, {"content-encoding": "gzip"}, bomb(400, "gzip"))
    done = subprocess.run(
        [sys.executable, "-c", ASK, server.url, str(Path(__file__).parent)],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    shown, grown = done.stdout.splitlines()
    assert "exceeds 16 MB" in shown
    assert int(grown) < 120, "far below the 400 MB that the body holds"


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "x-unknown", "deflate,gzip"])
def test_a_compression_that_was_not_asked_for_is_refused(encoding: str, server: Any) -> None:
    server.answer = (200, {"content-encoding": encoding}, b"\x00" * 100)
    assert "which was not asked for" in str(ask(server))


def test_compressed_replies_are_read(server: Any) -> None:
    for encoding, body in (
        ("gzip", gzip.compress(completion(prompt_tokens=3))),
        ("deflate", zlib.compress(completion(prompt_tokens=3))),
        ("identity", completion(prompt_tokens=3)),
        ("", completion(prompt_tokens=3)),
    ):
        server.answer = (200, {"content-encoding": encoding} if encoding else {}, body)
        assert ask(server)[:2] == ["happy", {"prompt_tokens": 3}]


@pytest.mark.parametrize(
    "odd", ["1e308", "1" + "0" * 400, "1" + "0" * 9000, "NaN", "-3", "true", '"9"', "[]"]
)
def test_odd_counts_cost_no_answer(odd: str, server: Any) -> None:
    body = completion(prompt_tokens=777, completion_tokens=2).replace(b"777", odd.encode())
    server.answer = (200, {}, body)
    assert ask(server)[:2] == ["happy", {"completion_tokens": 2}]


def test_a_redirect_to_another_host_is_refused(server: Any) -> None:
    elsewhere = server.url.replace("127.0.0.1", "localhost")
    server.answer = (307, {"location": f"{elsewhere}/v1/chat/completions"}, b"")
    assert "redirects to another host, localhost" in str(ask(server))
    assert len(server.asked) == 1


def test_nested_json_is_no_reply(server: Any) -> None:
    server.answer = (200, {}, b"[" * 200_000)
    assert ask(server)[0] != "happy"


def test_inflating_is_bounded_in_small_steps() -> None:
    for encoding, data in (("gzip", gzip.compress(bytes(10**7))), ("deflate", zlib.compress(bytes(10**7)))):
        with pytest.raises(BadBody, match="exceeds"):
            Inflater(encoding, 2**20, "the reply").feed(data)
    raw = zlib.compressobj(wbits=-15)
    assert Inflater("deflate", 99, "x").feed(raw.compress(b"abc") + raw.flush()) == b"abc"
    members = gzip.compress(b"abc") + gzip.compress(b"def")
    inflater = Inflater("gzip", 99, "x")
    assert b"".join(inflater.feed(members[at : at + 1]) for at in range(len(members))) == b"abcdef"
    for number in (65_535, 65_536, 65_537, 200_000):
        inflater = Inflater("gzip", 2**20, "x")
        data = gzip.compress(bytes(number))
        assert len(inflater.feed(data[:50]) + inflater.feed(data[50:])) == number
    with pytest.raises(BadBody, match="not compressed"):
        Inflater("gzip", 99, "x").feed(b"plain text")


def test_bombs_of_picture_storage(server: Any, tmp_path: Path) -> None:
    code = (
        "import asyncio, sys; from memobench_openai.address import Address\n"
        "from memobench_openai.download import ImageDownloader\n"
        "async def run():\n"
        "    made = ImageDownloader(Address(sys.argv[1] + '/v1'), 30.0)\n"
        "    try: print(len(await made.download(sys.argv[1] + '/x.png')))\n"
        "    except Exception as e: print(e.kind, e)\n"
        "    finally: await made.close()\n"
        "asyncio.run(run())\n"
        "print(int(open('/proc/self/status').read().split('VmHWM:')[1].split()[0]) // 1024)\n"
    )
    server.answer = (200, {"content-encoding": "gzip"}, bomb(400, "gzip"))
    done = subprocess.run(
        [sys.executable, "-c", code, server.url], capture_output=True, text=True, timeout=120, check=True
    )
    said, peak = done.stdout.splitlines()
    assert said.startswith("too_large")
    assert int(peak) < 350
