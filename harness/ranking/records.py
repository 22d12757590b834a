"""Typed records of a leaderboard, schema 1: what `harness leaderboard --format json` prints, and reporters and charts read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from pydantic import Field

from harness.records import Direction, Interval, Record
from harness.types import Domain

Evidence = Literal["paired", "intervals"]


class BoardColumn(Record):
    """What the values of one column are: the primary metric of a task, asked in one way of one set of data."""

    task: str
    version: str
    stage: str
    role: Literal["judge", "generator"]
    domain: Domain = Field(
        default="shown", description="Whether the task asks which emotion is shown, or evoked."
    )
    data_domain: Domain = Field(
        default="shown", description="Whether the labels of the data are about the emotion shown, or evoked."
    )
    data: str = Field(description="The data set, or the prompts that portraits were generated from.")
    digest: str = Field(description="Of the data set, or of the prompts.")
    judge: str | None = Field(default=None, description="Generator tasks: the judge, or the panel of judges.")
    prompt_variant: str | None = None
    answer_mode: str
    seed: int
    asked: str = Field(
        description="Digest of what was asked: columns that differ in it are never ranked together."
    )
    metric: str
    direction: Direction
    ranked: int = Field(default=0, description="Models that are ranked.")
    pairs: int = Field(
        default=0, description="Pairs of models that were tested; Holm's correction is over these."
    )
    paired: int = Field(default=0, description="Pairs that were tested on the samples that both answered.")


class BoardValue(Interval):
    """The value of a model in a column, as it stands in the run's results, and the ranks that it may have."""

    run: str
    path: str
    created: str
    n: int
    clusters: int | None = None
    method: str | None = None
    unparsed: int = 0
    failed: int = 0
    best: int | None = Field(
        default=None, description="The best rank that the tests leave open; None where it is not ranked."
    )
    worst: int | None = Field(default=None, description="The worst rank that the tests leave open.")
    marks: list[str] = Field(default=[], description="Why it is not ranked; empty where it is.")


class BoardRow(Record):
    """A model under test."""

    model: str
    release: str | None = None
    label: str = Field(description="The model, with what tells it from others of this name.")
    values: list[BoardValue | None] = Field(description="One for each column; None where no run has it.")

    @property
    def ranked(self) -> bool:
        """Whether a value of it has a rank."""
        return any(value is not None and value.best is not None for value in self.values)


class BoardPair(Interval):
    """The difference of two models in a column, the second minus the first, with its test."""

    first: str = Field(description="Path of the run.")
    second: str
    p: float | None
    p_adjusted: float | None = Field(description="Holm's correction over all pairs of the column.")
    n: int = Field(description="Samples that both answered; 0 where the intervals were compared.")
    clusters: int
    evidence: Evidence
    method: str


class BoardTable(Record):
    """Models that were asked the same of the same data, and by the same judge: role, data, judge and domain are one throughout."""

    columns: list[BoardColumn]
    rows: list[BoardRow]
    pairs: list[list[BoardPair]] = Field(description="For each column, the pairs that were tested.")
    notes: list[str] = Field(default=[], description="What a reader of the table should know.")


class Leaderboard(Record):
    """The whole document."""

    schema_: Literal[1] = Field(default=1, alias="schema")
    tables: list[BoardTable]
    notes: list[str] = Field(default=[], description="Which runs were left out, and why.")

    def document(self) -> dict[str, Any]:
        """The document as JSON values."""
        return self.model_dump(mode="json", by_alias=True)

    def records(self) -> list[dict[str, Any]]:
        """A flat record for each value: table, model, column, value with interval and ranks."""
        return list(self._records())

    def to_frame(self) -> Any:
        """`records` as a pandas data frame; the records themselves where pandas is not installed."""
        try:
            import pandas  # type: ignore[import-untyped, unused-ignore]
        except ImportError:
            return self.records()
        return pandas.DataFrame(self.records())

    def _records(self) -> Iterator[dict[str, Any]]:
        for number, table in enumerate(self.tables, 1):
            for row in table.rows:
                for column, value in zip(table.columns, row.values, strict=True):
                    if value is None:
                        continue
                    head = row.model_dump(exclude={"values"})
                    what = column.model_dump(exclude={"ranked", "pairs", "paired"})
                    found = value.model_dump(exclude={"marks"})
                    yield {"table": number, **head, **what, **found, "marks": "; ".join(value.marks)}
