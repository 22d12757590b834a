"""A comparison of runs, for people and machines."""

from __future__ import annotations

from harness.comparing.records import Comparison
from harness.errors import BadOption
from harness.reporters.comparison_latex import comparison_latex
from harness.reporters.comparison_text import comparison_csv, comparison_json, comparison_markdown

FORMS = ("table", "json", "markdown", "csv", "latex")


def render_comparison(comparison: Comparison, form: str, *, width: int = 100, color: bool = False) -> str:
    """The comparison in a form of `FORMS`; `width` and `color` matter for tables only.

    Raises BadOption for another form.
    """
    if form == "table":
        # Imported late: only tables need rich.
        from harness.reporters.comparison_table import comparison_table

        return comparison_table(comparison, width=width, color=color)
    writers = {
        "json": comparison_json,
        "markdown": comparison_markdown,
        "csv": comparison_csv,
        "latex": comparison_latex,
    }
    if form not in writers:
        raise BadOption(f"There is no form {form!r}.", f"Forms: {', '.join(FORMS)}.")
    return writers[form](comparison)
