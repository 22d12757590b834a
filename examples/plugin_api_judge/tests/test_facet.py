"""The judge against a local server that fails in every way that services do."""

import json
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from memobench_plugin_facet.judge import Facet

from harness import EMOTIONS, JudgeRequest, Listed, Message, Part, Picture, Question, RequestError

KEY = "facet-5b1f0c27"  # Not a real key.


class FakeFacet(ThreadingHTTPServer):
    """`script(number, attempt)` says what happens to the request about a picture: "answer", "429", "hang", ..."""

    daemon_threads = True

    def __init__(self, script):
        super().__init__(("127.0.0.1", 0), Handler)
        self.script, self.seen, self.times, self.keys = script, Counter(), [], set()
        self.released = threading.Event()
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/v1"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.reply(200, {"models": ["facet-1", "facet-2"]})

    def do_POST(self):
        server, body = self.server, json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        number = int(body["content"][-1])
        server.seen[number] += 1
        server.times.append(time.monotonic())
        server.keys.add(self.headers["Authorization"])
        action = server.script(number, server.seen[number] - 1)
        if action == "answer":
            answer = EMOTIONS[number % 6]
            usage = {"prompt_tokens": 1000, "completion_tokens": 2}
            self.reply(200, {"answer": answer, "usage": usage, "model": "facet-1-0601"})
        elif action == "refuse":
            self.reply(200, {"refused": "No faces, please.", "model": "facet-1-0601"})
        elif action == "hang":
            server.released.wait(20)
        else:
            error = {"error": {"message": f"no, {self.headers['Authorization']}"}}
            self.reply(int(action), error, {"Retry-After": "0.3"} if action == "429" else {})

    def reply(self, status, body, headers=None):
        data = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(data)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


@pytest.fixture
def serve(monkeypatch):
    monkeypatch.setenv("FACET_API_KEY", KEY)
    servers = []

    def start(script=lambda number, attempt: "answer"):
        servers.append(FakeFacet(script))
        return servers[-1]

    yield start
    for server in servers:
        server.released.set()
        server.shutdown()
        server.server_close()


def requests(n):
    picture = Picture("0" * 64, data=b"\x89PNG...", media_type="image/png")
    question = Question("choice", EMOTIONS, target="emotion")
    return [
        JudgeRequest(
            f"r{i}", f"s{i}", (picture,), (Message("user", (Part(image=0), Part(str(i)))),), question
        )
        for i in range(n)
    ]


def ask(server, n=6, **options):
    judge = Facet(Facet.Options(base_url=server.url, **options))
    judge.open()
    try:
        return {reply.id: reply for reply in judge.stream(Listed(requests(n)))}
    finally:
        judge.close()


def test_answers_have_their_tokens_costs_and_model(serve):
    server = serve()
    replies = ask(server, price_input=2.0, price_output=10.0)
    assert [replies[f"r{i}"].text for i in range(6)] == list(EMOTIONS)
    assert replies["r0"].usage["cost"] == pytest.approx(0.00202)
    assert replies["r0"].served == {"model": "facet-1-0601"}
    assert replies["r0"].timings["retries"] == 0
    assert server.keys == {f"Bearer {KEY}"}


def test_a_rate_limit_is_obeyed(serve):
    server = serve(lambda number, attempt: "429" if (number, attempt) == (0, 0) else "answer")
    replies = ask(server, n=3, concurrency=1)
    assert all(reply.text for reply in replies.values())
    assert server.times[1] - server.times[0] >= 0.3


def test_failures_of_the_server_are_retried_and_what_stays_broken_is_one_failed_item(serve):
    def script(number, attempt):
        return "500" if attempt == 0 else "400" if number == 4 else "answer"

    replies = ask(serve(script))
    assert [i for i, reply in replies.items() if reply.error] == ["r4"]
    assert (replies["r4"].error.kind, replies["r4"].error.retryable) == ("rejected", False)
    assert KEY not in replies["r4"].error.message
    assert replies["r0"].timings["retries"] == 1


def test_refusals_are_answers(serve):
    server = serve(lambda number, attempt: "refuse" if number == 1 else "answer")
    replies = ask(server)
    assert replies["r1"].refusal == "No faces, please."
    assert replies["r1"].error is None
    assert server.seen[1] == 1


def test_a_request_that_hangs_is_cut_off_and_asked_again(serve):
    server = serve(lambda number, attempt: "hang" if number == 2 and attempt == 0 else "answer")
    replies = ask(server, timeout=1.0)
    assert all(reply.text for reply in replies.values())
    assert replies["r2"].timings["seconds"] >= 1.0


@pytest.mark.parametrize(
    ("status", "said"), [("401", "rejects the key in FACET_API_KEY"), ("403", "403: no"), ("404", "address")]
)
def test_what_all_requests_share_ends_the_run_at_once(serve, status, said):
    server = serve(lambda number, attempt: status)
    with pytest.raises(RequestError, match=said) as stopped:
        ask(server, n=50)
    assert KEY not in str(stopped.value)
    assert sum(server.seen.values()) <= 5


def test_a_server_that_is_not_there_ends_the_run_at_once(serve):
    server = serve()
    server.shutdown()
    server.server_close()
    with pytest.raises(RequestError, match="no connection"):
        ask(server, n=50)


def test_a_missing_key_is_named_before_anything_is_asked(monkeypatch):
    monkeypatch.delenv("FACET_API_KEY", raising=False)
    with pytest.raises(RequestError, match="FACET_API_KEY"):
        Facet()
