"""Numbers that no program can add up, in replies of components and in folders of earlier versions: no answer is lost to them."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import plugins
from helpers.command import InProcess
from helpers.plugins import Install

from harness.numbers import DEEPEST, LARGEST, amounts, is_amount, is_number, storable, usable

pytestmark = pytest.mark.faults

ODD = {
    "1e308": "1e308",
    "10**400": "10 ** 400",
    "10**5000": "10 ** 5000",
    "nan": "float('nan')",
    "inf": "float('inf')",
    "-inf": "float('-inf')",
    "negative": "-7",
    "bool": "True",
    "text": "'12'",
    "list": "[1, 2]",
    "None": "None",
    "table": "{'a': 10 ** 400}",
}
RUN = ("run", "--task", "coarse_emotion", "--data", "faces", "--out", "run", "--json", "--model")


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD.keys())
def test_odd_amounts_of_a_judge_cost_no_answer(
    odd: str, harness: InProcess, install: Install, faces: Path
) -> None:
    install(
        "odd",
        plugins.judge(
            "odd",
            "def judge(self, batch):\n"
            f"    return [JudgeReply(r.id, text='happy', usage={{'prompt_tokens': {odd}, 'completion_tokens': 5, 'cost': {odd}}},"
            f" timings={{'seconds': {odd}}}, extra={{'odd': {odd}, 'deep': [{{'x': {odd}}}], 'usage': {{'cost': {odd}}}}})"
            " for r in batch]",
        ),
    )
    task = harness(*RUN, "odd").ok().task
    assert task["answered"] == 12
    assert task["usage"] == {"completion_tokens": 60.0}
    for line in Path("run", "replies.jsonl").read_text().splitlines():
        json.loads(line, parse_constant=lambda name: pytest.fail(f"{name} is stored"))
    assert harness("score", "run", "--json").ok().task["usage"] == {"completion_tokens": 60.0}
    assert harness("show", "run", "--samples", "--json").ok()
    assert harness("run", *RUN[1:-2], "--max-cost", "3", "--json", "--model", "odd").code != 70


def test_what_is_left_out_is_said(harness: InProcess, install: Install, faces: Path) -> None:
    body = "def judge(self, batch):\n    return [JudgeReply(r.id, text='happy', usage={'prompt_tokens': -1}) for r in batch]"
    install("odd", plugins.judge("odd", body))
    run = [*RUN[:-2], "--model", "odd"]
    assert "usage.prompt_tokens" in harness(*run).ok().err


@pytest.mark.parametrize("odd", [name for name in ODD if name not in ("-inf", "None")])
@pytest.mark.parametrize("field", ["scores", "rating"])
def test_an_odd_score_or_rating_fails_its_reply_alone(
    field: str, odd: str, harness: InProcess, install: Install, faces: Path
) -> None:
    value = ODD[odd]
    given = f"scores={{o: ({value} if i == 0 else -1.0) for i, o in enumerate(r.question.options)}}"
    if field == "rating":
        given = f"rating={value}"
    install(
        "odd",
        plugins.judge(
            "odd",
            "def judge(self, batch):\n"
            f"    return [JudgeReply(r.id, text='happy', {given} if r.sample_id == 's00006' else None) for r in batch]".replace(
                f"{given} if", f"{field}=({given.partition('=')[2]}) if"
            ),
        ),
    )
    outcome = harness(*RUN, "odd")
    if (field, odd) == ("rating", "negative") or (field, odd) == ("scores", "negative"):
        assert outcome.ok().task["answered"] == 12, "a negative number is a number"
        return
    assert outcome.fails(3).task["answered"] == 11
    (failure,) = map(json.loads, Path("run", "failures.jsonl").read_text().splitlines())
    assert failure["error"]["kind"] == "invalid_reply"
    assert len(failure["error"]["message"]) < 200


@pytest.mark.parametrize(
    "odd", ["1e308", "1" + "0" * 400, "NaN", "-7", "true", '"12"', "[1]", "null", '{"a": 1}', "1e999"]
)
def test_replies_of_earlier_versions_are_scored(odd: str, harness: InProcess, faces: Path) -> None:
    harness(*RUN, "echo").ok()
    path = Path("run", "replies.jsonl")
    lines = []
    for line in path.read_text().splitlines():
        more = f'"usage":{{"prompt_tokens":{odd},"cost":{odd}}},"timings":{{"seconds":{odd}}},"rating":{odd},"scores":{{"happy":{odd}}}'
        lines.append(line[:-1] + f',{more},"extra":{{"x":{odd},"usage":{odd}}}}}\n')
    path.write_text("".join(lines))
    commands = [("score", "run", "--json"), ("show", "run", "--samples", "--json")]
    if odd in ("1e308", "NaN", "[1]"):
        commands.append(("report", "run", "--out", "r.html"))
    for command in commands:
        outcome = harness(*command)
        assert outcome.code == 0, outcome.err
    assert harness("score", "run", "--json").ok().task["n"] == 12
    assert harness("export", "run", "--format", "csv", "--out", "rows.csv").code == 0
    assert harness(*RUN, "echo", "--max-cost", "5").code in (0, 2), "resuming reads what was spent"


@pytest.mark.parametrize("odd", ["10 ** 400", "float('nan')", "1e308", "True", "'x'"])
def test_odd_numbers_of_a_generator_cost_no_picture(odd: str, harness: InProcess, install: Install) -> None:
    install(
        "drawn",
        plugins.generator(
            "drawn",
            f"""
def generate(self, batch):
    picture = Image.new("RGB", (32, 32), "red")
    return [ImageReply(r.id, picture, extra={{"usage": {{"cost": {odd}, "tokens": 2}}, "x": {odd}}}) for r in batch]
""",
        ),
    )
    outcome = harness(
        "generate", "--model", "drawn", "--prompts", "emotion_600", "--limit", 3, "--out", "made"
    )
    assert outcome.code == 0, outcome.err
    replies = [json.loads(line) for line in Path("made", "replies.jsonl").read_text().splitlines()]
    assert [reply["extra"]["usage"] for reply in replies] == [{"tokens": 2}] * 3


def test_sums_of_the_largest_amounts_are_finite(harness: InProcess, faces: Path) -> None:
    harness(*RUN, "echo").ok()
    path = Path("run", "replies.jsonl")
    lines = [
        json.loads(line) | {"usage": {"prompt_tokens": LARGEST}} for line in path.read_text().splitlines()
    ]
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    assert harness("score", "run", "--json").ok().task["usage"] == {"prompt_tokens": 12 * LARGEST}


def test_extras_that_are_nested_too_deeply(harness: InProcess, install: Install, faces: Path) -> None:
    body = """
def judge(self, batch):
    deep, loop = [], []
    for _ in range(100_000):
        deep = [deep]
    loop.append(loop)
    return [JudgeReply(r.id, text="happy", extra={"deep": deep if n % 2 else loop}) for n, r in enumerate(batch)]
"""
    install("odd", plugins.judge("odd", body))
    assert harness(*RUN, "odd").ok().task["answered"] == 12


def test_which_numbers_can_be_used() -> None:
    assert all(map(is_amount, (0, 3, 2.5, LARGEST, np.float64(3))))
    odd: list[Any] = [True, -1, 1e16, 10**400, math.nan, math.inf, "3", None, [1], 1j]
    assert not any(map(is_amount, odd))
    assert is_number(-4.5)
    assert not is_number(-1e16)
    assert amounts({"a": 1, "b": math.nan, 3: 4}) == {"a": 1}
    assert amounts([1]) == {}


def test_values_become_storable() -> None:
    value = {"a": [math.nan, 1, 2**63, -(2**63), "x", True, None], "b": {"c": (math.inf, 2.5)}}
    assert storable(value) == {"a": [None, 1, None, -(2**63), "x", True, None], "b": {"c": [None, 2.5]}}
    deep: list[Any] = []
    for _ in range(DEEPEST * 2):
        deep = [deep]
    assert str(storable(deep)).count("[") == DEEPEST


def test_usable_records_stay_as_they_are() -> None:
    record = {
        "usage": {"a": 1},
        "timings": {"b": 0.5},
        "extra": {"x": [1]},
        "rating": 3,
        "scores": {"y": -2.0},
    }
    assert usable(dict(record)) == record
