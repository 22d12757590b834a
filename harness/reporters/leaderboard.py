"""A leaderboard, for people and machines."""

from __future__ import annotations

from harness.errors import BadOption
from harness.ranking.records import Leaderboard
from harness.reporters.leaderboard_latex import leaderboard_latex
from harness.reporters.leaderboard_text import leaderboard_csv, leaderboard_json, leaderboard_markdown

FORMS = ("table", "markdown", "csv", "latex", "json")


def render_leaderboard(board: Leaderboard, form: str, *, width: int = 100, color: bool = False) -> str:
    """The leaderboard in a form of `FORMS`; `width` and `color` matter for tables only. Raises `BadOption` for another form."""
    if form == "table":
        # Imported late: only tables need rich.
        from harness.reporters.leaderboard_table import leaderboard_table

        return leaderboard_table(board, width=width, color=color)
    writers = {
        "json": leaderboard_json,
        "markdown": leaderboard_markdown,
        "csv": leaderboard_csv,
        "latex": leaderboard_latex,
    }
    if form not in writers:
        raise BadOption(f"There is no form {form!r}.", f"Forms: {', '.join(FORMS)}.")
    return writers[form](board)
