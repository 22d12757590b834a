"""Tables as lines of text that fit a width: words and numbers stay whole, and columns without room are left out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from harness.escaping import plain

Align = Literal["left", "right", "decimal"]
RULE = "\N{BOX DRAWINGS LIGHT HORIZONTAL}"
ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"
_NARROW, _ROOMY = 2, 3
"""Characters between two columns, where they have to be saved and where there is room."""
_LEAST = 5
"""Characters that a shortened name or head keeps."""
_FRACTION = re.compile(r"\d(\.\d+)?\D*$")


@dataclass
class Column:
    """A column: its head, and a cell for each row. Texts are shown literally, whatever they contain."""

    head: str
    cells: Sequence[str]
    align: Align = "right"
    drop: int = 0
    """When it is left out for want of room: the highest first, 0 never."""
    shorter: tuple[int, str, Sequence[str]] | None = None
    """When the head and cells are replaced, in the same order, and by what."""
    wrap: bool = False
    """Cells may take several lines, broken between words."""
    styles: Sequence[str] = ()
    """A style for each cell; none for the default."""

    def __post_init__(self) -> None:
        self.head = plain(self.head)
        self.cells = _aligned([plain(cell) for cell in self.cells], self.align)

    @property
    def widest(self) -> int:
        """Characters that it takes on one line."""
        return max(map(cell_len, (self.head, *self.cells)))

    @property
    def least(self) -> int:
        """Characters that it takes with each word whole."""
        if not self.wrap:
            return self.widest
        return max((cell_len(word) for cell in (self.head, *self.cells) for word in cell.split()), default=0)

    @property
    def next_step(self) -> int:
        """When it is reduced next: the highest of all columns first, 0 for never."""
        return max(self.drop, self.shorter[0] if self.shorter else 0)

    def reduced(self) -> Column | None:
        """Its shorter form, or nothing where it is left out."""
        if self.shorter is None or self.shorter[0] < self.drop:
            return None
        return replace(self, head=self.shorter[1], cells=self.shorter[2], shorter=None)


@dataclass(frozen=True)
class Table:
    """The columns that are shown, with their widths; `omitted` names those left out."""

    columns: list[Column]
    widths: list[int]
    gap: int
    omitted: list[str] = field(default_factory=list)

    @property
    def width(self) -> int:
        """Characters of a line."""
        return sum(self.widths) + self.gap * (len(self.widths) - 1)

    def head(self) -> list[Text]:
        """The heads, and a rule below them."""
        return [*self._row([c.head for c in self.columns], ["bold"] * len(self.columns)), self.rule()]

    def rule(self) -> Text:
        """A line across the table."""
        return Text(RULE * self.width, style="dim")

    def rows(self) -> list[list[Text]]:
        """The lines of each row."""
        return [
            self._row(
                [column.cells[row] for column in self.columns],
                [column.styles[row] if column.styles else "" for column in self.columns],
            )
            for row in range(len(self.columns[0].cells))
        ]

    def lines(self) -> list[Text]:
        """Heads, rule and rows."""
        return [*self.head(), *(line for row in self.rows() for line in row)]

    def _row(self, cells: Sequence[str], styles: Sequence[str]) -> list[Text]:
        folded = [
            fold(cell, width) if column.wrap else [shortened(cell, width)]
            for cell, column, width in zip(cells, self.columns, self.widths, strict=True)
        ]
        lines = []
        for k in range(max(map(len, folded))):
            line = Text()
            for number, (parts, width) in enumerate(zip(folded, self.widths, strict=True)):
                part = parts[k] if k < len(parts) else ""
                padding = " " * (width - cell_len(part))
                text = part + padding if self.columns[number].align == "left" else padding + part
                line.append(" " * self.gap if number else "").append(text, style=styles[number] or None)
            line.rstrip()
            lines.append(line)
        return lines


def fitted(columns: Sequence[Column], width: int, *, gap: int | None = None) -> Table:
    """The columns in `width` characters.

    Columns are wrapped first, then replaced by their shorter form or left out in the order that they say. If that is not
    enough, names and heads are shortened in their middle: numbers never are.
    """
    kept = list(columns)
    roomy = sum(column.widest for column in kept) + _ROOMY * (len(kept) - 1) <= width
    gap = gap if gap is not None else _ROOMY if roomy else _NARROW
    omitted = []
    while sum(column.least for column in kept) + gap * (len(kept) - 1) > width:
        step = max((column.next_step for column in kept), default=0)
        if not step:
            break
        number = max(k for k, column in enumerate(kept) if column.next_step == step)
        reduced = kept[number].reduced()
        omitted += [] if reduced else [kept[number].head]
        kept[number : number + 1] = [reduced] if reduced else []
    return Table(kept, _widths(kept, width - gap * (len(kept) - 1)), gap, omitted)


def _widths(columns: Sequence[Column], room: int) -> list[int]:
    """The width of each column: as wide as it likes, else the widest are made narrower first."""
    widths = [column.widest for column in columns]
    for floors in ([column.least for column in columns], list(map(_floor, columns))):
        while sum(widths) > room:
            spare = [
                (width, k)
                for k, (width, floor) in enumerate(zip(widths, floors, strict=True))
                if width > floor
            ]
            if not spare:
                break
            widths[max(spare)[1]] -= 1
    return widths


def _floor(column: Column) -> int:
    """The least characters where names and heads are shortened."""
    if column.align == "left":
        return min(column.least, _LEAST)
    return max(map(cell_len, column.cells), default=0) or min(column.least, _LEAST)


def shortened(text: str, width: int) -> str:
    """A text that is too long, with an ellipsis in its middle."""
    if cell_len(text) <= width:
        return text
    if width < 3:
        return set_cell_size(text, max(width, 0))
    tail = (width - 1) // 2
    head = set_cell_size(text, width - 1 - tail).rstrip()
    end = text
    while cell_len(end) > tail:
        end = end[1:]
    return head + ELLIPSIS + end


def fold(text: str, width: int) -> list[str]:
    """Lines of at most `width` characters, broken between words; a longer word is broken where it must be."""
    lines: list[str] = []
    line = ""
    for word in text.split():
        if line and cell_len(line) + 1 + cell_len(word) > width:
            lines.append(line)
            line = ""
        line = f"{line} {word}" if line else word
        while cell_len(line) > max(width, 1):
            part = set_cell_size(line, max(width, 1)).rstrip()
            lines.append(part)
            line = line[max(len(part), 1) :]
    return [*lines, *([line] if line else [])] or [""]


def cut(text: str, width: int, lines: int = 1) -> list[str]:
    """At most so many lines; what does not fit is cut off at a word, with an ellipsis."""
    found = fold(text, width)
    if len(found) <= lines:
        return found
    last = found[lines - 1]
    while last and cell_len(last) + 2 > width:
        last = last.rpartition(" ")[0]
    return [*found[: lines - 1], f"{last.rstrip(' ,;:')} {ELLIPSIS}".strip()]


def _aligned(cells: list[str], align: Align) -> list[str]:
    """Cells of a decimal column with blanks at their end, so that the decimal points are below one another."""
    if align != "decimal":
        return cells
    found = [_FRACTION.search(cell) for cell in cells]
    fractions = [len(match[1] or "") if match else 0 for match in found]
    longest = max(fractions, default=0)
    return [
        cell + " " * (longest - have) if cell else cell for cell, have in zip(cells, fractions, strict=True)
    ]


def joined(parts: Iterable[str], width: int, separator: str = " \N{MIDDLE DOT} ") -> Iterator[str]:
    """Parts of a line with a separator between them, on as many lines as they need; a part is broken only if it must be."""
    line = ""
    for part in map(plain, parts):
        if line and cell_len(line) + len(separator) + cell_len(part) > width:
            yield from fold(line, width)
            line = ""
        line = f"{line}{separator}{part}" if line else part
    if line:
        yield from fold(line, width)
