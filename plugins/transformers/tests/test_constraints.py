from __future__ import annotations

import random
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from memobench_transformers.constraints import Constraint, SpellingConstraint, TreeConstraint, token_bytes
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from harness.mllm import WordTree

LEVELS = ("very weak", "weak", "moderate", "strong", "very strong")


def random_text(constraint: Constraint, seed: int) -> str:
    """A random text that the constraint allows."""
    rng, tokens = random.Random(seed), ()
    while True:
        allowed = constraint.next_tokens(tokens)
        done = constraint.completed_text(tokens)
        if done is not None and (not allowed or rng.random() < 0.5):
            return done
        tokens = (*tokens, rng.choice(list(allowed)))


VOCABULARY = {b"a": [0], b"b": [1], b"ab": [2, 7], b"aba": [3], b" ": [4], b" a": [5], b"c": [6]}


class TestSpellingConstraint:
    def test_exactly_the_tokenizations_of_the_texts_are_allowed(self) -> None:
        constraint = SpellingConstraint(("ab", "aba", " ab"), VOCABULARY)
        bytes_of = {token: piece for piece, tokens in VOCABULARY.items() for token in tokens}
        for length in range(1, 5):
            for tokens in product(bytes_of, repeat=length):
                spelled = b"".join(bytes_of[t] for t in tokens).decode()
                allowed = all(tokens[i] in constraint.next_tokens(tokens[:i]) for i in range(length))
                assert allowed == any(text.startswith(spelled) for text in ("ab", "aba", " ab"))
                if allowed:
                    assert constraint.completed_text(tokens) == (
                        spelled if spelled in ("ab", "aba", " ab") else None
                    )

    def test_nothing_follows_a_text_that_is_not_a_prefix_of_another(self) -> None:
        constraint = SpellingConstraint(("ab", "aba"), VOCABULARY)
        assert constraint.next_tokens((3,)) == ()
        assert constraint.completed_text((3,)) == "aba"
        assert list(constraint.next_tokens((2,))) == [0]
        assert constraint.completed_text((2,)) == "ab"

    @pytest.mark.parametrize("seed", range(20))
    def test_each_path_ends_in_a_text(self, seed: int) -> None:
        vocabulary = {bytes([n]): [n] for n in range(256)} | {
            b" very": [300],
            b" strong": [301],
            b"str": [302],
        }
        texts = tuple(f" {level}" for level in LEVELS)
        assert random_text(SpellingConstraint(texts, vocabulary), seed) in texts


@pytest.mark.parametrize("seed", range(8))
def test_a_tree_constraint_allows_only_its_texts(seed: int) -> None:
    tree = WordTree([(1, 2), (2,), (1, 3), (1,)])
    assert random_text(TreeConstraint(tree, ["a", "b", "c", "d"]), seed) in "abcd"
    assert TreeConstraint(tree, ["a", "b", "c", "d"]).completed_text((1, 3)) == "c"


class TestTokenBytes:
    @pytest.mark.parametrize("name", ["llava", "qwen2-vl"])
    def test_byte_level(self, name: str, tiny: Callable[[str], Path]) -> None:
        tokenizer = AutoTokenizer.from_pretrained(tiny(name))
        found = token_bytes(tokenizer)
        assert found is not None
        assert {bytes([n]) for n in range(256)} <= set(found)
        numbers = [n for ids in found.values() for n in ids]
        special = {n for n, token in tokenizer.added_tokens_decoder.items() if token.special}
        assert sorted(numbers) == sorted(set(range(len(tokenizer))) - special)
        for piece, ids in found.items():
            assert all(tokenizer.decode([i]) == piece.decode("utf-8", "replace") for i in ids)
        assert (
            spelled(found, tokenizer("very strong ✓\n", add_special_tokens=False)["input_ids"])
            == "very strong ✓\n"
        )

    def test_sentencepiece(self) -> None:
        pieces = [
            "<unk>",
            "<s>",
            *(f"<0x{n:02X}>" for n in range(256)),
            "▁",
            "w",
            "e",
            "a",
            "k",
            "▁w",
            "ea",
            "▁wea",
        ]
        raw = Tokenizer(
            models.BPE(
                {p: n for n, p in enumerate(pieces)},
                [("▁", "w"), ("e", "a"), ("▁w", "ea")],
                unk_token="<unk>",
                byte_fallback=True,
            )
        )
        raw.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never", split=False)
        raw.decoder = decoders.Sequence(
            [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
        )
        tokenizer = PreTrainedTokenizerFast(tokenizer_object=raw, unk_token="<unk>", bos_token="<s>")
        found = token_bytes(tokenizer)
        assert found is not None
        assert sorted(found[b" "]) == [2 + 0x20, pieces.index("▁")]
        assert found[b" wea"] == [pieces.index("▁wea")]
        assert b"<unk>" not in found
        assert spelled(found, tokenizer(" weak\n心", add_special_tokens=False)["input_ids"]) == " weak\n心"

    def test_unknown_tokenizers_give_none(self) -> None:
        raw = Tokenizer(models.WordLevel({"<unk>": 0, "weak": 1}, unk_token="<unk>"))
        raw.decoder = decoders.WordPiece()
        assert token_bytes(PreTrainedTokenizerFast(tokenizer_object=raw, unk_token="<unk>")) is None
        assert token_bytes(object()) is None


def spelled(found: dict[bytes, list[int]], ids: list[Any]) -> str:
    bytes_of = {number: piece for piece, numbers in found.items() for number in numbers}
    return b"".join(bytes_of[n] for n in ids).decode()
