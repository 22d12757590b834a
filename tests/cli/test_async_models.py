"""The real command with a judge and a generator that are one coroutine: interrupted, refused, priced, told what is wrong."""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers.command import Shell
from helpers.plugins import Install

pytestmark = pytest.mark.e2e
Make = Callable[..., Path]

SOURCE = '''
import asyncio
from PIL import Image
from harness import AsyncGenerator, AsyncJudge, Component, ImageReply, JudgeReply, RemoteError, RemoteOptions, hookimpl, option

API_VERSION = "1.0"


def note(name, text):
    with open(name, "a") as log:
        log.write(text + chr(10))


class Service:
    async def start(self):
        note("life", "start")
        self.context.logger.info("is there")

    async def finish(self):
        note("life", "finish")

    async def serve(self, request):
        """Refuses, hangs and fails as the options say, in the order of requests."""
        note("asked", request.id)
        self.count = getattr(self, "count", 0) + 1
        if self.options.wrong_key:
            raise RemoteError("key", f"the key {self.key} is wrong", fatal="key")
        if self.count > self.options.hang_after:
            await asyncio.sleep(3600)
        await asyncio.sleep(self.options.delay)


class Options(RemoteOptions):
    ref: str = option("m", "model")
    delay: float = option(0.0, "seconds", affects_answer=False)
    hang_after: int = option(10**9, "requests", affects_answer=False)
    wrong_key: bool = option(False, "refuse the key", affects_answer=False)


class Judge(Service, AsyncJudge):
    Options = Options

    def identity(self):
        return {"model": self.options.ref}

    async def ask(self, request):
        await self.serve(request)
        if self.options.ref == "shy":
            raise RemoteError("policy", "no faces", refusal=True)
        usage = {"prompt_tokens": 1000, "completion_tokens": 10}
        return JudgeReply(request.id, text=request.question.options[0], usage=usage)


class Generator(Service, AsyncGenerator):
    Options = Options

    def identity(self):
        return {"model": self.options.ref}

    async def draw(self, request):
        await self.serve(request)
        return ImageReply(request.id, Image.effect_noise((64, 64), 60).convert("RGB"))


@hookimpl
def harness_judges():
    return [Component("aserve", lambda: Judge, "a judge that is one coroutine")]


@hookimpl
def harness_generators():
    return [Component("apaint", lambda: Generator, "a generator that is one coroutine")]
'''
RUN = ["run", "--task", "coarse_emotion", "--model", "aserve:m", "--data", "faces", "--out", "run", "--json"]


def log(shell: Shell, name: str) -> list[str]:
    path = shell.folder / name
    return path.read_text().split() if path.exists() else []


def replies(shell: Shell) -> int:
    path = shell.folder / "run" / "replies.jsonl"
    return path.read_bytes().count(b"\n") if path.exists() else 0


@pytest.fixture
def installed(install: Install, make_data: Make) -> None:
    install("aserve", SOURCE)
    make_data(60)


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_cancels_what_is_in_flight_and_the_run_resumes(
    number: signal.Signals, shell: Shell
) -> None:
    process = shell.start(*RUN, "-o", "hang_after=20", "-o", "concurrency=8")
    end = time.monotonic() + 60
    while replies(shell) < 20:
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.01)
    process.send_signal(number)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert log(shell, "life") == ["start", "finish"]
    assert replies(shell) == 20
    resumed = shell(*RUN).ok()
    assert "20 already stored" in resumed.err
    assert "aserve:m: is there" in resumed.err
    assert resumed.task["answered"] == 60
    asked = Counter(log(shell, "asked"))
    assert len(asked) == 60
    assert sum(n - 1 for n in asked.values()) <= 8, "only what was in flight is asked again"


@pytest.mark.usefixtures("installed")
def test_a_hanging_service_times_out_and_its_items_fail(shell: Shell) -> None:
    options = ("-o", "hang_after=50", "-o", "timeout=0.5", "-o", "max_retries=0", "-o", "concurrency=20")
    done = shell(*RUN, *options)
    assert done.code == 3, done.err
    assert (done.task["answered"], done.task["failed"]) == (50, 10)
    assert shell(*RUN).ok().task["answered"] == 60


@pytest.mark.usefixtures("installed")
def test_a_wrong_key_ends_the_run_with_what_helps(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASERVE_KEY", "a-key-of-nobody-8f3e")
    done = shell(*RUN, "-o", "wrong_key=true", "-o", "api_key_env=ASERVE_KEY")
    assert done.code == 2
    assert "rejects the key in ASERVE_KEY (the key [hidden] is wrong)" in done.err
    assert "api_key_env" in done.err
    assert len(log(shell, "asked")) <= 5
    assert log(shell, "life") == ["start", "finish"]
    missing = shell(*RUN, "-o", "api_key_env=NOBODY_SET_THIS")
    assert (missing.code, "NOBODY_SET_THIS" in missing.err) == (2, True)


@pytest.mark.usefixtures("installed")
def test_prices_limit_the_cost_and_a_dry_run_expects_it(shell: Shell) -> None:
    prices = ("-o", "price_input=1000", "-o", "price_output=1000", "-o", "concurrency=2")
    dry = shell(*RUN[:-1], *prices, "--dry-run").ok()
    assert "expected cost: at most" in dry.out
    done = shell(*RUN, *prices, "--max-cost", "10.1")
    assert done.code == 3, done.err
    assert 10 <= done.task["answered"] <= 13
    assert log(shell, "life") == ["start", "finish"]


@pytest.mark.usefixtures("installed")
def test_refusals_are_counted_as_answers(shell: Shell) -> None:
    done = shell(*[a.replace("aserve:m", "aserve:shy") for a in RUN]).ok()
    assert done.task["unparsed_reasons"] == {"refused": 60}


@pytest.mark.usefixtures("installed")
def test_a_generator_and_a_judge_of_coroutines_in_one_run(shell: Shell) -> None:
    done = shell("run", "--task", "t2i_emotion", "--model", "apaint:m", "--judge", "aserve:m", "--limit", "12",
                 "--out", "run", "--json").ok()  # fmt: skip
    assert (done.task["n"], done.task["failed"]) == (12, 0)
    assert log(shell, "life") == ["start", "finish"] * 2
    assert len(log(shell, "asked")) == replies(shell)
