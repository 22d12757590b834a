"""A comparison of runs as a LaTeX table."""

from __future__ import annotations

from harness.comparing.records import ComparedValue, Comparison, RunDifference
from harness.escaping import latex
from harness.reporters import compared

_MISSING = "--"


def comparison_latex(comparison: Comparison) -> str:
    r"""A `table` environment: a row for each metric, the value of each run, and the differences from the first run.

    Significant differences are bold. Needs the package booktabs. Every text is escaped; letters that are not Latin
    need LuaLaTeX or XeLaTeX with a font that has them.
    """
    rows = compared.visible(comparison)
    heads = compared.labels(comparison.runs)
    found = compared.names(rows)
    others = range(1, len(comparison.runs))
    columns = ["Task", "Metric", r"$n$", latex(heads[0])]
    for run in others:
        columns += [latex(heads[run]), "Difference", "$p$"]
    lines = [
        r"% Needs \usepackage{booktabs}; a wide table fits with \usepackage{graphicx} in \resizebox{\linewidth}{!}{...}.",
        r"\begin{table}",
        r"  \centering",
        rf"  \caption{{{_caption(comparison, rows, heads, found.shared)}}}",
        rf"  \begin{{tabular}}{{ll{'r' * (len(columns) - 2)}}}",
        r"    \toprule",
        f"    {' & '.join(columns)} \\\\",
        r"    \midrule",
    ]
    for row in rows:
        cells = [
            latex(compared.place(row, found.shown)),
            latex(compared.measure(row)),
            latex(compared.rows_in(row)),
            _number(row.values[0]),
        ]
        for run in others:
            difference = row.differences[run - 1]
            cells += [_number(row.values[run]), _change(difference), _p(difference)]
        lines.append(f"    {' & '.join(cells)} \\\\")
    return "\n".join([*lines, r"    \bottomrule", r"  \end{tabular}", r"\end{table}"]) + "\n"


def _caption(
    comparison: Comparison, rows: list[ComparedValue], heads: list[str], shared: dict[str, str]
) -> str:
    models = ", ".join(
        latex(head if run.model in head else f"{head}: {run.model}")
        for head, run in zip(heads, comparison.runs, strict=True)
    )
    where = f" {latex(compared.context(shared, ', '))}" if shared else ""
    n = _range([row.n for row in rows], "samples")
    if any(0 < row.clusters < row.n for row in rows):
        n += " in " + _range([row.clusters for row in rows], "clusters")
    methods = sorted({d.method for row in rows for d in row.differences if d is not None})
    method = f" Method: {latex('; '.join(methods))}." if methods else ""
    tests = " Differences are those from the first run with 95\\% intervals; $p$ is Holm-corrected; bold: $p < 0.05$."
    return f"Comparison of {models}{where}; {n}.{method}{tests}"


def _range(counts: list[int], of: str) -> str:
    low, high = min(counts, default=0), max(counts, default=0)
    return f"{low} {of}" if low == high else f"{low} to {high} {of}"


def _number(value: float | None) -> str:
    return _MISSING if value is None else f"${value:.3f}$" if value < 0 else f"{value:.3f}"


def _change(difference: RunDifference | None) -> str:
    if difference is None or difference.value is None:
        return _MISSING
    # Hyphens are minus signs in math only, and math has its own bold.
    text = compared.signed(difference.value)
    if difference.low is not None and difference.high is not None:
        text += rf"\ [{difference.low:.3f},\ {difference.high:.3f}]"
    return rf"\textbf{{\boldmath${text}$}}" if compared.significant(difference) else f"${text}$"


def _p(difference: RunDifference | None) -> str:
    if difference is None or difference.p_adjusted is None:
        return _MISSING
    return f"${compared.p_value(difference.p_adjusted)}$"
