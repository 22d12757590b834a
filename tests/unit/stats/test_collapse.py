import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.stats.collapse import collapse

rows = st.lists(
    st.tuples(st.integers(0, 5), st.sampled_from([0.0, 1.0, float("nan")]), st.integers(0, 1)),
    min_size=1,
    max_size=30,
)


def unpack(found):
    table = np.array(found, float)
    return table[:, 0].astype(np.int64), [table[:, 1], table[:, 2]]


def contents(cluster, columns):
    """The rows of each cluster as a sorted tuple of strings, so that NaN equals NaN."""
    found = {}
    for number, *row in zip(cluster, *columns, strict=True):
        found.setdefault(int(number), []).append(tuple(str(value) for value in row))
    return sorted(tuple(sorted(lines)) for lines in found.values())


@settings(max_examples=80, deadline=None)
@given(rows)
def test_kept_clusters_repeated_by_counts_equal_the_input(found):
    cluster, columns = unpack(found)
    collapsed = collapse(columns, cluster)
    kept = [column[collapsed.rows] for column in columns]
    repeated = contents(collapsed.cluster, kept)
    parts = {
        n: contents(collapsed.cluster[collapsed.cluster == n], [c[collapsed.cluster == n] for c in kept])[0]
        for n in range(len(collapsed.counts))
    }
    assert len(set(repeated)) == len(collapsed.counts)
    assert sorted(part for n, part in parts.items() for _ in range(collapsed.counts[n])) == contents(
        cluster, columns
    )
    assert collapsed.clusters == len(np.unique(cluster))


@settings(max_examples=80, deadline=None)
@given(rows, st.randoms(use_true_random=False))
def test_row_order_and_cluster_codes_do_not_matter(found, random):
    cluster, columns = unpack(found)
    order = list(range(len(found)))
    random.shuffle(order)
    renamed = np.array(random.sample(range(100), 6))[cluster]
    one, two = collapse(columns, cluster), collapse([c[order] for c in columns], renamed[order])
    for column in columns:
        np.testing.assert_array_equal(column[one.rows], column[order][two.rows])
    np.testing.assert_array_equal(one.cluster, two.cluster)
    np.testing.assert_array_equal(one.counts, two.counts)


def test_empty_input():
    collapsed = collapse([np.zeros(0)], np.zeros(0, np.int64))
    assert collapsed.clusters == 0
    assert len(collapsed.rows) == 0
