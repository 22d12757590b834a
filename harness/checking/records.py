"""What a check says: one verdict for each rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

State = Literal["held", "failed", "skipped"]

RULES: Mapping[str, str] = {
    "entry-point": "the distribution has an entry point in the group memobench, and its module can be imported",
    "requires": "its requirements name memobench, and what is installed meets them",
    "api-version": "the module states the API_VERSION that it was written for, and this memobench has it",
    "light": "importing the module and calling its hooks imports nothing heavy",
    "quiet": "importing the module and calling its hooks prints nothing",
    "hooks": "hooks have their right names, are marked, and offer something",
    "components": "components have usable names and a summary",
    "loads": "components load classes of their kind",
    "options": "options have names that can be typed, and descriptions",
    "made": "components can be made, and keep their options",
    "presets": "the defaults of components and presets are options that exist, with values that fit",
    "tasks": "task, suite and prompt files are valid",
    "clashes": "no name is that of another component or task",
}
"""What holds for every plugin, in the order in which it is checked."""


@dataclass(frozen=True)
class Verdict:
    """Whether a rule is held, what is wrong, and how to fix it."""

    rule: str
    state: State
    problem: str = ""
    """What is wrong, or why the rule was not checked."""
    fix: str = ""
    component: str = ""
    """Kind and name of the component concerned; "" for the plugin as a whole."""


@dataclass(frozen=True)
class Offer:
    """A component of the plugin, and why its behaviour is not checked ("" if it is)."""

    kind: str
    name: str
    skip: str = ""
    options: tuple[str, ...] = ()
    """The names of its options."""
    refused: str = ""
    """What is wrong with the options that the user gave for it."""


@dataclass
class Checked:
    """The verdicts on one plugin."""

    dist: str
    version: str
    verdicts: list[Verdict] = field(default_factory=list)

    def count(self, state: State) -> int:
        """How many verdicts have a state."""
        return sum(verdict.state == state for verdict in self.verdicts)

    def document(self) -> dict[str, Any]:
        """The verdicts as JSON values."""
        counts = {state: self.count(state) for state in ("held", "failed", "skipped")}
        return {
            "plugin": self.dist,
            "version": self.version,
            **counts,
            "verdicts": [asdict(verdict) for verdict in self.verdicts],
        }


def joined(parts: Sequence[str], most: int = 3) -> str:
    """A few of many texts."""
    more = f"; and {len(parts) - most} more" if len(parts) > most else ""
    return "; ".join(parts[:most]) + more
