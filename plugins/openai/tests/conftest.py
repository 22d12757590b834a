"""A local fake server for the chat and image APIs that fails on request, data folders, and the real command."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import os
import socket
import struct
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from harness import EMOTIONS

Script = Callable[["ReceivedRequest"], str]
HANG = 8.0
"""Upper bound on how long a request hangs, in seconds, so that no test outlives its server."""


@dataclass(frozen=True)
class ReceivedRequest:
    """One request as the server received it. `attempt` counts from 0 for equal bodies."""

    path: str
    body: dict[str, Any]
    authorization: str
    question: str
    attempt: int

    @property
    def emotion(self) -> str:
        """The answer of this server, which depends only on the question."""
        return EMOTIONS[int(self.question[:8], 16) % 6]


@dataclass
class FakeEndpoint:
    """The server. `script` chooses the action for a request; `log` records each request with its action."""

    script: Script
    log: list[tuple[ReceivedRequest, str]] = field(default_factory=list)
    retry_after: str = "0.05"
    answer: Callable[[ReceivedRequest, str], dict[str, Any]] = field(default_factory=lambda: completion)
    """Builds the body of an answer."""
    files: dict[str, bytes] = field(default_factory=dict)
    """Files served by GET, by path."""
    file_script: Callable[[str, int], str] = lambda path, attempt: "answer"
    """Chooses the action for the n-th GET of a file."""
    fetched: list[tuple[str, str]] = field(default_factory=list)
    """Path and authorization of each GET of a file."""
    raw: tuple[int, str, dict[str, str]] = (200, "", {})
    """Status, body and headers of the action "raw"."""
    models: list[dict[str, Any]] | int = field(
        default_factory=lambda: [{"id": "tiny-vision"}, {"id": "tiny-text"}]
    )
    """The list of models, or the status with which it is refused."""
    models_asked: int = 0
    redirect: str = ""
    """Where the list of models is, if its status is a redirect."""
    port: int = 0
    in_flight: int = 0
    max_in_flight: int = 0

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._attempts: Counter[str] = Counter()
        self.released = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    def begin(self, path: str, body: dict[str, Any], authorization: str) -> tuple[ReceivedRequest, str]:
        """Log a request and choose its action."""
        question = hashlib.sha256(json.dumps([path, body], sort_keys=True).encode()).hexdigest()
        with self._lock:
            received = ReceivedRequest(path, body, authorization, question, self._attempts[question])
            self._attempts[question] += 1
            action = self.script(received)
            self.log.append((received, action))
            self.in_flight += 1
            self.max_in_flight = max(self.max_in_flight, self.in_flight)
        return received, action

    def end(self) -> None:
        with self._lock:
            self.in_flight -= 1

    def count(self, *actions: str) -> int:
        """Number of requests with one of these actions."""
        return sum(action in actions for _, action in self.log)

    def repeated_after_answer(self) -> list[str]:
        """Questions that were asked again after they had been answered."""
        answered: set[str] = set()
        again = []
        for received, action in self.log:
            if received.question in answered:
                again.append(received.question)
            if action in (*ANSWERS, "policy", "slow"):
                answered.add(received.question)
        return again

    def close_port(self) -> None:
        """Accept no connection any more; those that are open stay."""
        self._server.socket.close()

    def stop(self) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=5)


ANSWERS = ("answer", "structured", "refuse", "filter")


def completion(received: ReceivedRequest, action: str) -> dict[str, Any]:
    """A chat completion as providers send it."""
    message: dict[str, Any] = {"role": "assistant", "content": f"The face looks {received.emotion}."}
    finish = "insufficient_system_resource" if action == "unfinished" else "stop"
    if action == "structured":
        message["content"] = json.dumps({"answer": received.emotion})
    if action == "refuse":
        message |= {"content": None, "refusal": "I cannot judge people by their faces."}
    if action == "filter":
        message, finish = {"role": "assistant", "content": None}, "content_filter"
    return {
        "id": "c1",
        "object": "chat.completion",
        "model": f"{received.body.get('model')}-0613",
        "system_fingerprint": "fp_test",
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        "usage": {
            "prompt_tokens": 100,
            "completion_tokens": 5,
            "total_tokens": 105,
            "prompt_tokens_details": {"cached_tokens": 40},
        },
    }


ERRORS: dict[str, tuple[int, Callable[[ReceivedRequest], Any]]] = {
    "limit": (429, lambda a: {"error": {"message": f"slow down, {a.authorization}", "code": "rate_limit_exceeded"}}),
    "error": (500, lambda a: {"error": {"message": f"failed while serving {a.authorization}"}}),
    "busy": (503, lambda a: "<html>upstream says no</html>"),
    "reject": (400, lambda a: {"error": {"message": "this picture cannot be decoded", "code": "invalid_image"}}),
    "key": (401, lambda a: {"error": {"message": f"wrong: {a.authorization}", "code": "invalid_api_key"}}),
    "no_model": (404, lambda a: {"error": {"message": f"The model `{a.body['model']}` does not exist", "code": "model_not_found"}}),
    "no_quota": (429, lambda a: {"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}}),
    "policy": (400, lambda a: {"error": {"message": "Your request was rejected by the safety system. safety_violations=[violence].",
                                         "type": "image_generation_user_error", "code": "moderation_blocked"}}),
    "no_format": (400, lambda a: {"error": {"message": "Unknown parameter: 'response_format'.", "param": "response_format",
                                            "code": "unknown_parameter"}}),
    "parameter": (400, lambda a: [{"error": {"message": "Unsupported value: 'temperature' does not support 0.", "param": "temperature",
                                             "code": "unsupported_value"}}]),
}  # fmt: skip


def _handler(endpoint: FakeEndpoint) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if path not in endpoint.files:
                self._models()
                return
            attempt = [p for p, _ in endpoint.fetched].count(path)
            endpoint.fetched.append((path, self.headers.get("Authorization", "")))
            action = endpoint.file_script(path, attempt)
            if action == "answer":
                self._send(200, endpoint.files[path], kind="image/png")
            elif action == "cut":
                self._send(200, endpoint.files[path][:40], length=len(endpoint.files[path]))
                self.close_connection = True
            elif action.isdigit():
                self._send(int(action), b"")
            else:
                self._send(302, b"", location=action)

        def _models(self) -> None:
            endpoint.models_asked += 1
            refused = endpoint.models if isinstance(endpoint.models, int) else 0
            self._send(
                refused or 200,
                b"" if refused else json.dumps({"data": endpoint.models}).encode(),
                location=endpoint.redirect,
            )

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            received, action = endpoint.begin(self.path, body, self.headers.get("Authorization", ""))
            try:
                self._act(received, action)
            except OSError:
                self.close_connection = True  # The client timed out and disconnected.
            finally:
                endpoint.end()

        def _act(self, received: ReceivedRequest, action: str) -> None:
            if action in (*ANSWERS, "unfinished"):
                self._send(200, json.dumps(endpoint.answer(received, action)).encode())
            elif action == "slow":
                time.sleep(0.3)
                self._send(200, json.dumps(endpoint.answer(received, action)).encode())
            elif action in ERRORS:
                status, make = ERRORS[action]
                payload = make(received)
                text = payload if isinstance(payload, str) else json.dumps(payload)
                self._send(status, text.encode(), retry=endpoint.retry_after if action == "limit" else "")
            elif action == "raw":
                status, text, headers = endpoint.raw
                self._send(status, text.encode(), headers=headers)
            elif action == "garbage":
                self._send(200, b'{"choices": [{"message": {"content": "hap')
            elif action == "empty":
                self._send(200, b'{"id": "c1", "choices": []}')
            elif action == "cut":
                whole = json.dumps(endpoint.answer(received, "answer")).encode()
                self._send(200, whole[: len(whole) // 2], length=len(whole))
                self.close_connection = True
            elif action == "reset":
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()
                self.close_connection = True
            elif action == "hang":
                endpoint.released.wait(HANG)
                self.close_connection = True
            else:
                raise AssertionError(f"unknown action {action!r}")

        def _send(
            self,
            status: int,
            body: bytes,
            *,
            length: int | None = None,
            retry: str = "",
            kind: str = "application/json",
            location: str = "",
            headers: dict[str, str] | None = None,
        ) -> None:
            self.send_response(status)
            for name, value in {"Content-Type": kind, **(headers or {})}.items():
                self.send_header(name, value)
            if location:
                self.send_header("Location", location)
            self.send_header("Content-Length", str(len(body) if length is None else length))
            if retry:
                self.send_header("Retry-After", retry)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Requests are logged by the endpoint."""

    return Handler


Serve = Callable[..., FakeEndpoint]


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Starts servers, and stops them after the test. No setting of this machine's environment applies."""
    for name in ("OPENAI_BASE_URL", *(f"{kind}_proxy" for kind in ("http", "https", "all", "no"))):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    servers: list[FakeEndpoint] = []

    def start(script: Script = lambda received: "answer", **settings: Any) -> FakeEndpoint:
        servers.append(FakeEndpoint(script, **settings))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def faces(tmp_path: Path) -> Callable[[int], Path]:
    """Creates a data folder of N different pictures."""

    def make(n: int) -> Path:
        folder = tmp_path / f"faces{n}"
        (folder / "pictures").mkdir(parents=True)
        with (folder / "manifest.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["image", "id", "emotion", "intensity", "subject"])
            for i in range(n):
                Image.new("RGB", (24, 16), (i % 256, i // 256, 90)).save(folder / "pictures" / f"{i}.png")
                emotion = EMOTIONS[i % 6]
                strength = "" if emotion == "neutral" else 1 + i % 5
                writer.writerow([f"pictures/{i}.png", f"s{i}", emotion, strength, f"p{i % 7}"])
        return folder

    return make


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str


@pytest.fixture
def harness(tmp_path: Path) -> Callable[..., Outcome]:
    """Runs the real command in its own folder."""
    folder = tmp_path / "work"
    folder.mkdir()

    def run(*arguments: object, env: dict[str, str] | None = None, timeout: float = 120) -> Outcome:
        script = Path(sys.executable).parent / "harness"
        environment = {k: v for k, v in os.environ.items() if not k.startswith("OPENAI_")} | (env or {})
        done = subprocess.run(
            [str(script), *map(str, arguments)],
            cwd=folder,
            env=environment,
            text=True,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=timeout,
            check=False,
        )
        return Outcome(done.returncode, done.stdout, done.stderr)

    return run


@dataclass
class FakeImageModel:
    """Answers of a `FakeEndpoint`: a picture of one colour, which depends only on prompt and seed."""

    sends: str = "b64_json"
    """Or "url": the file is then downloaded from the server itself."""
    fields: dict[str, Any] = field(default_factory=dict)
    """Additional fields of each reply."""
    endpoint: FakeEndpoint | None = None

    @staticmethod
    def colour(prompt: str, seed: int | None = None) -> tuple[int, int, int]:
        red, green, blue = hashlib.sha256(f"{prompt}:{seed}".encode()).digest()[:3]
        return red, green, blue | 1

    def png(self, received: ReceivedRequest) -> bytes:
        file = io.BytesIO()
        Image.new("RGB", (24, 16), self.colour(received.body["prompt"], received.body.get("seed"))).save(
            file, "PNG"
        )
        return file.getvalue()

    def __call__(self, received: ReceivedRequest, action: str) -> dict[str, Any]:
        entry: dict[str, Any] = {"revised_prompt": f"Carefully: {received.body['prompt']}"}
        if self.sends == "b64_json":
            entry["b64_json"] = base64.b64encode(self.png(received)).decode()
        else:
            assert self.endpoint is not None
            path = f"/files/{received.question}.png"
            self.endpoint.files[path] = self.png(received)
            entry["url"] = f"{self.endpoint.url.removesuffix('/v1')}{path}?sig=signature"
        return {
            "created": 1,
            "data": [entry],
            "size": "24x16",
            "usage": {"input_tokens": 20, "output_tokens": 200, "total_tokens": 220},
        } | self.fields


@pytest.fixture
def serve_images(serve: Serve) -> Callable[..., FakeEndpoint]:
    """Starts servers that return pictures."""

    def start(
        script: Script = lambda received: "answer", sends: str = "b64_json", **fields: Any
    ) -> FakeEndpoint:
        image_model = FakeImageModel(sends, fields)
        image_model.endpoint = serve(script, answer=image_model)
        return image_model.endpoint

    return start
