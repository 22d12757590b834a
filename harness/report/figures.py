"""The charts of the page. Each stands beside a table with the same numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from harness.charts.theme import as_spec, config
from harness.errors import HarnessError
from harness.report.answers import Answers
from harness.report.blocks import Chart, Details, Section, Table, columns, value_cell, words
from harness.report.entries import Entry
from harness.report.measures import named
from harness.report.stored import StoredReport
from harness.results import TaskResult

_PANELS = 720
"""Pixels of a chart of several panels; narrower screens shrink it."""


class Figures:
    """Makes charts and numbers them. A chart that cannot be drawn of these runs is left out."""

    def __init__(self, runs: Sequence[StoredReport]) -> None:
        self.runs = runs
        self.made: list[Chart] = []

    def ladder(self) -> Chart | None:
        """The primary metric of each task."""
        from harness.charts.ladder import ladder

        return self._made("ladder", lambda: ladder(self._results()))

    def valence(self) -> Chart | None:
        """Positive minus negative emotions."""
        from harness.charts.groups import valence_gap

        return self._made("valence-gap", lambda: valence_gap(self._results()))

    def groups(self, name: str, task: TaskResult) -> Chart | None:
        """The primary metric in each group; `name` says of what."""
        from harness.charts.groups import groups

        return self._made("groups", lambda: groups(task), name)

    def intensity(self, entries: Sequence[Entry], answers: Answers) -> Section:
        """Strength read against true strength, with the counts as a table."""
        section = Section(
            "intensity",
            "Strength",
            "Ratings against the true strength, or the one asked for, a panel for each emotion.",
        )
        for entry in entries:
            for k, task in entry.held():
                found: Any = answers.ratings.get((k, entry.key), [])
                if found:
                    section.blocks += self._panels(named(entry.name, self.runs[k], self.runs), task, found)
        return section

    def _panels(self, name: str, task: TaskResult, found: Any) -> list[Any]:
        from harness.charts.intensity import intensity, intensity_rows

        chart = self._made("intensity", lambda: intensity(found, task=task, width=_PANELS), name)
        rows = [
            [
                words(mark["emotion"]),
                *(value_cell(mark[key]) for key in ("truth", "read", "quarter", "upper")),
                value_cell(mark["count"], count=True),
            ]
            for mark in intensity_rows(found, task)
            if mark["kind"] == "median"
        ]
        heads = columns("Emotion", "True", "Median read", "A quarter is below", "A quarter is above", "n")
        table = Table(f"{name}: strength read, by true strength", heads, rows)
        return [chart, Details(f"{name} as a table", [table])] if chart else [table]

    def leaderboard(self, board: Any) -> Chart | None:
        """A point with its interval for each model."""
        from harness.charts.board import leaderboard

        return self._made("leaderboard", lambda: leaderboard(board))

    def specs(self) -> dict[str, Any]:
        """Chart -> its Vega-Lite specification, and the configurations of both themes."""
        charts = {chart.id: chart.spec for chart in self.made}
        return {
            "charts": charts,
            "themes": {theme: config(theme, font_size=12) for theme in ("light", "dark")},
        }

    def _results(self) -> list[Any]:
        return [run.results for run in self.runs]

    def _made(self, name: str, draw: Callable[[], Any], of: str = "") -> Chart | None:
        """Draw a chart; `of` is what it stands for, shown where the page has several runs."""
        try:
            chart = draw()
        except HarnessError:
            return None
        spec = as_spec(chart)
        found = Chart(
            f"{name}-{len(self.made) + 1}",
            spec,
            str(spec.get("description", name)),
            of if len(self.runs) > 1 else "",
        )
        self.made.append(found)
        return found
