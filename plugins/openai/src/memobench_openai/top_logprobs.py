"""Approximate scores from the top tokens of a reply, for servers without exact log-probabilities.

The tokenizer of a closed model is unknown, so words are matched by their characters: each top token that completes a
word counts towards it, and the generated token leads to the next position while it is a prefix of some word. Words that
differ only in case or leading space are the same word, and their probabilities are added.

Some words get no score because it would be unreliable: a word that no path reaches, a word that may have more probability
among the tokens that are not shown than among those that are, and a word that is a prefix of another ("1" and "10").
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

_IGNORED_PREFIX = " \t\r\n\"'`*_“‘"
"""Characters before an answer that are not part of it."""


@dataclass
class _Word:
    folded: str
    shown: float = 0.0
    """Probability of the observed paths that complete it."""
    hidden: float = 0.0
    """Upper bound on an unseen spelling of it: no more than the least likely token shown."""
    is_prefix: bool = field(default=False)


def top_logprob_scores(tokens: Sequence[Mapping[str, Any]], words: Sequence[str]) -> dict[str, float]:
    """Log-probability of each word that can be scored, summed over its tokens.

    `tokens`: for each token of the reply, `token`, `logprob` and `top_logprobs` (a list of `token` and `logprob`).
    """
    wanted = {word: _Word(word.casefold()) for word in words}
    for word in wanted.values():
        word.is_prefix = any(
            o.folded != word.folded and o.folded.startswith(word.folded) for o in wanted.values()
        )
    before, reached = "", 1.0
    for position in tokens:
        top = _top_probabilities(position)
        hidden = _max_hidden(top)
        own = str(position.get("token"))
        step = top.get(own, _probability(position.get("logprob")))
        for word in wanted.values():
            if word.folded.startswith(_normalized(before)):
                word.shown += reached * sum(
                    p for t, p in top.items() if t and _normalized(before + t) == word.folded
                )
                word.hidden += reached * hidden
        before += own
        begun = _normalized(before)
        if step is None or not any(w.folded.startswith(begun) and w.folded != begun for w in wanted.values()):
            break
        reached *= step
    return {
        word: math.log(found.shown)
        for word, found in wanted.items()
        if found.shown > 0.0 and found.shown >= found.hidden and not found.is_prefix
    }


def _top_probabilities(position: Mapping[str, Any]) -> dict[str, float]:
    """Token -> probability for the tokens shown; tokens with the same text are added."""
    shown = position.get("top_logprobs")
    entries = [e for e in shown if isinstance(e, Mapping)] if isinstance(shown, list) else []
    found: dict[str, float] = {}
    for entry in entries:
        probability = _probability(entry.get("logprob"))
        if probability is not None:
            token = str(entry.get("token"))
            found[token] = found.get(token, 0.0) + probability
    return found


def _max_hidden(top: Mapping[str, float]) -> float:
    """Upper bound on the probability of a token that is not shown."""
    return min(min(top.values()), max(0.0, 1.0 - sum(top.values()))) if top else 1.0


def _normalized(text: str) -> str:
    return text.lstrip(_IGNORED_PREFIX).casefold()


def _probability(logprob: object) -> float | None:
    if not isinstance(logprob, (int, float)) or isinstance(logprob, bool):
        return None
    # Some servers round a probability of 1 up. NaN, and numbers of hundreds of digits, are none.
    return math.exp(min(float(logprob), 0.0)) if -1e300 < logprob < 1e300 else None
