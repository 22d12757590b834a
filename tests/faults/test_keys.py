"""Keys in options, names and messages: refused with the way to give them, or hidden, and in no file that a run leaves."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from helpers.command import InProcess

from harness.secrets import hide_keys, looks_like_key, names_secret, secret_in

pytestmark = pytest.mark.faults

KEY = "sk-proj-Vq7nTz3LxW9bR2mK8dYc"  # Not a real key.
PLAIN = "Vq7nTz3LxW9bR2mK8dYc"
RUN = ("run", "--task", "coarse_emotion", "--data", "faces", "--out", "run")


class Echoing(BaseHTTPRequestHandler):
    """Sends back the key that it was given, wherever a server may do so."""

    def do_GET(self) -> None:
        self._send(200, {"data": [{"id": "m", "root": self._key(), "owned_by": self._key()}]})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        key = self._key()
        server: Any = self.server
        server.asked += 1
        if server.asked % 3 == 0:
            self._send(
                400, {"error": {"message": f"the key {key} ({key[:14]}...) may not ask this", "code": key}}
            )
            return
        choice = {"message": {"content": f"happy, and the key is {key}"}, "finish_reason": "stop"}
        self._send(200, {"choices": [choice], "model": f"m-{key}", "system_fingerprint": key, "usage": {}})

    def _key(self) -> str:
        return self.headers.get("authorization", "").removeprefix("Bearer ")

    def _send(self, status: int, body: object) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), Echoing)
    server.asked = 0
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    monkeypatch.setenv("MY_KEY", KEY)
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    server.server_close()


def written(folder: Path) -> str:
    """All that stands in the files of a folder."""
    return "".join(path.read_bytes().decode("latin-1") for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    "fields",
    [
        {"token": PLAIN},
        {"api_key": PLAIN},
        {"apikey": PLAIN},
        {"auth": PLAIN},
        {"credentials": {"user": "emma", "value": PLAIN}},
        {"credential": [PLAIN]},
        {"secret": PLAIN},
        {"clientSecret": PLAIN},
        {"password": PLAIN},
        {"access_token": PLAIN},
        {"headers": {"X-Auth-Token": PLAIN}},
        {"headers": {"Authorization": "x " + PLAIN}},
        {"a": [{"b": {"note": f"Bearer {PLAIN}"}}]},
        {"note": KEY},
        {"list": ["a", KEY]},
        {KEY: 1},
    ],
    ids=lambda fields: json.dumps(fields)[:30],
)
@pytest.mark.parametrize("model", ["openai:m", "openai-images:m"])
def test_extra_fields_hold_no_secret(
    model: str, fields: dict[str, Any], harness: InProcess, faces: Path, url: str
) -> None:
    option = f"extra_body={json.dumps(fields)}"
    how = ["--task", "t2i_emotion", "--judge", "echo", "--out", "run"] if "images" in model else RUN[1:]
    done = harness("run", *how, "--model", model, "-o", f"base_url={url}", "-o", option)
    done.fails(2, "environment variable")
    assert PLAIN not in done.out + done.err
    assert not Path("run").exists()


@pytest.mark.parametrize(
    "fields",
    [{"max_tokens": 9}, {"stop_token_ids": [1, 2]}, {"bos_token": "<s>"}, {"prompt_cache_key": "memo"}, {"top_k": 4},
     {"chat_template_kwargs": {"enable_thinking": False}}, {"add_special_tokens": True}],
)  # fmt: skip
def test_fields_that_only_sound_like_it_are_sent(
    fields: dict[str, Any], harness: InProcess, faces: Path, url: str
) -> None:
    option = f"extra_body={json.dumps(fields)}"
    done = harness(*RUN, "--model", "openai:m", "-o", f"base_url={url}", "-o", option, "--dry-run")
    assert done.code == 0, done.err


@pytest.mark.parametrize(
    "options",
    [
        ["--model", f"openai:{KEY}"],
        ["--model", KEY],
        ["--model", f"openai-images:{KEY}"],
        ["--model", "openai:m", "-o", f"api_key_env={KEY}"],
        ["--model", "openai:m", "-o", f"api_key={PLAIN}"],
        ["--model", "openai:m", "-o", KEY],
        ["--model", "openai:m", "-o", 'extra_body={"token": "' + PLAIN],
        ["--model", "openai:m", "-o", 'extra_body={"token": "' + PLAIN + '"'],
        ["--model", "openai:m", "-o", f"extra_body={KEY}"],
        ["--model", "openai:m", "-o", f"max_tokens={KEY}"],
        ["--model", "openai:m", "-o", f"omit=[{KEY}]"],
        ["--model", "echo", "-o", f"text={KEY}"],
        ["--model", "echo", "-o", f"seed={KEY}"],
        ["--model", "openai:m", "-o", f"base_url=ftp://emma:{PLAIN}@host/v1?key={PLAIN}"],
    ],
    ids=lambda options: " ".join(options)[-40:].replace(KEY, "KEY").replace(PLAIN, "PLAIN"),
)
def test_no_message_repeats_a_key(options: list[str], harness: InProcess, faces: Path) -> None:
    done = harness(*RUN, *options)
    assert done.code == 2, done.err
    assert PLAIN not in done.out + done.err
    assert not Path("run").exists()


def test_what_a_server_says_of_the_key_is_hidden(harness: InProcess, faces: Path, url: str) -> None:
    options = ["-o", f"base_url={url}?sig={PLAIN}x", "-o", "api_key_env=MY_KEY", "-o", "max_retries=0"]
    done = harness(*RUN, "--model", "openai:m", *options)
    assert Path("run", "replies.jsonl").stat().st_size
    assert Path("run", "failures.jsonl").stat().st_size
    shown = [done, harness("show", "run", "--samples"), harness("show", "run", "--full"), harness("show", "run", "--json"),
             harness("report", "run", "--out", "run/report.html"), harness("export", "run", "--format", "csv", "--out", "run/x.csv")]  # fmt: skip
    everything = written(Path("run")) + "".join(outcome.out + outcome.err for outcome in shown)
    for secret in (PLAIN, KEY, KEY[:14]):
        assert secret not in everything


def test_the_command_is_stored_without_secrets(harness: InProcess, faces: Path, url: str) -> None:
    address = url.replace("http://", f"http://emma:{PLAIN}@")
    harness(*RUN, "--model", "openai:m", "-o", f"base_url={address}?key={PLAIN}", "-o", "max_retries=0")
    assert "***" in Path("run", "run.json").read_text()
    assert PLAIN not in written(Path("run"))


def test_how_secrets_are_told_apart() -> None:
    for name in (
        "key",
        "API_KEY",
        "x-api-key",
        "accessToken",
        "authtoken",
        "client_secret",
        "password",
        "Authorization",
    ):
        assert names_secret(name), name
    for name in (
        "api_key_env",
        "max_tokens",
        "monkey",
        "tokenizer",
        "keyboard",
        "author",
        "stop_token_ids_env",
        "seed",
        "",
    ):
        assert not names_secret(name), name
    for text in (
        KEY,
        f"Bearer {PLAIN}",
        f"x={KEY}",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc",
        "AKIAIOSFODNN7EXAMPLE",
    ):
        assert looks_like_key(text), text
        assert PLAIN not in hide_keys(text)
    for text in (
        "happy",
        "llava-hf/llava-1.5-7b-hf",
        "gpt-4o",
        "a bearer",
        "task-based",
        "risk-averse people",
    ):
        assert not looks_like_key(text), text
    assert secret_in({"a": [{"auth": {"b": "x"}}]}, "extra_body") == "extra_body.a.auth.b"
    assert secret_in({"tokens": [1], "key": 5}) == ""
