import numpy as np

from harness.metrics.groups import MOST_NAMED, intersections

SEX = ["f"] * 5 + ["m"] * 4 + [None]
AGE = ["old", "young", "young", "young", "young", "old", "old", "young", "old", "old"]


def test_cells_are_the_rows_that_share_both_values():
    found = intersections({"sex": SEX, "age": AGE}, smallest=3)
    assert [group for group, _ in found.groups] == [{"sex": "f", "age": "young"}, {"sex": "m", "age": "old"}]
    assert [np.flatnonzero(mask).tolist() for _, mask in found.groups] == [[1, 2, 3, 4], [5, 6, 8]]
    assert found.warnings == ["not shown, with fewer than 3 rows: sex=f, age=old (1); sex=m, age=young (1)"]


def test_all_cells_that_occur_are_shown_where_any_size_will_do():
    found = intersections({"sex": SEX, "age": AGE}, smallest=0, order=lambda value: -len(value))
    assert [tuple(group.values()) for group, _ in found.groups] == [
        ("f", "young"), ("f", "old"), ("m", "young"), ("m", "old"),
    ]  # fmt: skip
    assert found.warnings == []
    assert intersections({"sex": [], "age": []}).groups == []


def test_very_many_small_cells_are_counted():
    names = [str(number) for number in range(MOST_NAMED + 3)]
    assert intersections({"a": names, "b": names}, 2).warnings[0].endswith("; and 3 more")


def test_three_columns():
    found = intersections({"sex": SEX, "age": AGE, "third": ["x"] * 10}, smallest=4)
    assert [group for group, _ in found.groups] == [{"sex": "f", "age": "young", "third": "x"}]
