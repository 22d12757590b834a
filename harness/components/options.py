"""Component options: pydantic models whose fields have a type, a default and a description."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.fields import FieldInfo


class HarnessOptions(BaseModel):
    """Base class of every component's `Options`. Unknown names are rejected; values are validated."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())

    def answer_affecting(self) -> dict[str, Any]:
        """The options that can change answers, as JSON values; they are part of request ids and the run's digest."""
        fields = type(self).model_fields
        return {k: v for k, v in self.model_dump(mode="json").items() if affects_answer(fields[k])}


def option(default: Any, description: str, *, affects_answer: bool = True, **constraints: Any) -> Any:
    """A field of an `Options` class.

    `affects_answer=False` marks options that cannot change an answer (batch size, devices, delays); they may
    differ when a run is resumed. `constraints` are pydantic's (`ge`, `le`, `pattern`, ...).
    """
    extra: dict[str, Any] = {"affects_answer": affects_answer}
    return Field(default, description=description, json_schema_extra=extra, **constraints)


def affects_answer(info: FieldInfo) -> bool:
    extra = info.json_schema_extra
    return bool(extra.get("affects_answer", True)) if isinstance(extra, dict) else True
