"""The life of a connection to a service: its key, what opens and closes it, and what is left behind."""

from __future__ import annotations

import asyncio
import logging
import pickle
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from helpers.remote import FunctionJudge, Options, StatusError, always, ask, happy, requests

from harness import (
    BadOption,
    Context,
    JudgeReply,
    JudgeRequest,
    Listed,
    PluginError,
    RemoteError,
    ReplyError,
    RequestError,
    RequestSource,
    option,
)
from harness.remote import Address

KEY = "zq-81hs7Yt0Lw2P"  # Not a real key.


@pytest.fixture(autouse=True)
def _no_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.remote.retry.MAX_BACKOFF", 0.01)


class Keyed(FunctionJudge):
    class Options(Options):  # type: ignore[misc]
        api_key_env: str = option("MY_SERVICE_KEY", "Key.", affects_answer=False)
        base_url: Address = option(Address("https://api.example.org/v1"), "Address.", affects_answer=False)

    async def start(self) -> None:
        self.seen = self.key


def test_the_key_comes_from_the_environment_and_is_hidden_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MY_SERVICE_KEY", raising=False)
    with pytest.raises(
        RequestError, match=r"MY_SERVICE_KEY, which should contain the key for https://api\.example\.org/v1"
    ):
        Keyed(happy)
    monkeypatch.setenv("MY_SERVICE_KEY", KEY)

    async def serve(request: JudgeRequest, attempt: int) -> Any:
        if request.id == "r0":
            return JudgeReply(request.id, text=f"You sent {KEY}", extra={"echo": {"a": [KEY]}})
        if request.id == "r1":
            return JudgeReply(request.id, error=ReplyError("own", f"bad {KEY}"))
        raise ValueError(f"cannot send Bearer {KEY} to emma:sesame47")

    judge = Keyed(serve, base_url="https://emma:sesame47@api.example.org/v1?sig=abcdef123")
    assert judge.contacts() == ("https://api.example.org/v1",)
    replies = ask(judge, 3)
    assert (judge.seen, judge.key) == (KEY, "")
    shown = repr(replies)
    for secret in (KEY, "sesame47"):
        assert secret not in shown
    assert "[hidden]" in str(replies["r0"].text)
    assert KEY.encode() not in pickle.dumps(judge.options)
    with pytest.raises(RequestError) as stopped:
        ask(Keyed(always(StatusError(401, f"{KEY} is wrong"))), 5)
    assert "rejects the key in MY_SERVICE_KEY" in stopped.value.message
    assert KEY not in str(stopped.value)
    with pytest.raises(RequestError) as fault:
        ask(Keyed(always(ValueError(f"no {KEY}"))), 40)
    assert KEY not in str(fault.value)
    assert fault.value.__cause__ is None, "its traceback would show the key"
    with pytest.raises(BadOption, match="looks like a key"):
        Keyed(happy, api_key_env="sk-proj-abcdefgh")


class Lifecycle(FunctionJudge):
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.log: list[str] = []

    async def start(self) -> None:
        self.log.append(f"start in {threading.current_thread().name}")
        self.loop = asyncio.get_running_loop()

    async def finish(self) -> None:
        assert asyncio.get_running_loop() is self.loop
        self.log.append("finish")


def threads() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name == "memobench-remote"]


def test_start_and_finish_run_once_in_the_loop_and_leave_no_thread() -> None:
    judge = Lifecycle(happy)
    judge.close()
    judge.open()
    judge.open(Context())
    assert len(list(judge.stream(Listed(requests(3))))) == 3
    assert len(list(judge.judge(requests(3)))) == 3
    judge.close()
    judge.close()
    assert judge.log == ["start in memobench-remote", "finish"]
    assert threads() == []
    with pytest.raises(RuntimeError, match=r"before open\(\)"):
        list(judge.stream(Listed(requests(1))))
    assert ask(judge)["r0"].text == "happy", "it can be opened again"


def test_a_start_that_fails_is_named_and_leaves_no_thread() -> None:
    class Fails(Lifecycle):
        error: Exception = ImportError("no module")

        async def start(self) -> None:
            raise self.error

    with pytest.raises(ImportError):
        ask(Fails(happy))
    Fails.error = StatusError(401, "no")
    with pytest.raises(RequestError, match="requires a key"):
        ask(Fails(happy))
    Fails.error = ZeroDivisionError("x")
    with pytest.raises(ZeroDivisionError):
        ask(Fails(happy))
    Fails.error = ZeroDivisionError("Bearer abcdef")
    with pytest.raises(PluginError, match=r"Fails cannot be used: ZeroDivisionError: \[hidden\]"):
        ask(Fails(happy))
    Fails.error = RemoteError("closed", "closed on Sundays", retryable=True)
    with pytest.raises(RequestError, match="closed on Sundays"):
        ask(Fails(happy))
    assert threads() == []


def test_a_finish_that_fails_is_named_after_the_replies() -> None:
    class Fails(FunctionJudge):
        async def finish(self) -> None:
            raise ZeroDivisionError("x")

    judge = Fails(happy)
    judge.open()
    assert len(list(judge.stream(Listed(requests(2))))) == 2
    with pytest.raises(PluginError, match="could not be closed: ZeroDivisionError"):
        judge.close()
    judge.close()
    assert threads() == []


def test_closing_cancels_requests_in_flight_before_finish() -> None:
    log: list[str] = []

    class Slow(FunctionJudge):
        async def finish(self) -> None:
            log.append("finish")

    async def serve(request: JudgeRequest, attempt: int) -> str:
        if request.id == "r0":
            return "happy"
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            log.append("cancelled")
            raise
        return "late"

    judge, began = Slow(serve), time.monotonic()
    judge.open()
    stream: Iterator[JudgeReply] = judge.stream(Listed(requests(6)))
    assert next(stream).id == "r0"
    stream.close()  # type: ignore[attr-defined]
    judge.close()
    assert log[-1] == "finish"
    assert set(log[:-1]) <= {"cancelled"}
    assert time.monotonic() - began < 20
    assert threads() == []


def test_a_client_that_does_not_let_itself_be_cancelled_is_left_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("harness.remote.call.CANCEL_SECONDS", 0.1)
    monkeypatch.setattr("harness.remote.dispatcher.CANCEL_SECONDS", 0.1)
    stop = False

    async def serve(request: JudgeRequest, attempt: int) -> str:
        if request.id != "r0":
            return "happy"
        while not stop:
            try:
                await asyncio.sleep(0.02)
            except asyncio.CancelledError:
                continue
        return "late"

    judge, began = FunctionJudge(serve, timeout=0.1, max_retries=0), time.monotonic()
    replies = ask(judge, 3)
    stop = True
    assert replies["r0"].error is not None
    assert replies["r1"].text == "happy"
    assert time.monotonic() - began < 20


class Endless(RequestSource[JudgeRequest]):
    """A source that breaks in the middle."""

    def __init__(self) -> None:
        self.given = 0

    def __iter__(self) -> Iterator[JudgeRequest]:
        raise AssertionError

    def ready(self, max_n: int, timeout: float = 0.0) -> list[JudgeRequest]:
        self.given += 1
        if self.given > 5:
            raise RuntimeError("the source broke")
        return [JudgeRequest(f"r{self.given}", "s", (), (), requests(1)[0].question)]

    @property
    def exhausted(self) -> bool:
        return False


def test_an_error_of_the_source_is_not_the_services() -> None:
    judge = FunctionJudge(happy)
    judge.open()
    with pytest.raises(RuntimeError, match="the source broke"):
        list(judge.stream(Endless()))
    judge.close()


def test_the_user_is_told_once_of_a_service_that_is_loading(caplog: pytest.LogCaptureFixture) -> None:
    ready = time.monotonic() + 0.5

    async def serve(request: JudgeRequest, attempt: int) -> str:
        if time.monotonic() < ready:
            raise StatusError(503, "Loading model")
        return "happy"

    judge = FunctionJudge(serve, max_retries=0)
    with caplog.at_level(logging.INFO, "memobench"):
        judge.open()
        assert all(r.text == "happy" for r in judge.stream(Listed(requests(8))))
        judge.close()
    told = [r.getMessage() for r in caplog.records if "not ready" in r.getMessage()]
    assert told == ["FunctionJudge is not ready (503: Loading model): waiting for up to 600 seconds"]
