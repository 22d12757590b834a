import numpy as np

from harness.metrics.groups import MOST_NAMED, column_of, column_of_numbers, intersections, small_cells

SEX = ["f"] * 5 + ["m"] * 4 + [None]
AGE = ["old", "young", "young", "young", "young", "old", "old", "young", "old", "old"]


def crossed(smallest: int, **columns: list[str | None]):
    return intersections({name: column_of(values) for name, values in columns.items()}, smallest)


def test_cells_are_the_rows_that_share_both_values():
    found = crossed(3, sex=SEX, age=AGE)
    assert [group for group, _ in found.groups] == [{"sex": "f", "age": "young"}, {"sex": "m", "age": "old"}]
    assert [np.flatnonzero(mask).tolist() for _, mask in found.groups] == [[1, 2, 3, 4], [5, 6, 8]]
    assert found.small == ["sex=f, age=old (1)", "sex=m, age=young (1)"]
    assert small_cells([found], 3) == [
        "not shown, with fewer than 3 rows: sex=f, age=old (1); sex=m, age=young (1)"
    ]


def test_all_cells_that_occur_are_shown_without_a_minimum():
    found = crossed(0, sex=SEX, age=AGE)
    assert [tuple(group.values()) for group, _ in found.groups] == [
        ("f", "old"),
        ("f", "young"),
        ("m", "old"),
        ("m", "young"),
    ]
    assert small_cells([found], 0) == []
    assert crossed(0, sex=[], age=[]).groups == []


def test_a_column_with_too_many_values_is_in_no_cell():
    words = [f"w{number}" for number in range(60)]
    assert column_of(words).many
    assert crossed(1, word=words, sex=["f"] * 60).groups == []


def test_many_numbers_are_crossed_by_their_ranges():
    numbers = np.r_[np.linspace(1, 5, 99), np.nan]
    found = intersections({"quality": column_of_numbers(numbers), "sex": column_of(["f", "m"] * 50)}, 1)
    assert [group["quality"] for group, _ in found.groups[:4]] == ["1 to 1.8"] * 2 + ["1.8 to 2.6"] * 2
    assert sum(mask.sum() for _, mask in found.groups) == 99


def test_values_are_sorted_by_their_type():
    assert column_of(["10", "9", None, "", "9"]).labels == ("9", "10")
    assert column_of(["10", "9", None, "", "9"]).codes.tolist() == [1, 0, -1, -1, 0]
    assert column_of(["sad", "happy", "a"]).labels == ("happy", "sad", "a")
    assert column_of_numbers(np.array([3.0, 1.5, np.nan])).labels == ("1.5", "3")
    assert column_of([None, ""]).labels == ()
    few = column_of([str(number) for number in [*range(20)] * 2])
    assert (len(few.labels), few.many) == (5, False)
    assert column_of([*map(str, range(20)), "inf"]).labels[-1] == "inf"


def test_very_many_small_cells_are_counted():
    names = [f"w{number}" for number in range(MOST_NAMED + 3)]
    [note] = small_cells([crossed(2, a=names, b=names)], 2)
    assert note.endswith("; and 3 more")


def test_three_columns():
    found = crossed(4, sex=SEX, age=AGE, third=["x"] * 10)
    assert [group for group, _ in found.groups] == [{"sex": "f", "age": "young", "third": "x"}]


def test_the_text_nan_among_numbers_is_missing():
    found = column_of([*map(str, range(60)), "nan"] * 2)
    assert (len(found.labels), found.many) == (5, False)
    assert found.codes[60] == -1


def test_numbers_with_the_same_label_are_one_group():
    assert column_of_numbers(1 + np.arange(20) * 1e-9).labels == ("1",)
    close = column_of_numbers(1000 + np.arange(20) * 0.01).labels
    assert len({*close}) == 5
    assert "inf" in column_of_numbers(np.r_[np.arange(20.0), np.inf]).labels


def test_no_columns_give_no_cells_and_many_columns_work():
    assert intersections({}).groups == []
    many = {str(number): column_of([f"w{n % 50}" for n in range(200)]) for number in range(13)}
    assert len(intersections(many, 4).groups) == 50
