from __future__ import annotations

import base64
import io

import pytest
from memobench_openai import plugin
from memobench_openai.judge import OpenAIJudge
from PIL import Image

from harness import (
    EMOTIONS,
    Capability,
    HarnessError,
    Judge,
    JudgeReply,
    JudgeRequest,
    Message,
    Part,
    Question,
    RequestError,
    Sampling,
)
from harness.testing import JudgeContract, Listed, face_picture
from harness.testing.command import modules_imported_by
from harness.testing.questions import BRANCHES


def judge(endpoint, **options) -> OpenAIJudge:
    return OpenAIJudge(
        OpenAIJudge.Options(**{"ref": "tiny-vision", "base_url": endpoint.url, "max_retries": 2} | options)
    )


def requests(n: int, read: str = "choice", start: int = 0) -> list[JudgeRequest]:
    messages = (Message("user", (Part(image=0), Part("Which emotion?"))),)
    question = Question("choice", EMOTIONS, answer_mode=read, target="emotion")  # type: ignore[arg-type]
    return [
        JudgeRequest(f"{i:032x}", f"s{i}", (face_picture(i),), messages, question, Sampling())
        for i in range(start, start + n)
    ]


def ask(received: Judge, wanted: list[JudgeRequest]) -> list[JudgeReply]:
    received.open()
    try:
        return list(received.stream(Listed(wanted)))
    finally:
        received.close()


class TestChoices(JudgeContract):
    # The server of these tests knows emotions only.
    branches = tuple(branch for branch in BRANCHES if branch.name.endswith("emotion"))

    @pytest.fixture
    def judge(self, serve) -> Judge:
        return judge(serve(lambda received: "structured"))


class TestTexts(JudgeContract):
    @pytest.fixture
    def judge(self, serve) -> Judge:
        return judge(serve(), structured="prompt", concurrency=2)


def test_the_plugin_module_imports_nothing_heavy() -> None:
    loaded = modules_imported_by(
        "import memobench_openai.plugin as p; p.harness_judges(); p.harness_generators()"
    )
    assert "memobench_openai" in loaded
    assert not loaded & {"openai", "pydantic", "numpy", "PIL", "httpx", "httpx2"}
    (component,) = plugin.harness_judges()
    assert (component.name, component.load()) == ("openai", OpenAIJudge)


def test_planning_needs_neither_the_client_nor_a_network() -> None:
    loaded = modules_imported_by(
        "from memobench_openai.judge import OpenAIJudge as J; "
        "j = J(J.Options(ref='m', base_url='http://127.0.0.1:9/v1')); j.identity(); j.capabilities"
    )
    assert "pydantic" in loaded
    assert not loaded & {"openai", "httpx"}


def test_replies_contain_text_tokens_cost_and_model(serve) -> None:
    (reply,) = ask(
        judge(serve(lambda received: "structured"), price_input=1.0, price_output=2.0), requests(1)
    )
    assert reply.text in EMOTIONS
    assert reply.usage == {
        "prompt_tokens": 100,
        "completion_tokens": 5,
        "cost": pytest.approx(110e-6),
    }
    assert reply.served == {"model": "tiny-vision-0613", "system_fingerprint": "fp_test", "id": "tiny-vision"}
    assert reply.timings is not None
    assert (reply.timings["retries"], reply.timings["cached_tokens"]) == (0, 40)
    assert reply.finish_reason == "stop"


def test_the_picture_arrives_unchanged(serve) -> None:
    server = serve()
    (wanted,) = requests(1)
    ask(judge(server), [wanted])
    url = server.log[0][0].body["messages"][0]["content"][0]["image_url"]["url"]
    seen = Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2])))
    assert wanted.images[0].image is not None
    assert seen.convert("RGB").tobytes() == wanted.images[0].image.convert("RGB").tobytes()


def test_refusals_are_answers(serve) -> None:
    for action in ("refuse", "filter"):
        server = serve(lambda received, action=action: action)
        replies = ask(judge(server), requests(3))
        assert all(r.refusal and r.error is None for r in replies)
        assert len(server.log) == 3


def test_a_failed_request_is_a_reply_and_the_others_are_answered(serve) -> None:
    server = serve(
        lambda received: (
            "reject"
            if received.emotion == EMOTIONS[0]
            else "error"
            if received.emotion == EMOTIONS[1]
            else "answer"
        )
    )
    replies = ask(judge(server, max_retries=1), requests(30))
    kinds = {r.error.kind: r.error for r in replies if r.error}
    assert len(replies) == 30
    assert set(kinds) == {"rejected", "server_error"}
    assert (kinds["rejected"].retryable, kinds["server_error"].retryable) == (False, True)
    assert "after 2 attempts" in kinds["server_error"].message
    assert server.repeated_after_answer() == []


def test_a_reply_that_the_server_did_not_finish_is_no_answer(serve) -> None:
    server = serve(lambda received: "unfinished" if received.attempt < 2 else "answer")
    assert all(r.error is None for r in ask(judge(server), requests(3)))
    assert len(server.log) == 9
    server = serve(lambda received: "answer" if received.emotion == EMOTIONS[0] else "unfinished")
    replies = ask(judge(server, max_retries=1), requests(4))
    assert [r.error is None for r in replies].count(True) == 1
    errors = [r.error for r in replies if r.error]
    assert {(e.kind, e.retryable) for e in errors} == {("server_error", True)}
    assert "'insufficient_system_resource'" in errors[0].message


def test_concurrency_limits_the_requests_in_flight(serve) -> None:
    server = serve()
    assert len(ask(judge(server, concurrency=3), requests(40))) == 40
    assert server.max_in_flight <= 3


@pytest.mark.parametrize(
    ("action", "said", "hint"),
    [
        ("key", "requires a key", "api_key_env"),
        (
            "no_model",
            "has no model 'tiny-visoin'",
            "Did you mean 'tiny-vision'? It serves: tiny-vision, tiny-text.",
        ),
        ("no_quota", "exceeded your current quota", "Add credit"),
        ("parameter", "does not support 0", "-o omit=temperature"),
    ],
)
def test_fatal_errors_stop_the_stream(serve, monkeypatch, action: str, said: str, hint: str) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    server = serve(lambda received: action)
    with pytest.raises(RequestError) as ended:
        ask(judge(server, ref="tiny-visoin", concurrency=2), requests(50))
    assert said in ended.value.message
    assert hint in ended.value.hint
    assert len(server.log) <= 4


def test_a_parameter_rejected_after_answers_fails_only_its_request(serve) -> None:
    server = serve(
        lambda received: (
            "parameter" if received.body["messages"][0]["content"][1]["text"] == "Odd?" else "answer"
        )
    )
    odd = requests(1, start=50)[0]
    odd = JudgeRequest(
        odd.id, "odd", odd.images, (Message("user", (Part(image=0), Part("Odd?"))),), odd.question
    )
    replies = ask(judge(server, concurrency=1), [*requests(3), odd, *requests(3, start=60)])
    assert [r.error.kind for r in replies if r.error] == ["parameter_refused"]
    assert len(replies) == 7


def test_missing_log_probabilities_are_an_error(serve) -> None:
    assert Capability.LOGPROBS not in judge(serve()).capabilities
    received = judge(serve(), logprobs="on")
    assert Capability.LOGPROBS in received.capabilities
    with pytest.raises(HarnessError, match="no log-probabilities"):
        ask(received, requests(1, "logprobs"))
    assert Capability.LOGPROBS in judge(serve(), server="vllm").capabilities
    assert Capability.LOGPROBS not in judge(serve(), server="vllm", logprobs="off").capabilities
    with pytest.raises(HarnessError, match=r"no log-probabilities|expose its tokenizer"):
        ask(judge(serve(), server="vllm"), requests(1, "logprobs"))


def test_choice_is_supported_only_if_it_is_enforced(serve) -> None:
    assert Capability.CHOICE in judge(serve()).capabilities
    assert Capability.CHOICE not in judge(serve(), structured="prompt").capabilities


def test_streaming_before_open_is_an_error(serve) -> None:
    with pytest.raises(RuntimeError, match="before open"):
        list(judge(serve()).stream(Listed(requests(1))))


def test_a_model_name_is_required() -> None:
    with pytest.raises(HarnessError, match="needs a model name"):
        OpenAIJudge()
