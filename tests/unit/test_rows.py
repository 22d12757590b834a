"""Rows provide what metrics use: probabilities, positions of options, attributes, extra, and matching replies."""

from __future__ import annotations

from array import array

import numpy as np
import pytest

from harness.scoring.rows import Rows
from harness.scoring.stored import StoredSample
from harness.tasks.answers import ParsedReply
from harness.tasks.spec import Answer

OPTIONS = ("sad", "angry", "worry")
ANSWER = Answer.model_validate({"kind": "choice", "options": OPTIONS, "truth": {"field": "emotion"}})
PAIR = Answer.model_validate({"kind": "pair", "options": ("first", "second")})


def sample(number: int, shown: tuple[str, ...] = OPTIONS, **attributes: str) -> StoredSample:
    return StoredSample(number, f"s{number}", 0, "sad", None, None, attributes, {"q": shown}, ())


def rows(answer: Answer = ANSWER, *, probabilities: bool = True) -> Rows:
    return Rows(answer, question="q", probabilities=array("d") if probabilities else None)


def test_probabilities_are_sorted_with_their_rows() -> None:
    found = rows()
    found.add(sample(2), "sad", ParsedReply("sad", "", [0.5, 0.25, 0.25]))
    found.add(sample(1), "sad", ParsedReply(None, "refused"))
    found.add(sample(0), "sad", ParsedReply("worry", "", [0.25, 0.0, 0.75]))
    table = found.sorted().scores("").probabilities
    assert table is not None
    assert table.dtype == np.float64
    np.testing.assert_array_equal(table, [[0.25, 0, 0.75], [np.nan] * 3, [0.5, 0.25, 0.25]])
    chosen = found.select([0]).scores("").probabilities
    assert chosen is not None
    assert chosen.tolist() == [[0.5, 0.25, 0.25]]


def test_pictures_that_were_not_delivered_have_no_probabilities() -> None:
    found = rows()
    found.add(sample(0), "sad", ParsedReply("sad", "", [1 / 3] * 3))
    found.add_missed(sample(1), "sad")
    table = found.scores("").probabilities
    assert table is not None
    assert np.isnan(table[1]).all()
    assert found.answered == 1


@pytest.mark.parametrize("probabilities", [True, False])
def test_without_any_probability_there_is_no_table(probabilities: bool) -> None:
    found = rows(probabilities=probabilities)
    found.add(sample(0), "sad", ParsedReply("sad"))
    assert found.scores("").probabilities is None
    assert rows(probabilities=probabilities).scores("").probabilities is None


def test_positions_of_options() -> None:
    found = rows()
    for number, shown in enumerate([("worry", "sad"), ("sad", "angry", "worry"), ("angry", "worry", "sad")]):
        found.add(sample(number, shown), "sad", ParsedReply("sad"))
    assert found.scores("").positions is None
    positions = found.scores("", frozenset({"positions"})).positions
    assert positions is not None
    assert positions.tolist() == [[1, -1, 0], [0, 1, 2], [2, 0, 1]]
    assert rows().positions().shape == (0, 3)


def test_both_orders_of_a_pair_are_one_cluster() -> None:
    found = rows(PAIR)
    for number, pair in enumerate(["a+b", "c+d", "a+b", "c+d"]):
        found.add(sample(number, pair=pair), "first", ParsedReply("second"), repeat=0)
    found.add(sample(0, pair="a+b"), "first", ParsedReply("first"), repeat=1)
    assert found.scores("").cluster.tolist() == [0, 1, 0, 1, 0]
    assert found.pairs().tolist() == [0, 1, 0, 1, 2], "each repeat is compared with itself"
    people = rows(PAIR)
    for number, subject in enumerate(["x", "y", "x"]):
        people.add(sample(number, pair=str(number), subject=subject), "first", ParsedReply("first"))
    assert people.scores("").cluster.tolist() == [0, 1, 0]


def test_a_column_of_many_numbers_is_shown_in_ranges() -> None:
    found = rows(probabilities=False)
    for number in range(21):
        found.add(
            sample(number, score=str(number * 5), few=str(number % 3), word=f"w{number}"),
            "sad",
            ParsedReply("sad"),
        )
    found.add(sample(21), "sad", ParsedReply("sad"))
    column = found.column("score")
    assert list(column.labels) == [
        "0 to 20",
        "20 to 40",
        "40 to 60",
        "60 to 80",
        "80 to 100",
    ]
    assert np.bincount(column.codes[column.codes >= 0]).tolist() == [4, 4, 4, 4, 5]
    assert found.column("few").labels == ("0", "1", "2")
    assert len(found.column("word").labels) == 21


def noted(*notes: dict[str, object]) -> Rows:
    """One row for each mapping that the judge put into `extra`, in reverse order of the sample ids."""
    found = Rows(ANSWER, question="q", extra=[])
    for number, extra in enumerate(notes):
        row = sample(len(notes) - number, sex="fm"[number % 2], **({"age": "old"} if number else {}))
        found.add(row, "sad", ParsedReply("sad"), extra=extra)
    return found


def test_attributes_and_extra_are_columns_of_objects() -> None:
    found = noted({"seconds": 1.5}, {"seconds": 2, "words": ["a", "b"]}, {}).sorted()
    scores = found.scores("", frozenset({"attributes", "extra"}))
    assert {name: column.tolist() for name, column in scores.attributes.items()} == {
        "sex": ["f", "m", "f"],
        "age": ["old", "old", None],
    }
    assert {name: column.tolist() for name, column in scores.extra.items()} == {
        "seconds": [None, 2, 1.5],
        "words": [None, ["a", "b"], None],
    }
    for column in (*scores.attributes.values(), *scores.extra.values()):
        assert (column.dtype, column.shape) == (np.dtype(object), (3,))
    chosen = scores.where(np.array([False, True, True]))
    assert chosen.extra["seconds"].tolist() == [2, 1.5]
    assert chosen.attributes["age"].tolist() == ["old", None]


def test_columns_are_filled_only_where_a_metric_uses_them() -> None:
    found = noted({"seconds": 1.5})
    assert (found.scores("").attributes, found.scores("").extra) == ({}, {})
    assert found.scores("", frozenset({"attributes"})).extra == {}
    assert list(found.scores("", frozenset({"extra"})).extra) == ["seconds"]


def test_pictures_that_were_not_delivered_have_no_extra() -> None:
    found = noted({"seconds": 1.5})
    found.add_missed(sample(9), "sad")
    assert found.scores("", frozenset({"extra"})).extra["seconds"].tolist() == [1.5, None]
    assert found.select([1]).scores("", frozenset({"extra"})).extra == {}


def test_the_resampling_column_is_named() -> None:
    people = rows(probabilities=False)
    for number in range(4):
        people.add(sample(number, subject=f"p{number % 2}"), "sad", ParsedReply("sad"))
    assert people.scores("").cluster_column == "subject"
    assert rows().scores("").cluster_column == ""


def test_read_is_the_earlier_name_of_predicted() -> None:
    found = rows(probabilities=False)
    found.add(sample(0), "sad", ParsedReply("worry"))
    scores = found.scores("")
    assert scores.read is scores.predicted
    assert scores.read.tolist() == [2.0]
