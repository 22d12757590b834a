"""Candidate answers as token sequences: their tokens after a prompt, and their log-probabilities."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import combinations

from harness.errors import RequestError
from harness.types import Question, ReplyError

Tokens = tuple[int, ...]
Encode = Callable[[str], Sequence[int]]

TAIL = 64
"""Characters of a prompt that can influence the tokenisation of the text after it, with a wide margin."""
_ANCHORS = ("\n", ":", "|", "a")
"""Replacement contexts for a prompt whose last token would merge with the answer."""


def answer_words(question: Question) -> tuple[str, ...]:
    """The answer to expect for each option: its label if labels are shown, else the option itself."""
    return question.options if question.labels is None else question.labels


def leading_space(prompt: str) -> str:
    """The separator between a rendered prompt and the answer: a space, or nothing after whitespace."""
    return "" if prompt == "" or prompt[-1].isspace() else " "


def prompt_tail(prompt: str) -> str:
    """The end of a prompt, from its last line break before text, which determines the tokenisation of the answer.

    It is the same for most prompts of one chat template, so it can be the cache key of `candidate_tokens`.
    """
    start = prompt.rfind("\n", 0, len(prompt.rstrip())) if prompt.rstrip() else 0
    return prompt[max(start, len(prompt) - TAIL, 0) :]


def candidate_tokens(
    encode: Encode, prompt: str, options: Sequence[str], *, unknown: int | None = None
) -> tuple[Tokens, ...]:
    """The tokens of each option as a continuation of a rendered prompt.

    Each option is encoded after the end of the prompt, not alone, because its leading space and the tokenisation of its
    first letters depend on the text before it. A space is inserted unless the prompt ends in whitespace. `encode` must
    not append an end token; it may prepend a start token. `unknown` is the tokenizer's id for unknown text.

    Raises `RequestError` if an option has no tokens or the same tokens as another one: log-probabilities cannot
    distinguish such options.
    """
    tail, space = prompt_tail(prompt), leading_space(prompt)
    found = tuple(_following(encode, tail, space + option) for option in options)
    hint = "Use a different answer mode (--read choice or --read text), or different options."
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
    """The tokens of `text` after `before`, or after a replacement context if it would merge with `before`."""
    if not text.strip():
        return ()
    for context in (before, *_ANCHORS):
        base, whole = tuple(encode(context)), tuple(encode(context + text))
        if whole[: len(base)] == base:
            return whole[len(base) :]
    return ()


def nan_error(engine: str, values: Iterable[float]) -> ReplyError | None:
    """The error of a request for which an engine computed something else than log-probabilities; None if it did not."""
    if not any(math.isnan(value) or value == math.inf for value in values):
        return None
    return ReplyError(
        "engine",
        f"{engine} computed NaN instead of probabilities, a fault of the engine or the weights",
        retryable=False,
        hint="Try a different data type, such as -o dtype=float32, or download the model again.",
    )


class WordTree:
    """A prefix tree of candidate token sequences, with the distributions needed to score them all."""

    def __init__(self, sequences: Sequence[Tokens]) -> None:
        """Raises `ValueError` for an empty or duplicate sequence."""
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
        """Every prefix after which a distribution is needed, in order of length, starting with ()."""
        return tuple(self._children)

    def children(self, prefix: Tokens) -> tuple[int, ...]:
        """The tokens whose log-probability is needed after `prefix`."""
        return self._children.get(prefix, ())

    def number(self, prefix: Tokens) -> int | None:
        """The index of the sequence equal to `prefix`, or None if there is none."""
        return self._numbers.get(prefix)

    def scores(self, logprobs: Mapping[Tokens, Mapping[int, float]]) -> tuple[float, ...]:
        """The log-probability of each sequence, in order: the sum over all its tokens.

        `logprobs[prefix][token]` is the log-probability of `token` after the prompt and `prefix`, for all `prefixes` and
        their `children`; extra entries are ignored. If a sequence is a prefix of another one ("1" and "10"), the
        probability of continuing to the longer one is subtracted; otherwise the longer one could never win. Raises
        `KeyError` for missing entries.
        """
        return tuple(self._score(sequence, logprobs) for sequence in self.sequences)

    def _score(self, sequence: Tokens, logprobs: Mapping[Tokens, Mapping[int, float]]) -> float:
        total = sum(logprobs[sequence[:end]][token] for end, token in enumerate(sequence))
        longer = self.children(sequence)
        if not longer:
            return total
        continues = sum(math.exp(logprobs[sequence][token]) for token in longer)
        return -math.inf if continues >= 1.0 else total + math.log1p(-continues)  # NaN stays NaN
