"""The fenced blocks of a page, and what its HTML comments say about them.

A block is checked unless a comment right above it says otherwise, with the reason:

    <!-- parsed only: REASON -->     its commands are parsed, so that each option must exist, but not run
    <!-- not checked: REASON -->     nothing is done with it
    <!-- exit codes: 0, 1 -->        its commands are run, and exit with these codes
    <!-- output of: harness ... -->  it is what that command prints
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_BLOCK = re.compile(
    r"(?:^<!-- *(?P<mark>[a-z ]+?) *: *(?P<reason>[^>]*?) *-->\n\n?)?"
    r"^(?P<indent> *)```(?P<language>\w*)(?: +title=\"(?P<title>[^\"]+)\")?[^\n]*\n(?P<text>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)
MARKS = frozenset({"parsed only", "not checked", "exit codes", "output of"})
STARTERS = ("harness ", "pip ", "python ", "make ", "cd ", "mlflow ")
"""How the lines of a block of commands begin."""


@dataclass(frozen=True)
class Block:
    """One fenced block, with the file name that its title gives it."""

    page: Path
    line: int
    language: str
    title: str
    text: str
    mark: str
    reason: str

    @property
    def where(self) -> str:
        """File and line."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def commands(self) -> list[str]:
        """The command lines of a block of commands; none for any other."""
        if self.title or self.language not in ("", "bash"):
            return []
        lines = [line.strip() for line in self.text.splitlines() if line.strip()]
        if self.language == "" and not any(line.startswith(STARTERS) for line in lines):
            return []
        return lines

    @property
    def mentioned(self) -> list[str]:
        """The `harness` commands in a block of any language, continued lines joined, whatever stands before them."""
        joined = re.sub(r"\\\n\s*", "", self.text)
        return re.findall(r"(?:^|[\s\"'])(harness [^\n]+)", joined)

    @property
    def codes(self) -> list[int]:
        """With which code each of the commands exits."""
        if self.mark != "exit codes":
            return [0] * len(self.commands)
        codes = [int(code) for code in self.reason.split(",")]
        assert len(codes) == len(self.commands), f"{self.where}: one exit code for each command"
        return codes


def pages() -> list[Path]:
    """README and every page of the documentation."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(page: Path) -> list[Block]:
    """The blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    found = []
    for match in _BLOCK.finditer(text):
        indent = len(match["indent"])
        lines = [line[indent:] for line in match["text"].splitlines()]
        line = text.count("\n", 0, match.start("language")) + 1
        found.append(
            Block(
                page, line, match["language"], match["title"] or "", "\n".join([*lines, ""]), match["mark"] or "",
                match["reason"] or "",
            )
        )  # fmt: skip
    return found


def fences(page: Path) -> int:
    """Lines that open or close a block: twice the number of blocks, if all were found."""
    return len(re.findall(r"^ *```", page.read_text(encoding="utf-8"), re.MULTILINE))


def sentences(page: Path) -> list[str]:
    """The commands that stand within sentences: code that begins with `harness`."""
    text = _BLOCK.sub("", page.read_text(encoding="utf-8"))
    return [" ".join(found.split()) for found in re.findall(r"`(harness [^`]+)`", text)]
