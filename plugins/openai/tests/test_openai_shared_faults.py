"""Faults that all requests share: found at the cost of a few requests, shown with what the server said and what helps."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from memobench_openai.images import OpenAIImages
from memobench_openai.judge import OpenAIJudge

from harness import (
    EMOTIONS,
    ExitCode,
    HarnessError,
    ImageRequest,
    JudgeReply,
    JudgeRequest,
    Message,
    Part,
    Question,
    RequestError,
    Sampling,
)
from harness.testing import Listed, face_picture

N = 24
HANDFUL = 10
"""The most requests that may be spent before a run stops."""


def judge(endpoint: Any, **options: Any) -> OpenAIJudge:
    return OpenAIJudge(OpenAIJudge.Options(**{"ref": "m", "base_url": endpoint.url} | options))


def requests(n: int = N, mode: str = "choice") -> list[JudgeRequest]:
    messages = (Message("system", (Part("Be brief."),)), Message("user", (Part(image=0), Part("Which?"))))
    question = Question("choice", EMOTIONS, answer_mode=mode, target="emotion")  # type: ignore[arg-type]
    return [
        JudgeRequest(f"{i:032x}", f"s{i}", (face_picture(i),), messages, question, Sampling())
        for i in range(n)
    ]


def ask(made: OpenAIJudge, wanted: list[JudgeRequest]) -> list[JudgeReply]:
    return list(stream(made, wanted))


def stream(made: OpenAIJudge, wanted: list[JudgeRequest]) -> Iterator[JudgeReply]:
    made.open()
    try:
        yield from made.stream(Listed(wanted))
    finally:
        made.close()


def error(message: str, **more: Any) -> str:
    return json.dumps({"error": {"message": message, **more}})


PAGE = "<!DOCTYPE html>\n<html><head><title>Open WebUI</title></head><body>Sign in</body></html>"

FAULTS: dict[str, tuple[int, str, str, str]] = {
    "404": (404, '{"detail": "Not Found"}', "has no chat endpoint (404: Not Found)", "base_url"),
    "404 with a page": (404, "<html><body>This model of page is gone</body></html>", "has no chat endpoint", "base_url"),
    "405": (405, '{"detail": "Method Not Allowed"}', "has no chat endpoint (405: Method Not Allowed)", "base_url"),
    "501": (501, "", "has no chat endpoint", "base_url"),
    "a web page with status 200": (200, PAGE, "a web page, not JSON: <!DOCTYPE html> <html><head><title>Open WebUI", "base_url"),
    "an error object with status 200": (200, error("the worker is gone"), "the worker is gone", "server's log"),
    "an error in vLLM's form with status 200": (
        200, '{"object": "error", "message": "only 1 is allowed for temperature", "code": 400}', "only 1 is allowed", "-o omit=temperature"),
    "a list of errors with status 200": (200, '{"errors": [{"message": "no such route"}]}', "no such route", "server's log"),
    "JSON of another API": (200, '{"status": "ok", "version": "1.2"}', 'no message: {"status": "ok", "version": "1.2"}', "chat"),
    "JSON that is no object": (200, '["ok"]', 'not a JSON object: ["ok"]', "most end in /v1"),
    "plain text": (200, "Ollama is running", "not a JSON object: Ollama is running", "most end in /v1"),
    "a body that is too large": (413, "<html><h1>413</h1></html>", "413", "smaller pictures"),
    "a refused kind of response_format": (400, '{"error": {"message": "This response_format type is unavailable now"}}', "unavailable now", "structured="),
    "a model that a gateway cannot find": (200, '{"error": "model x not found, try pulling it first"}', "no model 'm'", "It serves"),
    "an empty answer": (200, "", "it is empty", "server's log"),
    "a crashed engine": (500, error("EngineCore encountered an issue"), "500: EngineCore", "server's log"),
    "temperature": (400, error("invalid temperature: only 1 is allowed for this model"), "only 1 is allowed", "-o omit=temperature"),
    "temperature range": (422, error("temperature must be greater than 0"), "greater than 0", "-o omit=temperature"),
    "top_p": (400, error("`temperature` and `top_p` cannot both be specified; top_p is deprecated"), "deprecated", "-o omit="),
    "system role": (400, error("System role not supported"), "System role", "-o system_role=user"),
    "developer instruction": (400, error("Developer instruction is not enabled for models/gemma"), "not enabled", "-o system_role=user"),
    "alternating roles": (500, error("Conversation roles must alternate user/assistant/user/assistant/..."), "alternate", "-o system_role=user"),
    "stream only": (400, error("This model only support stream mode, please enable the stream parameter"), "stream mode", "-o stream=true"),
    "stream required": (422, error("Stream must be set to true"), "set to true", "-o stream=true"),
    "text only, by type": (400, error("Invalid content type. image_url is only supported by certain models."), "image_url", "takes pictures"),
    "text only, by schema": (422, error("messages[0]: unknown variant `image_url`, expected `text`"), "unknown variant", "takes pictures"),
    "text only, vLLM": (400, error("tiny is not a multimodal model"), "multimodal", "takes pictures"),
    "text only, limit": (400, error("At most 0 image(s) may be provided in one prompt."), "At most 0", "takes pictures"),
    "text only, llama.cpp": (500, error("image input is not supported - hint: you may need to provide the mmproj"), "mmproj", "takes pictures"),
    "text only, router": (404, error("No endpoints found that support image input"), "support image", "takes pictures"),
}  # fmt: skip


@pytest.mark.parametrize(("status", "body", "said", "hint"), FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_that_all_requests_share_costs_a_handful_of_them(
    serve, status: int, body: str, said: str, hint: str
) -> None:
    server, began = serve(lambda received: "raw", raw=(status, body, {})), time.monotonic()
    with pytest.raises(RequestError) as stopped:
        ask(judge(server), requests())
    assert said in stopped.value.message
    assert hint in stopped.value.hint
    assert len(server.log) <= HANDFUL
    assert time.monotonic() - began < 10


LOGPROBS = {
    "range": ("Invalid value for 'top_logprobs': must be less than or equal to 5.", "-o top_logprobs=5"),
    "interval": ("logprobs must be between 0 and 8", "-o top_logprobs=8"),
    "vLLM": ("Requested sample logprobs of 20, which is greater than max allowed: 5", "-o top_logprobs=5"),
    "unsupported": ("This model does not support logprobs", "-o logprobs=off"),
}


@pytest.mark.parametrize(("message", "hint"), LOGPROBS.values(), ids=LOGPROBS.keys())
def test_log_probabilities_that_are_refused(serve, message: str, hint: str) -> None:
    server = serve(lambda received: "raw", raw=(400, error(message), {}))
    with pytest.raises(RequestError) as stopped:
        ask(judge(server, logprobs="on"), requests(mode="logprobs"))
    assert hint in stopped.value.hint
    assert len(server.log) <= HANDFUL
    ask_for = judge(serve(), logprobs="on", top_logprobs=5)
    with pytest.raises(HarnessError, match="no log-probabilities"):
        ask(ask_for, requests(1, "logprobs"))


def test_connections_that_break_before_any_answer_stop_the_stream(serve) -> None:
    server = serve(lambda received: "reset")
    with pytest.raises(RequestError, match="the connection broke"):
        ask(judge(server), requests())
    assert len(server.log) <= HANDFUL


def test_a_rate_limit_that_allows_nothing_stops_the_stream(serve) -> None:
    server = serve(lambda received: "limit")
    with pytest.raises(RequestError, match="429: slow down") as stopped:
        ask(judge(server, max_retries=2), requests())
    assert "max_retries" in stopped.value.hint
    assert len(server.log) <= 15, "three attempts of at most five requests"


def test_a_few_pictures_that_a_server_cannot_read_do_not_stop_the_stream(serve) -> None:
    first = {r.images[0].digest for r in requests(10)}
    assert len(first) == 10
    seen: list[str] = []

    def script(received: Any) -> str:
        url = received.body["messages"][1]["content"][0]["image_url"]["url"]
        if url not in seen:
            seen.append(url)
        return "reject" if seen.index(url) < 10 else "answer"

    replies = ask(judge(serve(script)), requests())
    assert sum(r.error is not None for r in replies) == 10
    assert {r.error.kind for r in replies if r.error} == {"rejected"}


def test_different_failures_at_the_start_do_not_stop_the_stream(serve) -> None:
    kinds = ("error", "garbage", "reset", "empty", "cut")
    count = 0

    def script(received: Any) -> str:
        nonlocal count
        count += 1
        return kinds[count % len(kinds)] if count <= 9 else "answer"

    assert all(r.error is None for r in ask(judge(serve(script), max_retries=20), requests()))


def test_few_requests_are_in_flight_before_the_first_answer(serve) -> None:
    server = serve(lambda received: "slow")
    replies = stream(judge(server, concurrency=16), requests(40))
    next(replies)
    assert server.max_in_flight <= 3
    assert len(list(replies)) == 39
    assert server.max_in_flight > 8


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        ('{"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}}', {}),
        ("", {}),
        ("<html>503 Service Temporarily Unavailable</html>", {}),
        ("model is not ready", {"Retry-After": "0.2"}),
    ],
)
def test_a_server_that_is_loading_is_waited_for(serve, body: str, headers: dict[str, str]) -> None:
    ready = time.monotonic() + 0.8
    server = serve(lambda received: "raw" if time.monotonic() < ready else "answer", raw=(503, body, headers))
    replies = ask(judge(server, max_retries=0, concurrency=2), requests())
    assert [r.error for r in replies] == [None] * N
    assert server.count("raw") <= 20


def test_a_server_that_never_becomes_ready_is_given_up_with_the_option_to_wait_longer(serve) -> None:
    server = serve(lambda received: "raw", raw=(503, error("Loading model"), {}))
    began = time.monotonic()
    with pytest.raises(RequestError, match="503: Loading model") as stopped:
        ask(judge(server, wait=0.8), requests())
    assert "-o wait=" in stopped.value.hint
    assert 0.7 < time.monotonic() - began < 10


RATE = {
    "Google": {"error": {"code": 429, "message": "quota", "details": [
        {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaId": "PerMinute"}]},
        {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "1.5s"}]}},
    "a list around it": [{"error": {"code": 429, "message": "quota", "details": [{"retryDelay": {"seconds": 1, "nanos": 500000000}}]}}],
    "a field": {"error": {"message": "slow down", "retry_after": 1.5}},
    "a sentence": {"error": {"message": "Rate limit reached. Please try again in 1.5s. Visit the site.", "code": "rate_limit_exceeded"}},
    "milliseconds": {"error": {"message": "Please retry after 1500 ms."}},
}  # fmt: skip


@pytest.mark.parametrize("body", RATE.values(), ids=RATE.keys())
def test_a_rate_limit_in_the_body_alone_is_obeyed(serve, body: Any) -> None:
    times: list[float] = []

    def script(received: Any) -> str:
        times.append(time.monotonic())
        return "raw" if len(times) <= 1 else "answer"

    server = serve(script, raw=(429, json.dumps(body), {}))
    replies = ask(judge(server, concurrency=1), requests(3))
    assert [r.error for r in replies] == [None] * 3
    assert times[1] - times[0] >= 1.5
    assert len(times) == 4


def test_a_server_that_only_streams_is_understood(serve) -> None:
    def events(received: Any) -> tuple[int, str, dict[str, str]]:
        chunks: list[dict[str, Any]] = [
            {"model": "m-1", "choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]},
            {"model": "m-1", "choices": [{"index": 0, "delta": {"content": "The face is "}}]},
            {
                "model": "m-1",
                "choices": [{"index": 0, "delta": {"content": "sad."}, "finish_reason": "stop"}],
            },
            {"model": "m-1", "choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 4}},
        ]
        text = "".join(f"data: {json.dumps(c)}\n\n" for c in chunks) + "data: [DONE]\n\n"
        return 200, text, {"Content-Type": "text/event-stream"}

    def script(received: Any) -> str:
        stream = received.body.get("stream")
        server.raw = events(received) if stream else (400, error("only streaming is supported"), {})
        return "raw"

    server = serve(script)
    with pytest.raises(RequestError) as stopped:
        ask(judge(server), requests(3))
    assert "-o stream=true" in stopped.value.hint
    (reply,) = ask(judge(server, stream=True, structured="prompt"), requests(1, "text"))
    assert (reply.text, reply.finish_reason) == ("The face is sad.", "stop")
    assert reply.usage == {"prompt_tokens": 7, "completion_tokens": 4}
    assert reply.served == {"model": "m-1"}


@pytest.mark.parametrize("role", ["system", "developer", "user"])
def test_the_system_message_takes_the_role_that_the_model_knows(serve, role: str) -> None:
    server = serve()
    ask(judge(server, system_role=role), requests(1))
    messages = server.log[0][0].body["messages"]
    if role == "user":
        (message,) = messages
        assert message["role"] == "user"
        assert [p["type"] for p in message["content"]] == ["text", "image_url", "text"]
        assert message["content"][0]["text"].strip() == "Be brief."
    else:
        assert [m["role"] for m in messages] == [role, "user"]


def test_later_options_do_not_change_the_identity_of_earlier_runs() -> None:
    options = OpenAIJudge.Options(ref="m", base_url="http://127.0.0.1:1/v1")
    assert not {"top_logprobs", "system_role", "stream", "proxy", "wait"} & set(options.answer_affecting())
    changed = OpenAIJudge.Options(
        ref="m", base_url="http://127.0.0.1:1/v1", top_logprobs=5, system_role="user"
    )
    assert changed.answer_affecting() == options.answer_affecting() | {
        "top_logprobs": 5,
        "system_role": "user",
    }


def test_a_server_that_dies_ends_the_stream_and_keeps_its_answers(serve) -> None:
    server = serve()
    replies = stream(judge(server, max_retries=1, concurrency=2), requests(60))
    got = [next(replies) for _ in range(5)]
    server.script = lambda received: "reset"  # open connections do not survive either
    server.stop()
    with pytest.raises(HarnessError, match="no connection") as stopped:
        got.extend(replies)
    assert stopped.value.exit_code == ExitCode.FAILED
    assert "kept" in stopped.value.hint
    assert sum(r.error is None for r in got) >= 5
    assert len(got) < 20


IMAGE_FAULTS = {
    "405": (405, "", "has no image endpoint (405", "base_url"),
    "a web page": (200, PAGE, "a web page, not JSON", "base_url"),
    "an error object": (200, error("no diffusion backend"), "no diffusion backend", "server's log"),
    "a broken engine": (500, error("CUDA error"), "500: CUDA error", "server's log"),
    "size": (400, error("size must be one of 512x512", param="size"), "512x512", "-o size="),
}


@pytest.mark.parametrize(("status", "body", "said", "hint"), IMAGE_FAULTS.values(), ids=IMAGE_FAULTS.keys())
def test_image_endpoints_stop_for_shared_faults_too(
    serve, status: int, body: str, said: str, hint: str
) -> None:
    server = serve(lambda received: "raw", raw=(status, body, {}))
    made = OpenAIImages(OpenAIImages.Options(ref="m", base_url=server.url))
    made.open()
    try:
        with pytest.raises(RequestError) as stopped:
            list(made.generate([ImageRequest(f"{i:032x}", f"A face {i}") for i in range(N)]))
    finally:
        made.close()
    assert said in stopped.value.message
    assert hint in stopped.value.hint
    assert len(server.log) <= HANDFUL
