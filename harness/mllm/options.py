"""Options that judges on open models share. Apart, since presets are listed without loading pydantic."""

from __future__ import annotations

from typing import Any, Literal

from harness.components.options import HarnessOptions, option

Setting = Literal["auto", "off", "on"]
_LATER_OPTIONS = ("template_arguments", "thinking", "thinking_tokens")


class ThinkingOptions(HarnessOptions):
    """Options of judges on models that may think."""

    template_arguments: dict[str, Any] = option(
        {}, 'arguments of the chat template, as JSON, such as {"enable_thinking": false}'
    )
    thinking: Setting = option(
        "auto", "off: the model answers at once. on: it thinks first. auto: as its chat template has it."
    )
    thinking_tokens: int = option(
        2048, "maximum tokens of a thought; a longer one is closed there", ge=1, le=1_000_000
    )

    def answer_affecting(self) -> dict[str, Any]:
        """These options count only where they are set, so that runs from before they existed can be resumed."""
        unset = {n for n in _LATER_OPTIONS if getattr(self, n) == type(self).model_fields[n].default}
        return {name: value for name, value in super().answer_affecting().items() if name not in unset}
