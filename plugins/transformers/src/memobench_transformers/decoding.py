"""The three answer modes: log-probabilities of candidates, constrained choice, free text."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

import torch

from harness import Sampling
from harness.mllm import WordTree
from memobench_transformers.batch_decoder import BatchDecoder
from memobench_transformers.constraints import Constraint

Tokens = tuple[int, ...]


def score_sequences(decoder: BatchDecoder, tree: WordTree) -> list[tuple[float, ...]]:
    """The log-probability of each sequence in the tree, for each row: exact, in float32, not renormalized."""
    known: list[dict[Tokens, dict[int, float]]] = [{} for _ in range(decoder.first_logits.shape[0])]

    def visit(prefix: Tokens, current: BatchDecoder, logits: torch.Tensor) -> None:
        children = tree.children(prefix)
        chosen = torch.log_softmax(logits, dim=-1)[:, list(children)].tolist()
        for row, values in zip(known, chosen, strict=True):
            row[prefix] = dict(zip(children, values, strict=True))
        inner = [token for token in children if tree.children((*prefix, token))]
        for token in inner:
            # The last branch may reuse the state in place: nothing returns to this prefix.
            branch = current if token == inner[-1] else current.fork()
            after = branch.append(torch.full((len(known),), token, device=logits.device))
            visit((*prefix, token), branch, after)

    visit((), decoder, decoder.first_logits)
    return [tree.scores(row) for row in known]


@dataclass
class RowState:
    """The answer of one row while it is decoded."""

    sampling: Sampling
    stop_tokens: Collection[int]
    constraint: Constraint | None = None
    tokens: list[int] = field(default_factory=list)
    count: int = 0
    """Number of decoded tokens, including the stop token."""
    finish: str = ""
    """`stop` or `length` once the row is done, `nan` if the model computed no probabilities."""
    ended: Callable[[Sequence[int]], bool] | None = None
    """Whether the tokens so far end the row, such as with the mark that closes a thought."""
    _generator: torch.Generator | None = None

    def next_token(self, logits: torch.Tensor, best: int) -> int:
        """Choose the next token from logits (vocabulary,), whose argmax is `best`. Sets `finish` at the end."""
        token = self._choose(logits, best)
        self.count += 1
        if token in self.stop_tokens:
            self.finish = "stop"
            return token
        self.tokens.append(token)
        if self.constraint is not None:
            tokens = tuple(self.tokens)
            if not self.constraint.next_tokens(tokens) and self.constraint.completed_text(tokens) is not None:
                self.finish = "stop"
        elif self.ended is not None and self.ended(self.tokens):
            self.finish = "stop"
        elif len(self.tokens) >= self.sampling.max_tokens:
            self.finish = "length"
        return token

    def _choose(self, logits: torch.Tensor, best: int) -> int:
        allowed = self._allowed()
        if allowed is not None:
            indices = torch.tensor(allowed, device=logits.device)
            return allowed[self._sample(logits[indices])]
        return best if self.sampling.temperature <= 0 else self._sample(logits)

    def _allowed(self) -> list[int] | None:
        if self.constraint is None:
            return None
        tokens = tuple(self.tokens)
        stops = sorted(self.stop_tokens) if self.constraint.completed_text(tokens) is not None else []
        return sorted({*self.constraint.next_tokens(tokens), *stops})

    def _sample(self, logits: torch.Tensor) -> int:
        if self.sampling.temperature <= 0:
            return int(logits.argmax())
        if self._generator is None:
            # A separate generator on the CPU: samples depend neither on the batch nor on the device.
            self._generator = torch.Generator().manual_seed(self.sampling.seed)
        probabilities = torch.softmax(logits.cpu().double() / self.sampling.temperature, dim=-1)
        return int(
            torch.multinomial(_nucleus(probabilities, self.sampling.top_p), 1, generator=self._generator)
        )


def _nucleus(probabilities: torch.Tensor, top_p: float) -> torch.Tensor:
    """Set all probabilities to zero except those of the most likely tokens that together reach `top_p`."""
    if top_p >= 1.0:
        return probabilities
    ordered, indices = probabilities.sort(descending=True, stable=True)
    # The token that reaches the bound is kept, so that at least one is left.
    beyond = ordered.cumsum(0) - ordered >= top_p
    return probabilities.index_fill(0, indices[beyond], 0.0)


def decode_rows(decoder: BatchDecoder, rows: Sequence[RowState]) -> None:
    """Decode all rows together until each is done."""
    logits = decoder.first_logits
    while True:
        best, broken = logits.argmax(dim=-1).tolist(), logits.isnan().any(dim=-1).tolist()
        for row, is_broken in zip(rows, broken, strict=True):
            if is_broken and not row.finish:
                row.finish = "nan"
        # A finished row continues with its best token, which is ignored.
        tokens = [
            b if row.finish else row.next_token(scores, b)
            for row, scores, b in zip(rows, logits, best, strict=True)
        ]
        if all(row.finish for row in rows):
            return
        logits = decoder.append(torch.tensor(tokens, device=logits.device))
