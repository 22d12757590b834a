"""The confusion matrix of a task: counts, coloured by their share of the true option's row."""

from __future__ import annotations

import altair as alt

from harness.charts.names import label
from harness.charts.parts import Rows, finished, row_axis, row_id, titled, tooltips
from harness.charts.theme import Width
from harness.errors import RequestError
from harness.results import TaskResult

UNPARSED = "unparsed"
STRONG = 0.6
"""Shares above this have a strong colour, on which text is in the other one: both have a contrast of 4.5 or nearly so."""
_PAGE, _TRUTHS, _CHARACTER = 320, 60, 5.2
"""Pixels of the matrix on a narrow page, of the labels beside it, and of a character."""
_NUMBERED_CELLS = 12
"""With more options than this, cells are too small for shares below their counts."""


def confusion(task: TaskResult, *, width: Width = "container") -> alt.LayerChart:
    """A row for each true option, a column for each answer. Raises `RequestError` where the task has no such matrix."""
    found = task.confusion
    if found is None:
        raise RequestError(
            f"{task.task} has no confusion matrix.", "Tasks that choose between options have one."
        )
    rows = confusion_rows(task)
    order, columns = (list(dict.fromkeys(row[name] for row in rows)) for name in ("row", "column"))
    numbered = len(columns) <= _NUMBERED_CELLS
    cells = alt.Scale(paddingInner=0.03, paddingOuter=0)
    base = alt.Chart(alt.InlineData(values=rows)).encode(
        x=alt.X("column:N", sort=columns, title="answer", scale=cells, axis=_answers(columns, width)),
        y=row_axis(order).title("truth").scale(cells),
    )
    tips = tooltips({"truth": "truth", "answer": "answer", "count": "count", "share": "share of the row"})
    shade = alt.Color("share:Q", scale=alt.Scale(domain=[0, 1], range="heatmap"), legend=None)
    layers: list[alt.Chart] = [base.mark_rect().encode(color=shade, tooltip=tips)]
    for style, test in (
        ("strong-cell", f"datum.share > {STRONG}"),
        ("weak-cell", f"!(datum.share > {STRONG})"),
    ):
        cell = base.transform_filter(f"datum.count > 0 && ({test})")
        layers.append(cell.mark_text(style=style, dy=-6 if numbered else 0).encode(text="count:Q"))
        if numbered:
            layers.append(cell.mark_text(style=style, dy=7).encode(text=alt.Text("share:Q", format=".0%")))
    step = alt.Step(34 if numbered else 22)
    who = f", judge {task.judge}" if task.judge else ""
    title = titled(
        f"Answers of {task.task}",
        f"Counts and their share of the row; {task.data.name}{who}, n {sum(row['count'] for row in rows)}",
        width=width,
    )
    return finished(
        layers, step, width, title, f"Confusion matrix of {task.task}: truth by answer, in counts."
    )


def _answers(columns: list[str], width: Width) -> alt.Axis:
    """Names of answers above the matrix, upright where they would touch."""
    room = (_PAGE if width == "container" else width - _TRUTHS) / max(1, len(columns))
    upright = max(map(len, columns), default=0) * _CHARACTER > room
    return alt.Axis(
        orient="top", labelAngle=-90 if upright else 0, labelOverlap=False, domain=False, ticks=False
    )


def confusion_rows(task: TaskResult) -> Rows:
    """The cells: truth, answer, count, and its share of the row; a share of an empty row is null."""
    assert task.confusion is not None, "asked for tasks that have one"
    labels = task.confusion.labels
    answers = [*labels, UNPARSED]
    last = any(row[-1] for row in task.confusion.matrix)
    rows: Rows = []
    for number, (truth, counts) in enumerate(zip(labels, task.confusion.matrix, strict=True)):
        total = sum(counts)
        shown = zip(answers, counts, strict=True) if last else zip(labels, counts[: len(labels)], strict=True)
        rows += [
            {"row": row_id(number, label(f"{truth}", f"n\N{NO-BREAK SPACE}{total}")), "column": answer, "truth": truth, "answer": answer,
             "count": count, "share": count / total if total else None}
            for answer, count in shown
        ]  # fmt: skip
    return rows
