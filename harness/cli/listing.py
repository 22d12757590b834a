"""Lists for people: names in groups, each with a summary next to it, in the width of the terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from rich.cells import cell_len

from harness.cli.streams import columns, show, takes_color
from harness.config import config
from harness.escaping import plain
from harness.installing import install_command
from harness.registry.plugin import Plugin
from harness.registry.registry import registry
from harness.reporters.columns import cut, fold, shortened

_GAP = "  "
_LONGEST_NAME = 32
"""Characters of a name beyond which its summary goes below it."""


@dataclass
class Entry:
    """A name and what is said of it; `depth` 1 for what belongs to the entry above."""

    name: str
    summary: str
    depth: int = 0


@dataclass
class Group:
    """Entries of one kind; those without a title stand alone."""

    title: str
    entries: list[Entry] = field(default_factory=list)
    warning: bool = False


def print_list(groups: Sequence[Group], hint: str = "", *, lines: int = 0) -> None:
    """Print groups that have entries. With `lines`, summaries are cut after so many lines, at a word; warnings are not."""
    width, color = columns(), takes_color(sys.stdout)
    kept = [group for group in groups if group.entries]
    names = [cell_len(plain(_label(entry))) for group in kept for entry in group.entries]
    most = min(_LONGEST_NAME, max(width // 2, 10))
    first = max((name for name in names if name <= most), default=most)
    shown = []
    for group in kept:
        shown += [_styled(plain(group.title), "33;1" if group.warning else "1", color)] if group.title else []
        cut_after = 0 if group.warning else lines
        shown += [line for entry in group.entries for line in _entry(entry, first, width, cut_after)]
        shown.append("")
    shown += [_styled(line, "2", color) for line in fold(plain(hint), width)]
    show("\n".join(shown) + "\n")


def _label(entry: Entry) -> str:
    return f"{'  ' * (entry.depth + 1)}{entry.name}"


def _entry(entry: Entry, first: int, width: int, lines: int) -> Iterator[str]:
    label = plain(_label(entry))
    room = width - first - len(_GAP)
    summary = plain(entry.summary)
    parts = cut(summary, room, lines) if lines else fold(summary, room)
    if cell_len(label) > first:
        yield shortened(label, width)
    else:
        parts_first, *parts = parts
        yield f"{label}{' ' * (first - cell_len(label))}{_GAP}{parts_first}".rstrip()
    yield from (f"{' ' * first}{_GAP}{part}" for part in parts if part)


def _styled(text: str, code: str, color: bool) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if color and text else text


def disabled_plugins() -> Group:
    """The plugins that do not work, or not in part, with the reason and what to do about it."""
    entries = [Entry(p.dist, f"{p.state}. {_remedy(p)}") for p in registry().plugins if p.state != "works"]
    return Group("disabled plugins" if entries else "", entries, warning=True)


def _remedy(plugin: Plugin) -> str:
    name = plugin.dist
    if config().denied(name):
        return "Change the list, to use it"
    if plugin.remedy:
        return f"{plugin.remedy}; or remove it: pip uninstall {name}"
    if name.startswith("memobench-plugin-"):
        return f"Reinstall or update it: {install_command(name)}; or remove it: pip uninstall {name}"
    return f"Update it, or remove it: pip uninstall {name}"
