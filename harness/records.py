"""The base of all records that are stored or shown as JSON: results, comparisons, gate reports, leaderboards.

A field that holds a number takes NaN and infinity as "does not exist" and stores None: JSON has neither.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict


def _finite(value: Any) -> Any:
    """The number, or None where it is None, NaN or infinite: the one place where NaN becomes null."""
    if value is None or isinstance(value, (str, list, dict)):
        return value  # What is no number is refused by the field itself.
    try:
        number = float(value)
    except OverflowError:  # a whole number of hundreds of digits
        return None
    return number if math.isfinite(number) else None


Number = Annotated[float | None, BeforeValidator(_finite)]
Direction = Literal["higher", "lower", "none"]


class Record(BaseModel):
    """Base of the records below. A field can also be read as `record["name"]`, by its name in the document."""

    model_config = ConfigDict(
        populate_by_name=True,
        validate_assignment=True,
        serialize_by_alias=True,
        protected_namespaces=(),
        # Reading ignores fields of later versions; the schema describes what this version writes.
        json_schema_extra={"additionalProperties": False},
    )

    def __getitem__(self, name: str) -> Any:
        return getattr(self, _names(type(self))[name])


def _names(model: type[Record]) -> dict[str, str]:
    """Field by its name in the document."""
    return {info.alias or name: name for name, info in model.model_fields.items()}


class Interval(Record):
    """A value with its 95% interval."""

    value: Number
    low: Number
    high: Number
