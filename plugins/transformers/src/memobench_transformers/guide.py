"""Guided decoding: which tokens may come next, so that the answer is one of several texts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from harness.mllm import WordTree

Tokens = tuple[int, ...]


class Guide(Protocol):
    """What may be said after what was said."""

    def following(self, said: Tokens) -> Sequence[int]:
        """The tokens that may come next, the end of the answer apart."""

    def complete(self, said: Tokens) -> str | None:
        """The text that the tokens are, where they are a whole answer."""


class TreeGuide:
    """Each text in the one way in which the tokenizer itself would cut it."""

    def __init__(self, tree: WordTree, texts: Sequence[str]) -> None:
        self._tree, self._texts = tree, tuple(texts)

    def following(self, said: Tokens) -> Sequence[int]:
        """The children of the tree."""
        return self._tree.children(said)

    def complete(self, said: Tokens) -> str | None:
        """The text whose tokens these are."""
        number = self._tree.number(said)
        return None if number is None else self._texts[number]


class SpellingGuide:
    """Each text in all ways in which it can be put together from tokens, as grammar engines allow them.

    `vocabulary` maps the bytes of each token to its ids.
    """

    def __init__(self, texts: Sequence[str], vocabulary: Mapping[bytes, Sequence[int]]) -> None:
        self._texts = {text.encode(): text for text in texts}
        pieces = {t[i:j] for t in self._texts for i in range(len(t)) for j in range(i + 1, len(t) + 1)}
        self._spelled = {token: piece for piece in sorted(pieces) for token in vocabulary.get(piece, ())}
        self._following: dict[bytes, tuple[int, ...]] = {}

    def _said(self, tokens: Tokens) -> bytes:
        return b"".join(self._spelled[t] for t in tokens)

    def following(self, said: Tokens) -> Sequence[int]:
        """Every token that carries the text on."""
        text = self._said(said)
        if text not in self._following:
            ahead = [t[len(text) :] for t in self._texts if t.startswith(text)]
            fitting = (
                token for token, piece in self._spelled.items() if any(a.startswith(piece) for a in ahead)
            )
            self._following[text] = tuple(sorted(fitting))
        return self._following[text]

    def complete(self, said: Tokens) -> str | None:
        """The text that the tokens spell."""
        return self._texts.get(self._said(said))


def spellings(tokenizer: Any) -> dict[bytes, list[int]] | None:
    """The bytes of every token that stands for text, with its ids; None for a tokenizer whose form is not known.

    Byte-level tokenizers (GPT-2, Llama 3, Qwen) write bytes as letters; others (Llama 2, Gemma) write a space as
    "▁" and bytes that are no text as "<0x0A>".
    """
    decoder = getattr(getattr(tokenizer, "backend_tokenizer", None), "decoder", None)
    if decoder is None:
        return None
    described = json.loads(decoder.__getstate__())
    kinds = {step["type"] for step in (described, *described.get("decoders", ()))}
    if "ByteLevel" in kinds:
        spell = _byte_level
    elif kinds & {"ByteFallback", "Metaspace"} or any(
        "▁" in str(step) for step in described.get("decoders", ())
    ):
        spell = _sentencepiece
    else:
        return None
    special = set(tokenizer.all_special_ids)
    added = {int(i): t.content for i, t in tokenizer.added_tokens_decoder.items()}
    special |= {i for i, t in tokenizer.added_tokens_decoder.items() if t.special}
    found: dict[bytes, list[int]] = {}
    for token, number in tokenizer.get_vocab().items():
        piece = added[number].encode() if number in added else spell(token)
        if piece and number not in special:
            found.setdefault(piece, []).append(number)
    return found


def _letters() -> dict[str, int]:
    """The letters by which byte-level tokenizers write bytes (GPT-2's table): printable ones stand for themselves."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    table = {chr(byte): byte for byte in printable}
    others = [byte for byte in range(256) if byte not in set(printable)]
    return table | {chr(256 + n): byte for n, byte in enumerate(others)}


_BYTES = _letters()


def _byte_level(token: str) -> bytes:
    return bytes(_BYTES[letter] for letter in token) if all(letter in _BYTES for letter in token) else b""


def _sentencepiece(token: str) -> bytes:
    if len(token) == 6 and token.startswith("<0x") and token.endswith(">"):
        return bytes([int(token[3:5], 16)])
    return token.replace("▁", " ").encode()
