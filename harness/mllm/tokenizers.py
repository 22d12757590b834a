"""Loads tokenizers for checks, without network. Needs transformers, which is imported when one is loaded."""

from __future__ import annotations

import importlib
from typing import Any

from harness.errors import MissingPackage


def load_tokenizer(folder: str | None) -> Any:
    """The tokenizer in a folder, without code from it; with None one without a vocabulary, which only renders templates.

    Raises `MissingPackage` without transformers, and whatever transformers raises for a damaged file.
    """
    try:
        transformers: Any = importlib.import_module("transformers")
        if folder is not None:
            return transformers.AutoTokenizer.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False
            )
        tokenizers: Any = importlib.import_module("tokenizers")
    except ModuleNotFoundError as e:
        raise MissingPackage("Checking a preset", e.name or "transformers") from e
    empty = tokenizers.Tokenizer(tokenizers.models.BPE())
    return transformers.PreTrainedTokenizerFast(tokenizer_object=empty)
