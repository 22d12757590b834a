"""A run as a table for notebooks."""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path

from harness.escaping import plain
from harness.results import Results, TaskResult

STAGES = ("coarse", "fine", "nuance")


def as_html(path: Path, results: Results, stopped: str = "") -> str:
    """The ladder: a row for each result, coarse to nuance. Colours are the notebook's own, light or dark."""
    tasks = sorted(results.tasks, key=lambda t: STAGES.index(t.stage) if t.stage in STAGES else len(STAGES))
    optional = {
        "data": [task.data.name for task in tasks],
        "judge": [task.judge or "" for task in tasks],
        "prompt variant": [task.prompt_variant or "" for task in tasks],
    }
    shown = [name for name, values in optional.items() if len(set(values)) > 1]
    head = ["task", *shown, "metric", "value", "95% interval", "best baseline", "n", "unparsed", "failed"]
    rows = [
        [task.task, *(optional[name][number] for name in shown), *_values(task)]
        for number, task in enumerate(tasks)
    ]
    run = results.run
    state = stopped or ("" if run.complete else "incomplete")
    title = f"{_text(run.model)}{f', release {_text(run.release)}' if run.release else ''}"
    caption = f"<b>{title}</b> <code>{_text(path)}</code>" + (f" ({_text(state)})" if state else "")
    first_number = len(shown) + 2
    return (
        f'<table><caption style="text-align:left">{caption}</caption>'
        + f"<thead>{_row(head, 'th', first_number)}</thead>"
        + f"<tbody>{''.join(_row(row, 'td', first_number) for row in rows)}</tbody></table>"
    )


def _values(task: TaskResult) -> list[str]:
    main, best = task.primary, task.best_baseline
    interval = (
        "" if main is None or main.low is None or main.high is None else f"{main.low:.3f} to {main.high:.3f}"
    )
    return [
        main.name if main else "",
        "" if main is None or main.value is None else f"{main.value:.3f}",
        interval,
        "" if best is None or best.value is None else f"{best.value:.3f} ({best.name})",
        str(main.n if main else 0),
        str(task.unparsed),
        str(task.failed),
    ]


def _row(cells: Sequence[str], tag: str, first_number: int) -> str:
    """A table row; cells from `first_number` on are aligned as numbers."""
    aligned = ("left" if number < first_number else "right" for number in range(len(cells)))
    return (
        "<tr>"
        + "".join(
            f'<{tag} style="text-align:{side}">{_text(cell)}</{tag}>'
            for cell, side in zip(cells, aligned, strict=True)
        )
        + "</tr>"
    )


def _text(value: object) -> str:
    return html.escape(plain(value, 200))
