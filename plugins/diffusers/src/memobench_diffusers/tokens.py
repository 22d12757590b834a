"""Counts the tokens of prompts that text encoders do not read, where the tokenizers cut them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class TokenCounter:
    """Notes, while it is `counting`, how many tokens each tokenizer of a pipeline cuts off each prompt.

    Families put templates around prompts and have limits of their own: what they really hand to the tokenizer, and
    the limit that they give with it, is the only place where both are known.
    """

    def __init__(self, pipeline: Any) -> None:
        self._cut: dict[str, list[int]] = {}
        self._on = False
        seen: set[int] = set()
        for name, part in pipeline.components.items():
            # A processor has the tokenizer that does the work inside.
            tokenizer = getattr(part, "tokenizer", part)
            if "tokenizer" in name and callable(tokenizer) and id(tokenizer) not in seen:
                seen.add(id(tokenizer))
                self._watch(tokenizer, name.replace("tokenizer", "text_encoder"))

    @contextmanager
    def counting(self) -> Iterator[dict[str, list[int]]]:
        """Count while the block runs: text encoder -> tokens cut off each prompt, in their order."""
        self._cut, self._on = {}, True
        try:
            yield self._cut
        finally:
            self._on = False

    def _watch(self, tokenizer: Any, encoder: str) -> None:
        plain = type(tokenizer)
        counter = self

        def counted(self: Any, *args: Any, **kwargs: Any) -> Any:
            if counter._on and kwargs.get("truncation") and kwargs.get("max_length"):
                counter._note(encoder, lambda text, **k: plain.__call__(self, text, **k), args, kwargs)
            return plain.__call__(self, *args, **kwargs)

        # The object stays the same, since several pipelines may hold it; its class gains one method.
        tokenizer.__class__ = type(
            plain.__name__, (plain,), {"__call__": counted, "__module__": plain.__module__}
        )

    def _note(self, encoder: str, encode: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        texts = args[0] if args else kwargs.get("text")
        # The prompts come first; what a tokenizer is given after them is the negative prompt.
        if texts is None or encoder in self._cut:
            return
        special = kwargs.get("add_special_tokens", True)
        whole = encode(
            [texts] if isinstance(texts, str) else list(texts), add_special_tokens=special
        ).input_ids
        self._cut[encoder] = [max(0, len(ids) - int(kwargs["max_length"])) for ids in whole]
