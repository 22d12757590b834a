"""When the first requests to a judge or generator all fail alike, the run stops early and says why."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers import plugins
from helpers.command import InProcess
from helpers.plugins import Install
from PIL import Image

from harness import evaluate
from harness.errors import NothingAnswered
from harness.run.failures import ALIKE_GENERATOR, ALIKE_JUDGE

RUN = ["run", "--task", "coarse_emotion", "--data", "many", "--out", "run", "--model", "mine"]
N = 60

FAILING = """
batch_size = 2

def judge(self, batch):
    for r in batch:
        open("asked", "a").write(r.sample_id + chr(10))
        if os.path.exists("fixed"):
            yield JudgeReply(r.id, text="sad")
        else:
            {failure}
"""
ALIKE = {
    "the same error": "yield JudgeReply(r.id, error=ReplyError('auth', 'wrong token', hint='Set the token.'))",
    "an error that names the request": "yield JudgeReply(r.id, error=ReplyError('auth', f'wrong token for {r.id} ({r.sample_id})'))",
    "an exception": "raise RuntimeError('wrong token')",
    "an unusable reply": "yield JudgeReply(r.id, text=7)",
}


@pytest.fixture
def many(tmp_path: Path) -> Callable[..., Path]:
    """A data set of `N` pictures, of which the first `broken` cannot be read."""

    def make(broken: int = 0) -> Path:
        folder = tmp_path / "many"
        folder.mkdir()
        rows = ["image,id,emotion"]
        for i in range(N):
            rows.append(f"{i}.png,s{i},{('happy', 'sad')[i % 2]}")
            if i < broken:
                (folder / f"{i}.png").write_bytes(b"no picture")
            else:
                Image.new("RGB", (8, 8), (i, 7, 7)).save(folder / f"{i}.png")
        (folder / "manifest.csv").write_text("\n".join(rows) + "\n")
        return folder

    return make


def asked() -> int:
    return len(Path("asked").read_text().split())


@pytest.mark.parametrize("failure", ALIKE.values(), ids=ALIKE.keys())
def test_a_judge_whose_first_requests_fail_alike_stops_the_run(
    failure: str, harness: InProcess, install: Install, many: Callable[..., Path]
) -> None:
    many()
    install("mine", plugins.judge("mine", FAILING.format(failure=failure)))
    shown = "text is int" if "text=7" in failure else "wrong token"
    done = harness(*RUN).fails(2, f"the first {ALIKE_JUDGE} requests to mine all failed alike", shown)
    assert ("Set the token." if "hint" in failure else "run the same command again") in done.err
    assert asked() <= ALIKE_JUDGE + 2
    Path("fixed").touch()
    assert harness(*RUN, "--json").ok().task["answered"] == N


def test_a_resumed_run_that_fails_alike_keeps_its_answers(
    harness: InProcess, install: Install, many: Callable[..., Path]
) -> None:
    many()
    Path("fixed").touch()
    install("mine", plugins.judge("mine", FAILING.format(failure=ALIKE["the same error"])))
    assert harness(*RUN, "--limit", "6").ok()
    Path("fixed").unlink()
    harness(*RUN).fails(3, "all failed alike: auth: wrong token", "Set the token.")
    results = json.loads(Path("run/results.json").read_text())
    assert (results["run"]["complete"], results["tasks"][0]["answered"]) == (False, 6)


def test_failures_that_differ_do_not_stop_the_run(
    harness: InProcess, install: Install, many: Callable[..., Path]
) -> None:
    many()
    differ = "yield JudgeReply(r.id, error=ReplyError(f'kind {chr(97 + len(r.sample_id))}', 'no'))"
    install("mine", plugins.judge("mine", FAILING.format(failure=differ)))
    assert harness(*RUN, "--json").fails(3).task["failed"] == N


def test_an_answer_among_the_first_requests_keeps_the_run_going(
    harness: InProcess, install: Install, many: Callable[..., Path]
) -> None:
    many()
    late = f"""
def judge(self, batch):
    for r in batch:
        open("asked", "a").write(r.sample_id + chr(10))
        n = len(open("asked").read().split())
        yield JudgeReply(r.id, text="sad") if n == {ALIKE_JUDGE} else JudgeReply(r.id, error=ReplyError("odd", "no", hint="Look again."))
"""
    install("mine", plugins.judge("mine", late))
    done = harness(*RUN, "--json").fails(3, "59 failed", "-> Look again.")
    assert (done.task["answered"], done.task["failed"]) == (1, N - 1)


def test_broken_pictures_are_no_failures_of_the_judge(
    harness: InProcess, install: Install, many: Callable[..., Path]
) -> None:
    many(broken=N - 5)
    Path("fixed").touch()
    install("mine", plugins.judge("mine", FAILING.format(failure="pass")))
    entry = harness(*RUN, "--json").fails(3).task
    assert (entry["answered"], entry["failed"]) == (5, N - 5)


def test_a_generator_whose_first_requests_fail_alike_stops_the_run(
    harness: InProcess, install: Install
) -> None:
    failing = """
batch_size = 1

def generate(self, batch):
    for r in batch:
        open("asked", "a").write(r.id + chr(10))
        yield ImageReply(r.id, error=ReplyError("cuda", "out of memory", hint="Use a smaller size."))
"""
    install("mine", plugins.generator("mine", failing))
    command = ("generate", "--model", "mine", "--prompts", "emotion_600", "--limit", "30", "--out", "made")
    harness(*command).fails(
        2, f"the first {ALIKE_GENERATOR} requests to mine", "out of memory", "smaller size"
    )
    assert asked() <= ALIKE_GENERATOR + 1


def test_evaluate_raises_what_all_requests_have_in_common(
    harness: InProcess, install: Install, many: Callable[..., Path]
) -> None:
    many()
    install("mine", plugins.judge("mine", FAILING.format(failure=ALIKE["an exception"])))
    with pytest.raises(NothingAnswered, match="RuntimeError: wrong token"):
        evaluate("coarse_emotion", "mine", data="many", out="run")


CONTACTS = """
def contacts(self):
    {body}

def judge(self, batch):
    return []
"""


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ("return ['https://host.example/v1']", "mine contacts: https://host.example/v1"),
        ("raise KeyError('host')", "mine: contacts() raises KeyError: 'host'"),
    ],
)
def test_a_dry_run_shows_what_would_be_contacted(
    body: str, shown: str, harness: InProcess, install: Install, many: Callable[..., Path]
) -> None:
    many()
    install("mine", plugins.judge("mine", CONTACTS.format(body=body)))
    assert shown in harness(*RUN, "--dry-run").ok().out
