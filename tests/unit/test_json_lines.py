"""Records encoded line by line: the same text as the library's, and the same refusals."""

from __future__ import annotations

import enum
import json
import math
from typing import Any

import pytest

from harness.json_lines import line_encoder

VALUES: list[Any] = [
    None,
    True,
    7,
    10**30,
    -0.0,
    1e16,
    "",
    'a "quote"\\ \n\x00\x7f é \U0001f600 \ud800',
    [],
    {},
    (1, (2,)),
    {"a": {"b": [1, None, {"c": "d"}]}, 3: 4, None: 5, True: 6, 1.5: 7},
    [enum.IntEnum("Level", {"LOW": 1})(1), type("Text", (str,), {})("x"), type("Number", (float,), {})(0.5)],
]


@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
def test_the_text_is_that_of_the_library(value: Any) -> None:
    assert line_encoder(ascii_only=True, compact=False)(value) == json.dumps(value)
    compact = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    assert line_encoder(ascii_only=False, compact=True)(value) == compact


def test_what_is_not_json_is_refused_and_nothing_of_it_is_kept() -> None:
    encode = line_encoder(ascii_only=False, compact=True)
    circle: list[Any] = []
    circle.append(circle)
    deep: Any = 0
    for _ in range(100_000):
        deep = [deep]
    for bad in (math.nan, [math.inf], {"a": {1, 2}}, {(1,): 2}, object(), circle, deep):
        with pytest.raises((TypeError, ValueError)):
            encode(bad)
        assert encode({"a": [1]}) == '{"a":[1]}'


def test_other_pythons_encode_with_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("json.encoder.c_make_encoder", None)
    assert line_encoder(ascii_only=False, compact=True)({"a": [1, "é"]}) == '{"a":[1,"é"]}'
