"""What the core does for a judge that is one coroutine."""

from __future__ import annotations

import asyncio
import hashlib
import time
from typing import Any

import pytest
from helpers.remote import FunctionJudge, StatusError, always, ask, happy, requests

from harness import (
    BadOption,
    ExitCode,
    HarnessError,
    Judge,
    JudgeReply,
    JudgeRequest,
    Listed,
    RemoteError,
    ReplyError,
    RequestError,
)
from harness.testing import JudgeContract


def failing(*errors: Exception, times: int = 10**9) -> Any:
    """A service that raises the errors in turn for each request, then answers."""

    async def serve(request: JudgeRequest, attempt: int) -> str:
        if attempt < min(len(errors), times):
            raise errors[attempt]
        return "happy"

    return serve


def after(answered: int, error: Exception) -> Any:
    """A service that answers the first requests, and fails for all later ones."""

    async def serve(request: JudgeRequest, attempt: int) -> str:
        if int(request.id[1:]) < answered:
            return "happy"
        raise error

    return serve


@pytest.fixture(autouse=True)
def _no_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.remote.retry.MAX_BACKOFF", 0.01)


def test_one_reply_for_each_request_with_timings() -> None:
    replies = ask(FunctionJudge(happy), 40)
    assert sorted(replies) == sorted(r.id for r in requests(40))
    for reply in replies.values():
        assert reply.text == "happy"
        assert reply.timings is not None
        assert reply.timings["retries"] == 0.0
        assert reply.timings["seconds"] >= 0.0


def test_requests_in_flight_are_bounded_by_the_option() -> None:
    in_flight = most = 0

    async def serve(request: JudgeRequest, attempt: int) -> str:
        nonlocal in_flight, most
        in_flight += 1
        most = max(most, in_flight)
        await asyncio.sleep(0.005)
        in_flight -= 1
        return "happy"

    ask(FunctionJudge(serve, concurrency=5), 60)
    assert most == 5


def test_three_requests_are_in_flight_before_the_first_answer() -> None:
    begun: list[str] = []
    at_first_answer = 0

    async def serve(request: JudgeRequest, attempt: int) -> str:
        nonlocal at_first_answer
        begun.append(request.id)
        await asyncio.sleep(0.1)
        at_first_answer = at_first_answer or len(begun)
        return "happy"

    assert len(ask(FunctionJudge(serve), 30)) == 30
    assert at_first_answer == 3


@pytest.mark.parametrize(
    "error",
    [
        StatusError(500),
        StatusError(429),
        TimeoutError("slow"),
        ConnectionResetError("gone"),
        RemoteError("mine", "come again", retryable=True),
    ],
)
def test_transient_failures_are_retried_and_counted(error: Exception) -> None:
    judge = FunctionJudge(failing(error, error))
    replies = ask(judge, 3)
    assert {reply.text for reply in replies.values()} == {"happy"}
    assert all(reply.timings and reply.timings["retries"] == 2.0 for reply in replies.values())
    assert len(judge.asked) == 9


def test_a_request_that_fails_for_good_is_a_reply_with_the_error() -> None:
    async def serve(request: JudgeRequest, attempt: int) -> str:
        if request.id == "r4":
            raise StatusError(400, '{"error": {"message": "this picture is broken"}}')
        return "happy"

    replies = ask(FunctionJudge(serve), 8)
    assert replies["r4"].error == ReplyError("rejected", "400: this picture is broken", False)
    assert [r.error for i, r in replies.items() if i != "r4"] == [None] * 7


def test_an_attempt_has_a_time_limit() -> None:
    cancelled: list[str] = []

    async def serve(request: JudgeRequest, attempt: int) -> str:
        if attempt == 0 or request.id == "r1":
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                cancelled.append(request.id)
                raise
        return "happy"

    replies = ask(FunctionJudge(serve, timeout=0.1, max_retries=1), 2)
    assert replies["r0"].text == "happy"
    error = replies["r1"].error
    assert error is not None
    assert (error.kind, error.retryable) == ("timeout", True)
    assert error.message == "no reply within 0.1 seconds (after 2 attempts)"
    assert sorted(cancelled) == ["r0", "r1", "r1"]


def test_the_delay_that_a_service_asks_for_slows_all_requests() -> None:
    times: list[float] = []

    async def serve(request: JudgeRequest, attempt: int) -> str:
        times.append(time.monotonic())
        if len(times) == 1:
            raise StatusError(429, headers={"Retry-After": "0.4"})
        return "happy"

    ask(FunctionJudge(serve, concurrency=1), 3)
    assert times[1] - times[0] >= 0.4
    assert len(times) == 4


FATAL = {
    401: (StatusError(401, "no"), "requires a key (401: no).", "-o api_key_env=NAME"),
    403: (StatusError(403, "not here"), "403: not here.", "this account may use this model"),
    404: (StatusError(404, "model x does not exist"), "has no model 'm' (404: model x does not exist).", "It serves: m-1, other."),
    405: (StatusError(405), "at this address (405", "Check the address."),
    "refused": (ConnectionRefusedError(111, "Connection refused"), "no connection: [Errno 111] Connection refused (all 3 attempts", "Is the service running"),
    "mine": (RemoteError("region", "not in this region", fatal="Use -o region=eu."), "not in this region.", "Use -o region=eu."),
}  # fmt: skip


class WithModels(FunctionJudge):
    async def models(self) -> list[str]:
        return ["m-1", "other"]


@pytest.mark.parametrize(("error", "said", "hint"), FATAL.values(), ids=map(str, FATAL))
def test_an_error_that_all_requests_have_ends_the_stream_at_once(
    error: Exception, said: str, hint: str
) -> None:
    judge = WithModels(always(error))
    with pytest.raises(RequestError) as stopped:
        ask(judge, 50)
    assert said in stopped.value.message
    assert hint in stopped.value.hint
    assert len(judge.asked) <= 5


def test_after_an_answer_such_an_error_is_a_failed_item_and_five_in_a_row_end_the_stream() -> None:
    async def sometimes(request: JudgeRequest, attempt: int) -> str:
        if int(request.id[1:]) % 3 == 1:
            raise StatusError(403, "not this one")
        return "happy"

    replies = ask(FunctionJudge(sometimes, concurrency=1), 30)
    assert sum(r.error is not None for r in replies.values()) == 10
    judge = FunctionJudge(after(10, StatusError(401, "expired")), concurrency=1)
    got: list[JudgeReply] = []
    judge.open()
    with pytest.raises(HarnessError, match="requires a key") as stopped:
        got.extend(judge.stream(Listed(requests(60))))
    judge.close()
    assert stopped.value.exit_code == ExitCode.FAILED
    assert [r.error is None for r in got] == [True] * 10 + [False] * 4
    assert len(judge.asked) == 15


def test_a_service_that_goes_down_ends_the_stream_and_keeps_its_answers() -> None:
    judge = FunctionJudge(after(10, ConnectionRefusedError("down")), concurrency=2, max_retries=0)
    with pytest.raises(HarnessError, match="no connection") as stopped:
        ask(judge, 60)
    assert "kept" in stopped.value.hint
    assert len(judge.asked) < 20


def test_a_fault_of_the_plugin_ends_the_stream_after_a_few_requests_and_says_where() -> None:
    judge = FunctionJudge(always(KeyError("choices")))
    with pytest.raises(
        RequestError, match="KeyError: 'choices' \\(all 8 attempts so far failed alike\\)"
    ) as stopped:
        ask(judge, 100)
    assert "--traceback" in stopped.value.hint
    assert isinstance(stopped.value.__cause__, KeyError)
    assert len(judge.asked) <= 12


@pytest.mark.parametrize(
    "error", [SystemExit(3), KeyboardInterrupt(), asyncio.CancelledError(), GeneratorExit()]
)
def test_whatever_a_client_raises_fails_its_own_request(error: BaseException) -> None:
    async def serve(request: JudgeRequest, attempt: int) -> str:
        if request.id == "r5":
            raise error
        return "happy"

    replies = ask(FunctionJudge(serve, max_retries=0), 12)
    assert [i for i, r in replies.items() if r.error is not None] == ["r5"]


def test_a_reply_of_another_type_and_a_plain_function_are_named() -> None:
    async def number(request: JudgeRequest, attempt: int) -> int:
        return 5

    with pytest.raises(RequestError, match=r"FunctionJudge.ask\(\) must return JudgeReply, but returned int"):
        ask(FunctionJudge(number), 20)

    class Plain(FunctionJudge):
        def ask(self, request: JudgeRequest) -> JudgeReply:  # type: ignore[override]
            return JudgeReply(request.id, text="happy")

    with pytest.raises(RequestError, match="async def"):
        ask(Plain(happy), 20)
    with pytest.raises(TypeError, match="ask"):
        type("Nothing", (FunctionJudge,), {"ask": __import__("harness").AsyncJudge.ask})(happy)


def test_refusals_are_answers() -> None:
    async def serve(request: JudgeRequest, attempt: int) -> Any:
        if request.id == "r0":
            return JudgeReply(request.id, refusal="I do not judge people.")
        if request.id == "r1":
            raise RemoteError("policy", "against the rules", refusal=True)
        raise StatusError(400, '{"error": {"code": "content_filter", "message": "filtered"}}')

    judge = FunctionJudge(serve)
    replies = ask(judge, 3)
    assert [replies[f"r{i}"].error for i in range(3)] == [None] * 3
    assert [replies[f"r{i}"].refusal for i in range(3)] == [
        "I do not judge people.",
        "against the rules",
        "400: filtered",
    ]
    assert len(judge.asked) == 3
    assert all(r.timings and "seconds" in r.timings for r in replies.values())


def test_calls_within_a_request_are_retried_each_on_its_own() -> None:
    log: list[str] = []

    class Twice(FunctionJudge):
        async def ask(self, request: JudgeRequest) -> JudgeReply:
            first = await self.attempt(lambda: self.part("a"))
            second = await self.attempt(lambda: self.part("b"))
            return JudgeReply(request.id, text=first + second)

        async def part(self, name: str) -> str:
            log.append(name)
            await asyncio.sleep(0.15)
            if log.count("b") == 1 and name == "b":
                raise StatusError(500)
            return name

    reply = ask(Twice(happy, timeout=0.25))["r0"]  # the limit is one of each call, not of all
    assert (reply.text, log) == ("ab", ["a", "b", "b"])
    assert reply.timings is not None
    assert reply.timings["retries"] == 1.0
    log.clear()

    class Never(Twice):
        async def part(self, name: str) -> str:
            log.append(name)
            if name == "b":
                raise StatusError(500)
            return name

    error = ask(Never(happy, max_retries=1))["r0"].error
    assert error is not None
    assert (error.kind, log) == ("server_error", ["a", "b", "b"])


def test_errors_can_be_classified_by_the_plugin() -> None:
    class Busy(Exception):
        pass

    class Mine(FunctionJudge):
        def classify(self, error: BaseException) -> RemoteError:
            if isinstance(error, Busy):
                return RemoteError("busy", "all lines are busy", retryable=True)
            return super().classify(error)

    judge = Mine(failing(Busy(), StatusError(503)))
    assert ask(judge)["r0"].text == "happy"
    assert len(judge.asked) == 3

    class Broken(FunctionJudge):
        def classify(self, error: BaseException) -> RemoteError:
            raise ZeroDivisionError

    error = ask(Broken(failing(Busy())))["r0"].error
    assert error is not None
    assert error.kind == "ZeroDivisionError"


@pytest.mark.parametrize(
    ("usage", "cost"),
    [
        ({"prompt_tokens": 1000, "completion_tokens": 10}, 0.00204),
        ({"input_tokens": 1000, "output_tokens": 10}, 0.00204),
        ({"prompt_tokens": 500}, 0.001),
        ({"prompt_tokens": 500, "cost": 7.0}, 7.0),
        ({"prompt_tokens": float("nan")}, None),
        (None, None),
    ],
)
def test_costs_follow_from_tokens_and_prices(usage: Any, cost: float | None) -> None:
    async def serve(request: JudgeRequest, attempt: int) -> JudgeReply:
        return JudgeReply(request.id, text="happy", usage=usage)

    judge = FunctionJudge(serve, price_input=2.0, price_output=4.0)
    found = ask(judge)["r0"].usage or {}
    assert found.get("cost") == (None if cost is None else pytest.approx(cost))
    assert judge.reports_cost()
    assert judge.expected_cost(10, 1e6, 5e5) == pytest.approx(4.0)
    without = FunctionJudge(serve)
    assert (without.reports_cost(), without.expected_cost(10, 1e6, 1e6)) == (False, None)
    assert "cost" not in (ask(without)["r0"].usage or {}) or (usage or {}).get("cost")
    with pytest.raises(BadOption, match="together"):
        FunctionJudge(serve, price_input=2.0)


class TestContract(JudgeContract):
    """A judge of one coroutine passes the conformance kit."""

    @pytest.fixture
    def judge(self) -> Judge:
        async def serve(request: JudgeRequest, attempt: int) -> str:
            await asyncio.sleep(0.001)
            text = "".join(part.text for message in request.messages for part in message.parts)
            pictures = b"".join(picture.data or b"" for picture in request.images)
            digest = hashlib.sha256(pictures + text.encode()).digest()
            return request.question.options[digest[0] % len(request.question.options)]

        return FunctionJudge(serve)
