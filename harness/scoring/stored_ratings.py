"""What individual people said of a judge run's data sets, kept in the run folder: scoring reads that alone."""

from __future__ import annotations

import json
from array import array
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from harness.datasets.ratings import RaterAnswers
from harness.store.files import read_lines, write_atomically

FILE = "ratings.jsonl"

Ratings = Mapping[str, Mapping[str, RaterAnswers]]
"""Data set -> question -> answers."""


def store_ratings(folder: Path, ratings: Ratings) -> None:
    """Write the answers, one line for each data set and question; no file where there are none."""
    lines = [
        json.dumps(
            {
                "id": f"{question}@{data}",
                "data": data,
                "question": question,
                "samples": list(given.samples),
                "raters": list(given.raters),
                "sample": list(given.sample),
                "rater": list(given.rater),
                "value": list(given.value),
                "skipped": dict(given.skipped),
            }
        )
        for data, questions in ratings.items()
        for question, given in questions.items()
        if len(given)
    ]
    if lines or (folder / FILE).exists():
        write_atomically(folder / FILE, "".join(f"{line}\n" for line in lines).encode())


def stored_ratings(folder: Path) -> dict[str, dict[str, RaterAnswers]]:
    """The answers that `store_ratings` wrote; empty without the file, as in folders of earlier versions."""
    found: dict[str, dict[str, RaterAnswers]] = {}
    for line in read_lines(folder / FILE):
        found.setdefault(line["data"], {})[line["question"]] = RaterAnswers(
            line["question"],
            {name: code for code, name in enumerate(line["samples"])},
            {name: code for code, name in enumerate(line["raters"])},
            array("q", line["sample"]),
            array("q", line["rater"]),
            array("d", line["value"]),
            skipped=Counter(line["skipped"]),
        )
    return found
