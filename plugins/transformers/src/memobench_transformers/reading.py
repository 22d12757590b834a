"""The three ways to read: log-probabilities of candidates, guided choice, free text."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import torch

from harness import Sampling
from harness.mllm import WordTree
from memobench_transformers.guide import Guide
from memobench_transformers.steps import Steps

Tokens = tuple[int, ...]


def read_scores(steps: Steps, tree: WordTree) -> list[tuple[float, ...]]:
    """The log-probability of each of the tree's sequences, for each row: exact, in float32, not renormalised."""
    known: list[dict[Tokens, dict[int, float]]] = [{} for _ in range(steps.first.shape[0])]

    def visit(prefix: Tokens, here: Steps, logits: torch.Tensor) -> None:
        children = tree.children(prefix)
        chosen = torch.log_softmax(logits, dim=-1)[:, list(children)].tolist()
        for row, values in zip(known, chosen, strict=True):
            row[prefix] = dict(zip(children, values, strict=True))
        inner = [token for token in children if tree.children((*prefix, token))]
        for token in inner:
            # The last one may go on in place: nothing comes back to this prefix.
            onward = here if token == inner[-1] else here.aside()
            after = onward.append(torch.full((len(known),), token, device=logits.device))
            visit((*prefix, token), onward, after)

    visit((), steps, steps.first)
    return [tree.scores(row) for row in known]


@dataclass
class Answer:
    """One row's answer while it is decoded."""

    sampling: Sampling
    ends: Collection[int]
    """The tokens that end an answer."""
    guide: Guide | None = None
    tokens: list[int] = field(default_factory=list)
    count: int = 0
    """How many tokens were decoded, the end included."""
    finish: str = ""
    """`stop` or `length` once it is done."""
    _draw: torch.Generator | None = None

    def take(self, logits: torch.Tensor, best: int) -> int:
        """The next token, from logits (vocabulary,) of which `best` is the highest; sets `finish` at the end."""
        token = self._choose(logits, best)
        self.count += 1
        if token in self.ends:
            self.finish = "stop"
            return token
        self.tokens.append(token)
        if self.guide is not None:
            said = tuple(self.tokens)
            if not self.guide.following(said) and self.guide.complete(said) is not None:
                self.finish = "stop"
        elif len(self.tokens) >= self.sampling.max_tokens:
            self.finish = "length"
        return token

    def _choose(self, logits: torch.Tensor, best: int) -> int:
        allowed = self._allowed()
        if allowed is not None:
            places = torch.tensor(allowed, device=logits.device)
            return allowed[self._pick(logits[places])]
        return best if self.sampling.temperature <= 0 else self._pick(logits)

    def _allowed(self) -> list[int] | None:
        if self.guide is None:
            return None
        said = tuple(self.tokens)
        ends = sorted(self.ends) if self.guide.complete(said) is not None else []
        return sorted({*self.guide.following(said), *ends})

    def _pick(self, logits: torch.Tensor) -> int:
        if self.sampling.temperature <= 0:
            return int(logits.argmax())
        if self._draw is None:
            # A generator of its own, on the processor: what is drawn depends on neither the batch nor the device.
            self._draw = torch.Generator().manual_seed(self.sampling.seed)
        shares = torch.softmax(logits.cpu().double() / self.sampling.temperature, dim=-1)
        return int(torch.multinomial(_nucleus(shares, self.sampling.top_p), 1, generator=self._draw))


def _nucleus(shares: torch.Tensor, top_p: float) -> torch.Tensor:
    """Only the likeliest tokens that together reach `top_p` keep their share."""
    if top_p >= 1.0:
        return shares
    ordered, places = shares.sort(descending=True, stable=True)
    # The token that reaches the bound still belongs to it, so that one is always left.
    beyond = ordered.cumsum(0) - ordered >= top_p
    return shares.index_fill(0, places[beyond], 0.0)


def decode(steps: Steps, answers: Sequence[Answer]) -> None:
    """Decode all rows together until each is done."""
    logits = steps.first
    while True:
        best = logits.argmax(dim=-1).tolist()
        # A row that is done goes on with what it said last; nobody reads it.
        tokens = [b if a.finish else a.take(row, b) for a, row, b in zip(answers, logits, best, strict=True)]
        if all(a.finish for a in answers):
            return
        logits = steps.append(torch.tensor(tokens, device=logits.device))
