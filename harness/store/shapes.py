"""What the lines and documents of a run folder may hold: checked as they are read, since anybody may have edited them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic_core import CoreSchema, SchemaValidator, ValidationError
from pydantic_core import core_schema as cs

LARGEST = 2**63
"""Numbers of stored documents are below it."""
MOST_REPEATS = 100_000

# Texts are not looked into: unlike those of pydantic, they may hold lone surrogates.
_TEXT = cs.is_instance_schema(str)
_NUMBER = cs.float_schema(strict=True, allow_inf_nan=False)
_COUNT = cs.int_schema(strict=True, ge=0, lt=LARGEST)
_FLAG = cs.bool_schema(strict=True)
_OBJECT = cs.dict_schema(_TEXT, cs.any_schema())


def _or_null(schema: CoreSchema) -> CoreSchema:
    return cs.nullable_schema(schema)


def _list(schema: CoreSchema) -> CoreSchema:
    return cs.list_schema(schema, strict=True)


def _dict(schema: CoreSchema) -> CoreSchema:
    return cs.dict_schema(_TEXT, schema, strict=True)


def _object(**fields: CoreSchema) -> CoreSchema:
    """An object with these fields, where it has them; others may be of any kind."""
    return cs.typed_dict_schema(
        {name: cs.typed_dict_field(schema, required=False) for name, schema in fields.items()},
        extra_behavior="ignore",
        strict=True,
    )


def _whole(**fields: CoreSchema) -> CoreSchema:
    """An object that has all these fields; others may be of any kind."""
    named = {name: cs.typed_dict_field(schema, required=True) for name, schema in fields.items()}
    return cs.typed_dict_schema(named, extra_behavior="ignore", strict=True)


_PARTICIPANT = _object(
    name=_TEXT, options=_OBJECT, identity=_OBJECT, plugin=_or_null(_TEXT), release=_or_null(_TEXT)
)
_ATTEMPT = _object(
    created=_TEXT,
    versions=_or_null(_dict(_or_null(_TEXT))),
    hardware=_or_null(_OBJECT),
    git=cs.any_schema(),
    command=_or_null(_list(_TEXT)),
    replies=_or_null(_COUNT),
)
_REQUEST = _object(
    role=_TEXT,
    model=_PARTICIPANT,
    judges=_list(_PARTICIPANT),
    tasks=_dict(_OBJECT),
    questions=_or_null(_dict(_OBJECT)),
    seed=cs.int_schema(strict=True, gt=-LARGEST, lt=LARGEST),
    repeats=cs.int_schema(strict=True, ge=1, le=MOST_REPEATS),
    data=_dict(_TEXT),
    prompt_sets=_dict(cs.list_schema(_TEXT, min_length=2, max_length=2)),
    detector=cs.any_schema(),
)
_RUN = SchemaValidator(
    _object(
        name=_TEXT,
        created=_TEXT,
        versions=_dict(_or_null(_TEXT)),
        request=_REQUEST,
        plan=_dict(_COUNT),
        limit=_or_null(_COUNT),
        selected=_or_null(_dict(_list(_TEXT))),
        reads=_dict(_dict(_TEXT)),
        folders=_dict(_TEXT),
        left_out=_list(_TEXT),
        trained_on=_dict(_list(_TEXT)),
        oracles=_list(_TEXT),
        notes=_dict(_list(_TEXT)),
        people=_dict(_OBJECT),
        executor=_TEXT,
        attempts=_list(_ATTEMPT),
        hardware=_or_null(_OBJECT),
        command=_or_null(_list(_TEXT)),
        halted=_or_null(_TEXT),
        sequential=_or_null(_OBJECT),
        pace=_or_null(_list(_whole(phase=_TEXT, requests=_COUNT, seconds=_NUMBER))),
        baseline=_or_null(_FLAG),
        shard=_or_null(
            _whole(
                number=_COUNT,
                count=_COUNT,
                plan=_dict(_COUNT),
                selected=_or_null(_dict(_list(_TEXT))),
                left_out=_list(_TEXT),
            )
        ),
    )
)
_PICTURE = _object(image=_or_null(_TEXT), digest=_or_null(_TEXT))
_SAMPLE = _object(
    id=_TEXT,
    data=_TEXT,
    image=_or_null(_TEXT),
    emotion=_or_null(_TEXT),
    intensity=_or_null(_NUMBER),
    quality=_or_null(_NUMBER),
    attributes=_dict(_TEXT),
    shown=_dict(_list(_TEXT)),
    digest=_or_null(_TEXT),
    pictures=cs.list_schema(_PICTURE, strict=True, max_length=2),
    tasks=_list(_TEXT),
    prompt=_or_null(_TEXT),
)
# What of a reply holds numbers of the judge is put right where it is used: `harness.numbers.usable`.
_REPLY = _object(
    id=_TEXT,
    role=_or_null(cs.literal_schema(["judge", "generator"])),
    task=_TEXT,
    by=_TEXT,
    data=_TEXT,
    sample_id=_TEXT,
    wording=_TEXT,
    repeat=cs.int_schema(strict=True, ge=0, lt=MOST_REPEATS),
    picture=_or_null(_TEXT),
    text=_or_null(_TEXT),
    thought=_or_null(_TEXT),
    refusal=_or_null(_TEXT),
    finish_reason=_or_null(_TEXT),
    served=_or_null(_dict(_TEXT)),
    outcome=_TEXT,
    faces=_or_null(_COUNT),
)
_FAILURE = _object(
    id=_or_null(_TEXT),
    task=_or_null(_TEXT),
    by=_TEXT,
    data=_or_null(_TEXT),
    sample_id=_TEXT,
    wording=_or_null(_TEXT),
    repeat=_or_null(_COUNT),
    error=_object(kind=_TEXT, message=_TEXT, hint=_or_null(_TEXT), retryable=_FLAG),
)
_RATINGS = _object(
    id=_TEXT,
    data=_TEXT,
    question=_TEXT,
    samples=_list(_TEXT),
    raters=_list(_TEXT),
    sample=_list(_COUNT),
    rater=_list(_COUNT),
    value=_list(_NUMBER),
    skipped=_dict(_COUNT),
)
_LINES = {
    "samples.jsonl": SchemaValidator(_SAMPLE),
    "replies.jsonl": SchemaValidator(_REPLY),
    "failures.jsonl": SchemaValidator(_FAILURE),
    "ratings.jsonl": SchemaValidator(_RATINGS),
}


def shape_of(name: str) -> SchemaValidator | None:
    """The shape of the lines of a file of a run folder; None for other files."""
    return _LINES.get(name)


def check_run(document: Mapping[str, Any]) -> str:
    """What is wrong with the kinds of values in a `run.json`; "" if nothing is."""
    return "" if _RUN.isinstance_python(document) else problem_of(_RUN, document)


def problem_of(shape: SchemaValidator, value: object) -> str:
    """What is wrong with a value that does not fit its shape."""
    try:
        shape.validate_python(value)
    except ValidationError as e:
        error = e.errors(include_url=False, include_context=False)[0]
        where = ".".join(str(part) for part in error["loc"] if part != "[key]")
        missing = error["type"] == "missing"
        return f"{where} is missing" if missing else f"{where} cannot be {described(error['input'])}"
    return ""


def described(value: object) -> str:
    """A value of JSON by its kind, and a number by its digits."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return f"the number {value:g}" if abs(value) < LARGEST else "a number so large"
    if isinstance(value, str):
        return f"the text {value[:40]!r}"
    return "a list" if isinstance(value, Sequence) else "an object"


def unusable_number(value: object) -> bool:
    """Whether a JSON value holds a number, at any depth, that is infinite, no number, or of more than 64 bits."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        kind = type(one)
        if kind is dict:
            waiting += one.values()  # type: ignore[attr-defined]
        elif kind is list:
            waiting += one  # type: ignore[arg-type]
        elif kind is int:
            if not -LARGEST <= one < LARGEST:  # type: ignore[operator]
                return True
        elif kind is float and not math.isfinite(one):  # type: ignore[arg-type]
            return True
    return False
