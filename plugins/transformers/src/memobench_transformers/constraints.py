"""Constrained decoding: the allowed next tokens if the answer must be one of several texts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from harness.mllm import WordTree

Tokens = tuple[int, ...]


class Constraint(Protocol):
    """Restricts an answer to a set of texts, given the tokens so far."""

    def next_tokens(self, tokens: Tokens) -> Sequence[int]:
        """The allowed next tokens, without stop tokens."""

    def completed_text(self, tokens: Tokens) -> str | None:
        """The text that the tokens spell, if it is a complete answer."""


class TreeConstraint:
    """Allows only the tokenizer's own tokenization of each text."""

    def __init__(self, tree: WordTree, texts: Sequence[str]) -> None:
        self._tree, self._texts = tree, tuple(texts)

    def next_tokens(self, tokens: Tokens) -> Sequence[int]:
        return self._tree.children(tokens)

    def completed_text(self, tokens: Tokens) -> str | None:
        number = self._tree.number(tokens)
        return None if number is None else self._texts[number]


class SpellingConstraint:
    """Allows every tokenization of each text, as grammar engines do.

    `vocabulary` maps the bytes of each token to its ids.
    """

    def __init__(self, texts: Sequence[str], vocabulary: Mapping[bytes, Sequence[int]]) -> None:
        self._texts = {text.encode(): text for text in texts}
        pieces = {t[i:j] for t in self._texts for i in range(len(t)) for j in range(i + 1, len(t) + 1)}
        self._token_pieces = {token: piece for piece in sorted(pieces) for token in vocabulary.get(piece, ())}
        self._next_tokens: dict[bytes, tuple[int, ...]] = {}

    def _spelled(self, tokens: Tokens) -> bytes:
        return b"".join(self._token_pieces[t] for t in tokens)

    def next_tokens(self, tokens: Tokens) -> Sequence[int]:
        text = self._spelled(tokens)
        if text not in self._next_tokens:
            remaining = [t[len(text) :] for t in self._texts if t.startswith(text)]
            allowed = (
                token
                for token, piece in self._token_pieces.items()
                if any(a.startswith(piece) for a in remaining)
            )
            self._next_tokens[text] = tuple(sorted(allowed))
        return self._next_tokens[text]

    def completed_text(self, tokens: Tokens) -> str | None:
        return self._texts.get(self._spelled(tokens))


def token_bytes(tokenizer: Any) -> dict[bytes, list[int]] | None:
    """The bytes of every text token, with its ids; None for an unknown type of tokenizer.

    Byte-level tokenizers (GPT-2, Llama 3, Qwen) map bytes to letters; others (Llama 2, Gemma) write a space as "▁" and
    bytes that are not text as "<0x0A>".
    """
    decoder = getattr(getattr(tokenizer, "backend_tokenizer", None), "decoder", None)
    if decoder is None:
        return None
    state = json.loads(decoder.__getstate__())
    kinds = {step["type"] for step in (state, *state.get("decoders", ()))}
    if "ByteLevel" in kinds:
        spell = _byte_level
    elif kinds & {"ByteFallback", "Metaspace"} or any("▁" in str(step) for step in state.get("decoders", ())):
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
    """Letter -> byte in byte-level tokenizers (GPT-2's table). Printable bytes map to themselves."""
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
