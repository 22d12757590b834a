"""Arguments of Python callers: converted to what a request holds, or refused with the nearest right form."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pytest

from harness.errors import RequestError
from harness.run.arguments import count
from harness.run.request import GenerateRequest, RunRequest

NUMBERS = ["limit", "repeats", "max_failures", "seed"]
THREE = [3, np.int8(3), np.uint64(3), np.array(3), 3.0, np.float32(3), "3", " 3 ", "3.0", "+3", Decimal(3),
         Fraction(3), np.str_("3")]  # fmt: skip


def run(**given: Any) -> RunRequest:
    return RunRequest(**{"tasks": ("t",), "model": "m", **given})


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("value", THREE)
def test_whole_numbers_of_any_type(name: str, value: Any) -> None:
    found = getattr(run(**{name: value}), name)
    assert (found, type(found)) == (3, int)


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize(
    ("value", "hint"),
    [
        (True, "such as 10"),
        (np.bool_(True), "such as 10"),
        (2.4, "Did you mean 2?"),
        (np.float64(2.6), "Did you mean 3?"),
        ("2.5", "Did you mean 2?"),
        ("2_000", "Did you mean 2000?"),
        ("2,000", "Did you mean 2000?"),
        ("2_0", "such as 10"),
        ("ten", "such as 10"),
        ("", "such as 10"),
        (float("nan"), "such as 10"),
        (np.float32("nan"), "such as 10"),
        (float("inf"), "such as 10"),
        (Decimal("NaN"), "such as 10"),
        (3j, "such as 10"),
        (b"3", "Did you mean 3?"),
        ([3], "Did you mean 3?"),
        (np.array([3]), "Did you mean 3?"),
        (Path("3"), "such as 10"),
        (object(), "such as 10"),
    ],
)
def test_what_is_no_whole_number(name: str, value: Any, hint: str) -> None:
    with pytest.raises(RequestError) as raised:
        run(**{name: value})
    assert f"--{name.replace('_', '-')} must be a whole number, not " in raised.value.message
    assert hint in raised.value.hint


@pytest.mark.parametrize("value", [0, -3, np.int64(0), "-1", 0.0])
@pytest.mark.parametrize("name", ["limit", "repeats", "max_failures"])
def test_less_than_one(name: str, value: Any) -> None:
    with pytest.raises(RequestError, match="must be at least 1"):
        run(**{name: value})


@pytest.mark.parametrize(
    "value",
    [10**30, 10**5000, 1e30, "1e30", np.float64(1e300)],
    ids=["int", "long", "float", "text", "numpy"],
)
def test_more_than_there_can_be(value: Any) -> None:
    assert run(limit=value).limit == run(max_failures=value).max_failures == 2**63 - 1
    with pytest.raises(RequestError, match="--repeats must be at most 100000"):
        run(repeats=value)
    with pytest.raises(RequestError, match="--per-prompt must be at most 100000"):
        GenerateRequest("m", "p", per_prompt=value)
    assert count("limit", 5) == 5


def test_seeds() -> None:
    assert run(seed=None).seed == 0
    assert run(seed=-5).seed == run(seed="-5").seed == run(seed=np.int32(-5)).seed == -5
    assert run(seed=2**127).seed == 2**127
    for huge in (10**100, -(10**5000)):
        with pytest.raises(RequestError, match="--seed has more than 100 digits") as raised:
            run(seed=huge)
        assert "such as" in raised.value.hint


def test_none_is_the_default() -> None:
    nothing = run(judges=None, data=None, limit=None, seed=None, repeats=None, out=None, read=None, executor=None,
                  options=None, judge_options=None, max_failures=None, allow_outside=None, prompt_variants=None)  # fmt: skip
    assert nothing == run()
    assert GenerateRequest("m", "p", None, None, None, None, None, None) == GenerateRequest("m", "p")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("b", ("b",)),
        (Path("x/b.toml"), ("x/b.toml",)),
        (PurePosixPath("b"), ("b",)),
        (["b", Path("a")], ("b", "a")),
        ({"b", "a", "c"}, ("a", "b", "c")),
        (frozenset({Path("b"), Path("a")}), ("a", "b")),
        ({"b": 1, "a": 2}.keys(), ("b", "a")),
        (np.array(["b", "a"]), ("b", "a")),
        (np.str_("b"), ("b",)),
    ],
)
@pytest.mark.parametrize("name", ["tasks", "data", "judges", "prompt_variants"])
def test_names_and_collections(name: str, value: Any, found: tuple[str, ...]) -> None:
    assert getattr(run(**{name: value}), name) == found
    assert all(type(text) is str for text in getattr(run(**{name: value}), name))


def test_names_of_a_generator() -> None:
    assert run(tasks=(name for name in "ba")).tasks == ("b", "a")


@pytest.mark.parametrize("value", [3, b"t", ["t", None], {"t": 1}, [["t"]], object()])
@pytest.mark.parametrize("name", ["tasks", "data", "prompt_variants"])
def test_what_is_no_name(name: str, value: Any) -> None:
    with pytest.raises(RequestError, match="must be a name or a path, not"):
        run(**{name: value})


def test_models_and_outputs() -> None:
    judge = object()
    assert run(model=judge, judges=[judge, Path("j")]).judges == (judge, "j")
    assert run(model=Path("m")).model == "m"
    assert run(out="runs/x").out == run(out=Path("runs/x")).out == Path("runs/x")
    assert GenerateRequest(np.str_("m"), Path("a.csv"), np.int64(2), "5", None, "x").prompts == "a.csv"  # type: ignore[arg-type]
    for out in ("", 3, b"x"):
        with pytest.raises(RequestError, match="out"):
            run(out=out)


def test_options_and_switches() -> None:
    assert run(options={"steps": np.int64(3), "sizes": np.array([1, 2])}).options == {
        "steps": 3,
        "sizes": [1, 2],
    }
    for options in (["steps"], "steps=3", {1: 2}):
        with pytest.raises(RequestError, match="options must be a table"):
            run(options=options)
    assert run(allow_outside=np.bool_(True)).allow_outside is True
    for switch in ("no", 1, object()):
        with pytest.raises(RequestError, match="allow_outside must be True or False"):
            run(allow_outside=switch)
