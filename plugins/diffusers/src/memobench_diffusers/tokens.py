"""Counts prompt tokens that the tokenizers truncate."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class TruncationCounter:
    """Counts, while `counting`, how many tokens each tokenizer of a pipeline truncates from each prompt.

    Pipelines wrap prompts in templates and set their own length limits, so both are known only at the tokenizer call.
    """

    def __init__(self, pipeline: Any) -> None:
        self._truncated: dict[str, list[int]] = {}
        self._active = False
        seen: set[int] = set()
        for name, part in pipeline.components.items():
            # A processor wraps the tokenizer that does the work.
            tokenizer = getattr(part, "tokenizer", part)
            if "tokenizer" in name and callable(tokenizer) and id(tokenizer) not in seen:
                seen.add(id(tokenizer))
                self._watch(tokenizer, name.replace("tokenizer", "text_encoder"))

    @contextmanager
    def counting(self) -> Iterator[dict[str, list[int]]]:
        """Count while the block runs: text encoder -> tokens truncated from each prompt, in order."""
        self._truncated, self._active = {}, True
        try:
            yield self._truncated
        finally:
            self._active = False

    def _watch(self, tokenizer: Any, encoder: str) -> None:
        plain = type(tokenizer)
        counter = self

        def counted(self: Any, *args: Any, **kwargs: Any) -> Any:
            if counter._active and kwargs.get("truncation") and kwargs.get("max_length"):
                counter._count(encoder, lambda text, **k: plain.__call__(self, text, **k), args, kwargs)
            return plain.__call__(self, *args, **kwargs)

        # Several pipelines may share the object, so only its class changes.
        tokenizer.__class__ = type(
            plain.__name__, (plain,), {"__call__": counted, "__module__": plain.__module__}
        )

    def _count(self, encoder: str, encode: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        texts = args[0] if args else kwargs.get("text")
        # The first call is for the prompts, later ones are for the negative prompt.
        if texts is None or encoder in self._truncated:
            return
        special = kwargs.get("add_special_tokens", True)
        full = encode(
            [texts] if isinstance(texts, str) else list(texts), add_special_tokens=special
        ).input_ids
        self._truncated[encoder] = [max(0, len(ids) - int(kwargs["max_length"])) for ids in full]
