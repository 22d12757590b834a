"""Scores from the likeliest tokens of a reply, for servers that give nothing more exact.

The tokens that a closed model would take for a word are not known, so words are followed letter by letter: each
likeliest token that completes a word counts for it, and the reply's own token leads on to the next position while it
begins some word. What differs only in case or in leading space is the same word, and adds up.

Some words get no score, since theirs would not be honest: a word to which no path leads, one that may have more
probability among the tokens that are not shown than among those that are, and one that begins another ("1" and "10").
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

_BEFORE = " \t\r\n\"'`*_“‘"
"""What may stand before an answer without being part of it."""


@dataclass
class _Word:
    folded: str
    shown: float = 0.0
    """Probability of the paths that complete it."""
    hidden: float = 0.0
    """The most that a further spelling of it can have: less than the least likely token that is shown."""
    begins_another: bool = field(default=False)


def likely_scores(tokens: Sequence[Mapping[str, Any]], words: Sequence[str]) -> dict[str, float]:
    """Log-probability of each word that can be scored, the sum over its tokens.

    `tokens`: for each token of the reply, `token`, `logprob` and `top_logprobs` (a list of `token`, `logprob`).
    """
    wanted = {word: _Word(word.casefold()) for word in words}
    for word in wanted.values():
        word.begins_another = any(
            o.folded != word.folded and o.folded.startswith(word.folded) for o in wanted.values()
        )
    before, reached = "", 1.0
    for position in tokens:
        likeliest = _likeliest(position)
        hidden = _hidden(likeliest)
        own = str(position.get("token"))
        step = likeliest.get(own, _probability(position.get("logprob")))
        for word in wanted.values():
            if word.folded.startswith(_plain(before)):
                word.shown += reached * sum(
                    p for t, p in likeliest.items() if t and _plain(before + t) == word.folded
                )
                word.hidden += reached * hidden
        before += own
        begun = _plain(before)
        if step is None or not any(w.folded.startswith(begun) and w.folded != begun for w in wanted.values()):
            break
        reached *= step
    return {
        word: math.log(found.shown)
        for word, found in wanted.items()
        if found.shown > 0.0 and found.shown >= found.hidden and not found.begins_another
    }


def _likeliest(position: Mapping[str, Any]) -> dict[str, float]:
    """Token -> probability, of those that a server shows; tokens that read alike add up."""
    shown = position.get("top_logprobs")
    entries = [e for e in shown if isinstance(e, Mapping)] if isinstance(shown, list) else []
    found: dict[str, float] = {}
    for entry in entries:
        probability = _probability(entry.get("logprob"))
        if probability is not None:
            token = str(entry.get("token"))
            found[token] = found.get(token, 0.0) + probability
    return found


def _hidden(likeliest: Mapping[str, float]) -> float:
    """The most probability that a token can have that is not shown."""
    return min(min(likeliest.values()), max(0.0, 1.0 - sum(likeliest.values()))) if likeliest else 1.0


def _plain(text: str) -> str:
    return text.lstrip(_BEFORE).casefold()


def _probability(logprob: object) -> float | None:
    if not isinstance(logprob, (int, float)) or isinstance(logprob, bool):
        return None
    return math.exp(min(float(logprob), 0.0))
