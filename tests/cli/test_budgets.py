"""`--max-cost` and `--max-time`: a clean stop, everything kept, and the same command resumes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from helpers import plugins
from helpers.command import InProcess
from helpers.plugins import Install
from helpers.results import lines, replies

from harness import RequestError, evaluate
from harness.errors import TooManyFailures
from harness.run.plan import make_plan
from harness.run.request import RunRequest
from harness.run.session import execute
from harness.run.stopping import Stopping
from harness.run.watch import Watch

Make = Callable[..., Path]
PRICED = """
class Options(HarnessOptions):
    cost: float = option(0.5, "of a reply", affects_answer=False)
    priced: bool = option(True, "whether prices are known", affects_answer=False)
    price_input: float | None = option(None, "a price", affects_answer=False)
    delay: float = option(0.0, "seconds", affects_answer=False)

def identity(self):
    return {"version": "1"}

def reports_cost(self):
    return None if self.options.priced else False

def expected_cost(self, requests, prompt_tokens, reply_tokens):
    return requests * self.options.cost

def open(self):
    with open("opened", "a") as log:
        log.write("x")

def judge(self, batch):
    import time
    for r in batch:
        time.sleep(self.options.delay)
        usage = {"cost": self.options.cost} if self.options.cost else None
        yield JudgeReply(r.id, text=r.question.options[0], usage=usage)
"""
PAINTER = """
batch_size = 1

class Options(HarnessOptions):
    delay: float = option(0.0, "seconds", affects_answer=False)

def identity(self):
    return {"version": "1"}

def generate(self, batch):
    import time
    for r in batch:
        time.sleep(self.options.delay)
        yield ImageReply(r.id, Image.new("RGB", (16, 16), (9, 9, 9)), extra={"usage": {"cost": 1.0}})
"""
RUN = ("run", "--task", "coarse_emotion", "--model", "priced", "--data", "faces", "--out", "run", "--json")
GENERATE = ("run", "--task", "t2i_emotion", "--model", "painter", "--judge", "echo", "--limit", "8",
            "--out", "run", "--json")  # fmt: skip


@pytest.fixture(autouse=True)
def _plugins(install: Install, faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    install("priced", plugins.judge("priced", PRICED, batch=1))
    install("painter", plugins.generator("painter", PAINTER))


def opened() -> int:
    return len(Path("opened").read_text()) if Path("opened").exists() else 0


def test_a_run_stops_at_its_cost_and_is_resumed(harness: InProcess) -> None:
    done = harness(*RUN, "--max-cost", "2").fails(
        3, "stopped: 2 is spent, and --max-cost is 2; 4 of 12 requests"
    )
    assert "are answered: the same command with a larger --max-cost resumes." in done.err
    assert "failed (" not in done.err
    assert done.err.count("stopped:") == 1
    assert (done.results["run"]["complete"], done.results["tasks"][0]["answered"]) == (False, 4)
    assert lines(Path("run/failures.jsonl")) == []
    harness(*RUN, "--max-cost", "2").fails(3, "4 of 12 requests to priced are answered")
    assert (len(replies("run")), opened()) == (4, 1), "a judge that may not be asked is not opened"
    harness(*RUN, "--max-cost", "3.2").fails(3, "stopped: 3.5 is spent", "7 of 12")
    whole = harness(*RUN, "--max-cost", "99").ok().results
    harness(*RUN[:-2], "other", "--json").ok()
    assert whole["tasks"] == json.loads(Path("other/results.json").read_text())["tasks"]


def test_a_limit_that_is_reached_with_the_last_request_stops_nothing(harness: InProcess) -> None:
    done = harness(*RUN, "--max-cost", "6").ok()
    assert "stopped" not in done.err
    assert done.results["run"]["complete"]
    assert "stopped" not in harness(*RUN, "--max-cost", "1").ok().err, "nothing is left to ask"


def test_a_run_stops_at_its_time(harness: InProcess) -> None:
    done = harness(*RUN, "-o", "delay=0.2", "--max-time", "0.5s")
    done.fails(
        3,
        "have passed, and --max-time is 0.5 s",
        "of 12 requests to priced are answered: the same command resumes",
    )
    assert 1 <= len(replies("run")) < 12
    harness(*RUN, "--max-time", "10m").ok()
    assert len(replies("run")) == 12


def test_generators_stop_too(harness: InProcess) -> None:
    done = harness(*GENERATE, "--max-cost", "3").fails(3, "stopped: 3 is spent", "3 of 8 requests to painter")
    assert "failed (" not in done.err
    (task,) = done.results["tasks"]
    assert (done.results["run"]["complete"], task["n"], task["answered"]) == (False, 8, 0)
    assert len(list(Path("run/images").glob("*.png"))) == 3
    assert len(Path("run/manifest.csv").read_text().splitlines()) == 4
    done = harness(*GENERATE, "--max-cost", "100")
    done.ok()
    assert "echo reports no cost: --max-cost does not limit its requests." in done.err
    assert done.results["tasks"][0]["answered"] == 8
    harness(*GENERATE[:-1], "--fresh", "-o", "delay=0.3", "--max-time", "0.7").fails(
        3, "requests to painter are answered"
    )


def test_costs_that_are_not_reported(harness: InProcess) -> None:
    done = harness(*RUN, "-o", "cost=0", "--max-cost", "1").ok()
    assert done.err.count("priced reports no cost: --max-cost does not limit its requests.") == 1
    harness(*RUN[:-2], "other", "-o", "priced=false", "--max-cost", "1").refuses(
        2,
        "--max-cost cannot limit priced: its replies do not say what they cost.",
        "Give its prices: price_input.",
    )
    assert not Path("other").exists()
    assert "reports no cost" not in harness(*RUN, "--fresh", "-o", "cost=0").ok().err


@pytest.mark.parametrize(
    ("option", "value"),
    [("--max-cost", "0"), ("--max-cost", "-1"), ("--max-cost", "nan"), ("--max-cost", "a lot"), ("--max-time", "0"),
     ("--max-time", "10 weeks"), ("--max-time", "-5"), ("--max-time", "inf"), ("--max-time", "")],
)  # fmt: skip
def test_limits_that_are_none(option: str, value: str, harness: InProcess) -> None:
    harness(*RUN, option, value).refuses(2, f"{option} must be", "For example")


@pytest.mark.parametrize(
    ("given", "seconds"),
    [("90s", 90), ("10m", 600), ("2h", 7200), ("1.5h", 5400), ("90", 90), (2, 2), (0.5, 0.5)],
)
def test_durations(given: Any, seconds: float) -> None:
    assert RunRequest(("t",), "m", max_time=given).max_time == seconds


def test_a_dry_run_says_what_the_limits_mean(harness: InProcess) -> None:
    out = harness(*RUN[:-1], "--dry-run", "--max-cost", "2", "--max-time", "10m").ok().out
    assert (
        "expected cost: at most 6 by the prices given (assumed: 4 characters a token, 1000 tokens a picture)"
        in out
    )
    assert "limit: --max-cost 2, of which 2 is left: enough for about 4 of 12 requests" in out
    assert "limit: --max-time, 600 s for each attempt" in out
    assert "exit code 3" in out
    harness(*RUN, "--max-cost", "2")
    out = harness(*RUN[:-1], "--dry-run", "--max-cost", "9").ok().out
    assert "spent so far: 2 by 4 replies; 8 more would cost about 4" in out
    assert "of which 7 is left: enough\n" in out
    assert "spent so far" not in harness(*RUN[:-1], "--dry-run", "--fresh", "--max-cost", "9").ok().out
    assert "limit:" not in harness(*RUN[:-1], "--dry-run").ok().out


def test_limits_from_python(faces: Path, tmp_path: Path) -> None:
    result = evaluate("coarse_emotion", "priced", data=faces, max_cost=1, max_time="1h", out=tmp_path / "run")
    assert result.stopped.startswith(
        "1 is spent, and --max-cost is 1; 2 of 12 requests to priced are answered"
    )
    assert (result.settled, result.results.run.complete) == (False, False)
    assert not evaluate("coarse_emotion", "priced", data=faces, out=tmp_path / "run").stopped
    with pytest.raises(RequestError, match="max_cost must be a number above 0"):
        evaluate("coarse_emotion", "priced", data=faces, max_cost=True)


class Verdict(Stopping):
    """Is clear after some replies; keeps what it is told."""

    settled, advice = True, ""

    def __init__(self, after: int) -> None:
        self.after = after
        self.replies: list[Mapping[str, Any]] = []
        self.failures: list[Mapping[str, Any]] = []

    def stored(self, record: Mapping[str, Any]) -> None:
        self.replies.append(record)

    def failed(self, record: Mapping[str, Any]) -> None:
        self.failures.append(record)

    def reason(self) -> str | None:
        return "the verdict is clear" if len(self.replies) >= self.after else None


def test_a_clear_verdict_is_no_error(faces: Path, tmp_path: Path) -> None:
    sorted(faces.rglob("*.png"))[0].write_bytes(b"broken")
    verdict = Verdict(5)
    plan = make_plan(RunRequest(("coarse_emotion",), "priced", data=(str(faces),), out=tmp_path / "run"))
    result = execute(plan, Watch(), verdict)
    assert (result.settled, result.stopped) == (
        True,
        "the verdict is clear; 5 of 12 requests to priced are answered.",
    )
    assert verdict.replies == lines(tmp_path / "run" / "replies.jsonl")
    assert verdict.failures == lines(tmp_path / "run" / "failures.jsonl")
    assert len(verdict.replies) == 5
    again = execute(make_plan(plan.request), Watch(), Verdict(100))
    assert (again.stopped, again.tasks[0].answered, again.tasks[0].failed) == ("", 11, 1)


def test_a_limit_is_not_hidden_by_a_verdict(faces: Path, tmp_path: Path) -> None:
    request = RunRequest(
        ("coarse_emotion",), "priced", data=(str(faces),), out=tmp_path / "run", max_cost=1.0
    )
    result = execute(make_plan(request), Watch(), Verdict(100))
    assert (result.settled, result.tasks[0].answered) == (False, 2)


def test_a_clear_verdict_counts_although_a_limit_is_reached(faces: Path, tmp_path: Path) -> None:
    request = RunRequest(
        ("coarse_emotion",), "priced", data=(str(faces),), out=tmp_path / "run", max_cost=2.0
    )
    result = execute(make_plan(request), Watch(), Verdict(4))
    assert (result.settled, result.stopped[:20]) == (True, "the verdict is clear")


def test_failures_still_stop_a_run(harness: InProcess, install: Install, faces: Path, tmp_path: Path) -> None:
    verdict = Verdict(10**9)
    request = RunRequest(("coarse_emotion",), "echo", data=(str(faces),), out=tmp_path / "run", max_failures=2,
                         options={"fail_every": 3})  # fmt: skip
    with pytest.raises(TooManyFailures):
        execute(make_plan(request), Watch(), verdict)
    assert len(verdict.failures) == 2
