"""The head of the first screen: the verdict, who was asked on what, and what became of the questions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from rich.text import Text

from harness.escaping import plain
from harness.reporters import formatting
from harness.reporters.columns import fold, joined, shortened
from harness.reporters.footer import Folder, unanswered
from harness.reporters.ladder import PANEL, Rung, Standing, but_for, differing, part
from harness.results import Results, TaskResult


def headline(results: Results, found: Sequence[Rung], width: int, folder: Folder | None) -> Iterator[Text]:
    """The lines."""
    run = results.run
    yield Text(shortened(plain(run.name), width), style="bold")
    if not run.complete:
        for line in fold(_incomplete(results, folder), width):
            yield Text(line, style="bold yellow")
    text, style = verdict(found, differing(results))
    yield from (Text(line, style=style) for line in fold(plain(text), width))
    for parts in (_context(results), _totals(results.tasks, unanswered(folder))):
        yield from (Text(line, style="dim") for line in joined(parts, width))


def _incomplete(results: Results, folder: Folder | None) -> str:
    missing = sum(task.failed for task in asked(results.tasks))
    text = "(incomplete)"
    if missing:
        text += f" {missing:,} of {sum(task.n for task in asked(results.tasks)):,} questions have no answer"
    if folder is not None and folder.halted:
        text += f"; stopped: {plain(folder.halted, 120)}"
    return text


def verdict(found: Sequence[Rung], names: Sequence[str] = ()) -> tuple[str, str]:
    """How values compare with the best trivial baselines, and the style of that sentence.

    `names` are the parts that tell apart lines of the same task (`differing`).
    """
    by: dict[Standing, list[Rung]] = {}
    for rung in found:
        by.setdefault(rung.standing, []).append(rung)
    compared = [rung for rung in found if rung.standing != "none"]
    if not compared:
        return ("no value can be compared with a trivial baseline" if found else "no task was scored"), ""
    style = "green" if len(by.get("beats", ())) == len(compared) else "red" if "below" in by else "yellow"
    if len(compared) == len(found) == 1:
        words: Mapping[Standing, str] = {
            "beats": "beats",
            "unclear": "is not told apart from",
            "below": "falls short of",
        }
        [one] = compared
        assert one.baseline is not None, "what is compared has a baseline"
        return (
            f"{one.task.task} {words[one.standing]} the best trivial baseline, "
            f"{one.baseline.name} {formatting.number(one.baseline.value)}",
            style,
        )
    if style == "green" and len(compared) == len(found):
        return f"all {len(found)} values beat their best trivial baselines", style
    text = f"{len(by.get('beats', ()))} of {len(found)} values beat their best trivial baselines"
    rest: Mapping[Standing, str] = {
        "unclear": "not told apart",
        "below": "short of it",
        "none": "no interval or baseline",
    }
    for standing, words_ in rest.items():
        if standing in by:
            which = [_called(rung.task, names) for rung in by[standing]]
            text += f"; {words_}: {', '.join(which) if len(which) <= 4 else len(which)}"
    return text, style


def _called(task: TaskResult, names: Sequence[str]) -> str:
    parts = [found for name in names if (found := part(task, name))]
    return task.task + (f" ({', '.join(parts)})" if parts else "")


def _context(results: Results) -> Iterator[str]:
    """Who was asked, on what, and how."""
    run = results.run
    yield f"model {run.model}" + (f", release {run.release}" if run.release else "")
    judges = list(dict.fromkeys(task.judge for task in results.tasks if task.judge and task.judge != PANEL))
    if judges:
        yield f"judge{'s' if len(judges) > 1 else ''} {', '.join(judges)}"
    varying = differing(results)
    if results.tasks and "data" not in varying:
        names: dict[str, list[str]] = {}
        for task in results.tasks:
            names.setdefault(task.task, []).append(task.data.name)
        yield f"on {but_for(names)}"
    modes: dict[str, list[str]] = {}
    for task in results.tasks:
        if task.judge != PANEL:
            modes.setdefault(task.task, []).append(task.answer_mode)
    if modes:
        yield f"answer mode {but_for(modes)}"
    if any(s.name.endswith("answers from prose") for task in results.tasks for s in task.settings):
        yield "strict: answers from prose count as unparsed"


def _totals(tasks: Sequence[TaskResult], without: str) -> Iterator[str]:
    """What became of all questions."""
    entries = asked(tasks)
    if any(task.role == "generator" for task in entries):
        one = {task.task: task for task in reversed(entries)}.values()
        for name in ("outcomes", "faces"):
            counts: dict[str, int] = {}
            for task in one:
                for key, count in getattr(task, name).items():
                    counts[key] = counts.get(key, 0) + count
            if counts:
                shown = ", ".join(f"{key} {count:,}" for key, count in counts.items() if count)
                yield f"{'portraits' if name == 'outcomes' else name} {shown}"
    else:
        yield f"questions {sum(task.n for task in entries):,}"
    prose = sum(task.read_as.prose for task in entries if task.read_as)
    yield f"answered {sum(task.answered for task in entries):,}"
    yield f"unparsed {sum(task.unparsed for task in entries):,}"
    if prose:
        yield f"prose {prose:,}"
    yield f"{without} {sum(task.failed for task in entries):,}"


def asked(tasks: Iterable[TaskResult]) -> list[TaskResult]:
    """The entries whose questions were asked: a panel asks none of its own."""
    return [task for task in tasks if task.judge != PANEL]
