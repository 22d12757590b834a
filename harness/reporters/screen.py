"""The first screen of a run: the verdict, the ladder, notes that matter, what was used, and where everything lies."""

from __future__ import annotations

from collections.abc import Iterator

from rich.text import Text

from harness.escaping import plain
from harness.reporters import formatting
from harness.reporters.columns import ELLIPSIS, cut, fold
from harness.reporters.footer import Folder, footer, unanswered
from harness.reporters.headline import asked, headline
from harness.reporters.ladder import rungs
from harness.reporters.ladder_text import ladder_lines
from harness.reporters.notes import notes
from harness.results import Results

MOST_LINES = 42
"""Lines of a screen, of which a shell's prompt and a blank line take some."""
LONGEST_NOTE = 3
"""Lines of a note."""
_FEWEST = 6
"""Lines that notes get, however long the ladder is."""


def first_screen(
    results: Results, width: int, folder: Folder | None = None, *, full: bool = False
) -> list[Text]:
    """The lines of the first screen; with `full`, the details are below it. Every text is shown literally."""
    more = "below" if full else "with --full"
    found = rungs(results)
    head = list(headline(results, found, width, folder))
    foot = list(footer(results, width, folder, full=full))
    room = MOST_LINES - len(head) - len(foot)
    lines = None if full else room - _FEWEST
    shown = list(ladder_lines(results, found, width, lines, more=more, without=unanswered(folder)))
    return [*head, *shown, *_notes(results, width, room - len(shown), more), *foot]


def _notes(results: Results, width: int, room: int, where: str) -> Iterator[Text]:
    """The notes that matter, and how many others there are, in `room` lines."""
    found, others = notes(results)
    texts = [*_findings(results), *(note.shown(results) for note in found)]
    blocks = [_brief(plain(text), width - 6) for text in texts]
    shown: list[list[str]] = []
    for block in blocks:
        # A blank line above, and one below that says how many more there are.
        if sum(map(len, shown)) + len(block) + 2 > room:
            break
        shown.append(block)
    more = others + len(texts) - len(shown)
    if shown or more:
        yield Text()
    for block in shown:
        for k, line in enumerate(block):
            yield Text.assemble(("note: " if not k else "      ", "yellow"), line)
    if more:
        yield Text(
            f"{more} {'more ' if shown else ''}{'note' if more == 1 else 'notes'} {where}", style="dim"
        )


def _brief(text: str, width: int) -> list[str]:
    """The lines of a note. A long one ends after one of its clauses, so that no command or figure is cut."""
    clauses = text.split("; ")
    for count in range(len(clauses), 0, -1):
        end = f" {ELLIPSIS}" if count < len(clauses) else ""
        lines = fold("; ".join(clauses[:count]) + end, width)
        if len(lines) <= LONGEST_NOTE:
            return lines
    return cut(text, width, LONGEST_NOTE)


def _findings(results: Results) -> Iterator[str]:
    """What else a reader should see at once: what people reach, and why replies could not be read."""
    for task in results.tasks:
        ceiling = task.people.ceiling if task.people else None
        if ceiling is not None and ceiling.value is not None and ceiling.judge is not None:
            yield (
                f"{task.task}: one person reaches {ceiling.metric} {formatting.number(ceiling.value)} against the others, "
                f"the judge {formatting.number(ceiling.judge.value)} against the same people"
            )
    reasons: dict[str, int] = {}
    for task in asked(results.tasks):
        for reason, count in task.unparsed_reasons.items():
            reasons[reason] = reasons.get(reason, 0) + count
    if reasons:
        most = sorted(reasons.items(), key=lambda item: -item[1])
        shown = "; ".join(f"{count:,} {reason}" for reason, count in most[:3])
        yield f"unparsed: {shown}" + (f"; {len(most) - 3} more reasons" if len(most) > 3 else "")
