"""Candidate words as token sequences: which tokens an answer would take after a prompt, and what it scores."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations

from harness.errors import RequestError
from harness.types import Question

Tokens = tuple[int, ...]
Encode = Callable[[str], Sequence[int]]

TAIL = 64
"""Characters of a prompt that can influence how what follows is cut into tokens, with a wide margin."""
_ANCHORS = ("\n", ":", "|", "a")
"""Texts that stand in for a prompt whose last token would merge with the answer."""


def answer_words(question: Question) -> tuple[str, ...]:
    """What a model answers with, one for each option: the label where labels are shown, else the option."""
    return question.options if question.labels is None else question.labels


def leading_space(prompt: str) -> str:
    """What stands between a rendered prompt and the answer: a space, or nothing after whitespace."""
    return "" if prompt == "" or prompt[-1].isspace() else " "


def prompt_tail(prompt: str) -> str:
    """The end of a prompt, from its last line break before text, which alone decides how an answer is cut.

    It is the same for most prompts of one chat template: a key to keep what `candidate_tokens` found.
    """
    start = prompt.rfind("\n", 0, len(prompt.rstrip())) if prompt.rstrip() else 0
    return prompt[max(start, len(prompt) - TAIL, 0) :]


def candidate_tokens(
    encode: Encode, prompt: str, options: Sequence[str], *, unknown: int | None = None
) -> tuple[Tokens, ...]:
    """The tokens with which each option would follow a rendered prompt.

    Each option is encoded behind the end of the prompt, not alone: whether it begins with a space, and how its
    first letters are cut, depends on what stands before it. A space is put before it unless the prompt ends in
    whitespace. `encode` must append nothing (no end token); it may put a start token first.
    `unknown` is the id that the tokenizer gives to text that it has no token for.

    Raises `RequestError` where an option has no tokens, or shares all of them with another: such options
    cannot be told apart by log-probabilities.
    """
    tail, space = prompt_tail(prompt), leading_space(prompt)
    found = tuple(_following(encode, tail, space + option) for option in options)
    hint = "Read this task another way (--read choice or text), or use other words as options."
    for option, tokens in zip(options, found, strict=True):
        if not tokens or unknown in tokens:
            raise RequestError(f"The tokenizer has no tokens for the option {option!r}.", hint)
    for (one, first), (other, second) in combinations(zip(options, found, strict=True), 2):
        if first == second:
            raise RequestError(
                f"The tokenizer gives the options {one!r} and {other!r} the same tokens.", hint
            )
    return found


def _following(encode: Encode, before: str, text: str) -> Tokens:
    """The tokens that `text` adds behind `before`; behind a plain text where it would merge with `before`."""
    if not text.strip():
        return ()
    for context in (before, *_ANCHORS):
        base, whole = tuple(encode(context)), tuple(encode(context + text))
        if whole[: len(base)] == base:
            return whole[len(base) :]
    return ()


class WordTree:
    """Candidate token sequences as a tree: which distributions are needed to score them all."""

    def __init__(self, sequences: Sequence[Tokens]) -> None:
        """Raises `ValueError` for an empty sequence, or one that occurs twice."""
        self.sequences = tuple(tuple(s) for s in sequences)
        if not all(self.sequences) or len(set(self.sequences)) < len(self.sequences):
            raise ValueError(f"candidates must be distinct and not empty: {self.sequences}")
        children: dict[Tokens, dict[int, None]] = {(): {}}
        for sequence in self.sequences:
            for end, token in enumerate(sequence):
                children.setdefault(sequence[:end], {})[token] = None
        self._children = {p: tuple(c) for p, c in sorted(children.items(), key=lambda item: len(item[0]))}
        self._numbers = {sequence: number for number, sequence in enumerate(self.sequences)}

    @property
    def prefixes(self) -> tuple[Tokens, ...]:
        """Every prefix after which a distribution is needed: () first, shorter ones before longer ones."""
        return tuple(self._children)

    def children(self, prefix: Tokens) -> tuple[int, ...]:
        """The tokens whose log-probability is needed after `prefix`; none after a complete sequence."""
        return self._children.get(prefix, ())

    def number(self, prefix: Tokens) -> int | None:
        """Which sequence `prefix` is, or None where it is not a complete one."""
        return self._numbers.get(prefix)

    def scores(self, logprobs: Mapping[Tokens, Mapping[int, float]]) -> tuple[float, ...]:
        """The log-probability of each sequence, in their order: the sum over its tokens, never its first alone.

        `logprobs[prefix][token]` is the log-probability of `token` after the prompt and `prefix`, for all
        `prefixes` and their `children`; more may be given. Where a sequence begins another one ("1" and "10"),
        the probability that it goes on to the other is taken off: else the longer could never win.
        Raises `KeyError` for what is missing.
        """
        return tuple(self._score(sequence, logprobs) for sequence in self.sequences)

    def _score(self, sequence: Tokens, logprobs: Mapping[Tokens, Mapping[int, float]]) -> float:
        total = sum(logprobs[sequence[:end]][token] for end, token in enumerate(sequence))
        longer = self.children(sequence)
        if not longer:
            return total
        goes_on = sum(math.exp(logprobs[sequence][token]) for token in longer)
        return total + math.log1p(-goes_on) if goes_on < 1.0 else -math.inf
