"""Do groups of people or pictures differ? One test for each column, of equal values of a metric in all groups."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from harness.arrays import Ints
from harness.components.metric import Scores, checked, quietly
from harness.metrics.base import cluster_sums
from harness.metrics.score import MetricRequest
from harness.metrics.unparsed import entering
from harness.results import HypothesisTest
from harness.stats.permutation import omnibus_test


def group_tests(
    request: MetricRequest, scores: Scores, columns: Mapping[str, Ints], *, seed: int, resamples: int
) -> tuple[list[HypothesisTest], list[str]]:
    """The omnibus test of a metric over the groups of each column, and notes on columns without one.

    `columns` holds the group of each row by column, shape (n,), -1 for rows in none. Where a column is constant within
    clusters, whole clusters are permuted between groups: their rows are not independent. Where it varies, rows are
    permuted within clusters. If some clusters are of one group and others not, those with more rows enter alone. Only
    values that follow from sums over rows are tested: others would take too long to compute on each permutation.
    """
    tests, left, untested = [], [], dict[str, list[str]]()
    for name, group in columns.items():
        try:
            found = _group_test(request, scores, name, group, seed, resamples)
        except Exception as error:  # may be a plugin's code
            found = f"the metric raised {type(error).__name__}: {error}"
        if isinstance(found, str):
            untested.setdefault(found, []).append(name)
        elif found is not None:
            tests.append(found)
            rows = int((entering(request.metric, scores) & (group >= 0)).sum())
            if found.n < rows:
                unit = scores.cluster_column or "sample"
                left.append(
                    f"{found.name}: the test leaves out {rows - found.n} of {rows} rows; groups mix within some values of {unit}, "
                    "not within others, and the kind with more rows enters"
                )
    notes = [f"groups by {', '.join(names)} are not tested: {why}" for why, names in untested.items()]
    return tests, [*left, *notes]


def _group_test(
    request: MetricRequest, scores: Scores, column: str, group: Ints, seed: int, resamples: int
) -> HypothesisTest | str | None:
    """The test, or why there is none; None where there are fewer than two groups."""
    inside = entering(request.metric, scores) & (group >= 0)
    if len(np.unique(group[inside])) < 2:
        return None
    metric, scores = request.metric.prepared(scores, np.ones(scores.clusters, np.int64))
    if not metric.summed:
        return f"{request.name} does not follow from sums over rows"
    unit = scores.cluster_column or "sample"
    kinds = np.unique(np.stack([scores.cluster[inside], group[inside]]), axis=1)
    held = np.bincount(kinds[0], minlength=scores.clusters)
    mixed = held[scores.cluster] > 1
    within = 0 < int(inside.sum()) <= 2 * int((inside & mixed).sum())
    inside &= mixed if within else ~mixed
    if not within and len(np.unique(group[inside])) == len(np.unique(scores.cluster[inside])):
        return f"each is a single {unit}"
    # Codes from 0 of what is left.
    codes, cluster = (
        np.unique(v[inside], return_inverse=True)[1].reshape(-1) for v in (group, scores.cluster)
    )
    clusters = int(cluster.max()) + 1
    columns, ones = metric.columns(scores)[inside].astype(np.float64), np.ones((len(codes), 1))
    stratum = cluster
    if not within:
        columns, ones = cluster_sums(columns, cluster, clusters), cluster_sums(ones, cluster, clusters)
        first = np.unique(cluster, return_index=True)[1]
        codes, stratum = codes[first], np.zeros(clusters, np.int64)
    elif scores.sample is not None:
        # Replies to one sample are no independent rows.
        asked = np.unique(scores.sample[inside], return_inverse=True)[1].reshape(-1)
        first = np.unique(asked, return_index=True)[1]
        columns, ones = (cluster_sums(part, asked, len(first)) for part in (columns, ones))
        codes, stratum = codes[first], cluster[first]
    found = omnibus_test(
        columns,
        ones[:, 0],
        lambda sums: quietly(lambda: checked(metric.from_sums(sums), len(sums))),
        codes,
        stratum,
        seed=seed,
        resamples=resamples,
    )
    if found is None:
        return f"{request.name} does not exist in two of them"
    how = f"of samples within {unit}" if within else f"of each {unit} between groups"
    drawn = f"{found.permutations:,} permutations{' in their normal limit' if found.normal else ''}"
    return HypothesisTest(
        name=f"{request.name} by {column}",
        value=None,
        low=None,
        high=None,
        p=found.p,
        p_adjusted=found.p,
        n=int(inside.sum()),
        clusters=clusters,
        method=f"omnibus permutation {how}, {drawn}",
    )
