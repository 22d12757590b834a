"""Position bias: whether a judge favours options because of the position at which they are shown."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.arrays import Floats, Ints, Mask
from harness.components.metric import Estimate, Scores
from harness.components.options import HarnessOptions, option
from harness.metrics.base import TableMetric
from harness.stats.correlation import ratio


class PositionBias(TableMetric):
    """How much more often the option at one position (the first) is chosen than the number of options would give.

    0 for a judge that is unaffected by the order, provided that each option is shown at each position equally often;
    1 - 1/options for one that always takes that position. Unparsed replies do not enter.
    """

    kinds = frozenset({"choice"})
    direction = "none"
    uses = frozenset({"positions"})

    class Options(HarnessOptions):
        """Which position."""

        place: int = option(1, "The position, 1 for the option shown first.", ge=1)

    def columns(self, scores: Scores) -> Floats:
        """Shape (n, 2): chosen at the position minus one over the options shown, 1; 0 where a row does not enter."""
        chosen, shown = option_positions(scores)
        inside = self.entered(scores)
        excess = (chosen == self.options.place - 1) - 1 / np.maximum(shown, 1)
        return np.where(inside[:, None], np.column_stack([excess, np.ones(scores.n)]), 0.0)

    def from_sums(self, sums: Floats) -> Floats:
        return ratio(sums[:, 0], sums[:, 1])

    def entered(self, scores: Scores) -> Mask:
        """Rows whose reply is an option with a position, among enough options for the position asked about."""
        chosen, shown = option_positions(scores)
        inside: Mask = (chosen >= 0) & (shown >= self.options.place)
        return inside

    def missing(self, scores: Scores) -> str:
        if not scores.parsed.any():
            return "no reply could be parsed"
        return f"the positions of the options are unknown, or none is at position {self.options.place}"

    def remarks(self, scores: Scores, estimate: Estimate) -> Sequence[str]:
        """How often the position asked about is chosen, where the interval excludes no bias."""
        if estimate.low is None or estimate.high is None or estimate.low <= 0 <= estimate.high:
            return ()
        chosen, shown = option_positions(scores)
        inside, place = self.entered(scores), self.options.place
        share, expected = (chosen[inside] == place - 1).mean(), (1 / shown[inside]).mean()
        return (
            f"options at position {place} are chosen in {share:.0%} of the replies; without bias it would be {expected:.0%}",
        )


def option_positions(scores: Scores) -> tuple[Ints, Ints]:
    """The position of the predicted option (-1 where there is none), and how many options were shown; shape (n,) each."""
    if scores.positions is None:
        return np.full(scores.n, -1), np.zeros(scores.n, np.int64)
    predicted = np.nan_to_num(scores.predicted, nan=0.0).astype(np.int64)
    chosen = scores.positions[np.arange(scores.n), predicted]
    return np.where(scores.parsed, chosen, -1), (scores.positions >= 0).sum(axis=1)
