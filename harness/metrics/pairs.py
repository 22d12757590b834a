"""Metrics of pairs of pictures: whether the answer stays when the order is swapped, and the pull of the first."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from harness.arrays import Floats, Ints, Mask
from harness.components.metric import Scores
from harness.metrics.base import TableMetric, share

AGREES, DIFFERS = 0.0, 1.0


class PairMetric(TableMetric):
    """A metric of answers that name one of two pictures, options[0] the first shown and options[1] the second."""

    kinds = frozenset({"choice"})
    proportion = True
    pairs_only = True

    def from_sums(self, sums: Floats) -> Floats:
        """First sum over second."""
        return share(sums)


class Consistency(PairMetric):
    """Share of pairs in which the same picture is preferred in both orders.

    A judge that always says "first" has 0, one that answers at random 0.5. A pair with an unparsed reply counts as
    not consistent.
    """

    joins_orders = True

    def columns(self, scores: Scores) -> Floats:
        """Shape (pairs, 2): consistent, all."""
        return np.column_stack([scores.predicted == AGREES, np.ones(scores.n)]).astype(np.float64)

    def missing(self, scores: Scores) -> str:
        return "no pair has replies in both orders"


class FirstShare(PairMetric):
    """Share of the replies that name the picture shown first: 0.5 without position bias, as both orders are asked."""

    direction = "none"

    def columns(self, scores: Scores) -> Floats:
        """Shape (n, 2): predicted the first, parsed."""
        return np.column_stack([scores.predicted == 0, scores.parsed]).astype(np.float64)

    def entered(self, scores: Scores) -> Mask:
        """Rows whose reply could be parsed."""
        return scores.parsed

    def missing(self, scores: Scores) -> str:
        return "no reply could be parsed"


def join_orders(scores: Scores, pair: Ints) -> Scores:
    """One row for each pair that has two replies: read is `AGREES` or `DIFFERS`, NaN where a reply could not be read.

    `pair`, shape (n,), numbers the pairs; the two replies of one are those to its two orders, so that the same
    picture is preferred where they name different places. Pairs with any other number of replies are left out.
    """
    order = np.argsort(pair, kind="stable")
    _, starts, counts = np.unique(pair[order], return_index=True, return_counts=True)
    one, other = order[starts[counts == 2]], order[starts[counts == 2] + 1]
    known = np.isfinite(scores.predicted[one]) & np.isfinite(scores.predicted[other])
    agrees = np.where(scores.predicted[one] != scores.predicted[other], AGREES, DIFFERS)
    mask = np.zeros(scores.n, bool)
    mask[one] = True
    kept = replace(scores, predicted=np.full(scores.n, np.nan), probabilities=None, positions=None)
    kept.predicted[one] = np.where(known, agrees, np.nan)
    kept = kept.where(mask)
    return replace(kept, truth=np.full(kept.n, AGREES), options=("agrees", "differs"))
