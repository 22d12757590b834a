"""A leaderboard as LaTeX tables."""

from __future__ import annotations

from harness.escaping import latex
from harness.ranking.records import BoardTable, BoardValue, Leaderboard
from harness.reporters import leaderboard_cells as cells

_MISSING = "--"


def leaderboard_latex(board: Leaderboard) -> str:
    r"""A `table` environment for each of what can be ranked together: a row a model, value and ranks of each column.

    The best value of a column is bold where no other model can have its rank. Needs the package booktabs. Every text is
    escaped; letters that are not Latin need LuaLaTeX or XeLaTeX with a font that has them.
    """
    lines = [
        r"% Needs \usepackage{booktabs}; a wide table fits with \usepackage{graphicx} in \resizebox{\linewidth}{!}{...}."
    ]
    for table in board.tables:
        lines += _table(table)
    lines += [f"% {latex(note)}" for note in board.notes]
    return "\n".join(lines) + "\n"


def _table(table: BoardTable) -> list[str]:
    marks, headings = cells.marks_of(table), cells.headings(table)
    spans = [rf"\multicolumn{{2}}{{c}}{{{latex(h.task)}}}" for h in headings]
    below = [rf"\multicolumn{{2}}{{c}}{{{latex(', '.join(h.details))}}}" for h in headings]
    rules = " ".join(rf"\cmidrule(lr){{{2 * k + 2}-{2 * k + 3}}}" for k in range(len(headings)))
    lines = [
        r"\begin{table}",
        r"  \centering",
        rf"  \caption{{{_caption(table)}}}",
        rf"  \begin{{tabular}}{{l{'lr' * len(headings)}}}",
        r"    \toprule",
        f"    & {' & '.join(spans)} \\\\",
        f"    & {' & '.join(below)} \\\\",
        f"    {rules}",
        f"    Model & {' & '.join(f'Value & {latex(h.ranks.capitalize())}' for h in headings)} \\\\",
        r"    \midrule",
    ]
    for row in table.rows:
        found = [latex(row.label)]
        for column, value in zip(table.columns, row.values, strict=True):
            letters = marks.of(value)
            found += [
                _value(value, column.ranked),
                rf"\textsuperscript{{{letters}}}" if letters else _rank(value),
            ]
        lines.append(f"    {' & '.join(found)} \\\\")
    return [*lines, r"    \bottomrule", r"  \end{tabular}", r"\end{table}"]


def _caption(table: BoardTable) -> str:
    about = cells.title(table)
    parts = [
        f"Leaderboard: {about}.",
        "Values with 95% intervals; ranks that Holm-corrected tests of all pairs leave open.",
    ]
    marks = [f"({letter}) Not ranked: {mark}." for mark, letter in cells.marks_of(table).letters.items()]
    return latex(" ".join([*parts, *marks, *(f"{note}." for note in table.notes)]))


def _value(value: BoardValue | None, ranked: int) -> str:
    if value is None or value.value is None:
        return _MISSING
    # Hyphens are minus signs in math only, and math has its own bold.
    text = f"{value.value:.3f}"
    if value.low is not None and value.high is not None:
        text += rf"\ [{value.low:.3f},\ {value.high:.3f}]"
    alone = ranked > 1 and value.best == value.worst == 1
    return rf"\textbf{{\boldmath${text}$}}" if alone else f"${text}$"


def _rank(value: BoardValue | None) -> str:
    return latex(cells.rank(value)).replace("\N{EN DASH}", "--") or _MISSING
