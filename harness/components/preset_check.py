"""What a component says about one of its presets that was checked without its weights."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PresetCheck:
    """One thing that was checked of a preset: it holds, something is wrong, or it could not be checked here."""

    name: str
    """What was checked, in a word or two: "reference", "architecture", "template"."""
    problem: str = ""
    """What is wrong, as a sentence; "" if nothing is."""
    fix: str = ""
    """How to put it right."""
    skipped: str = ""
    """Why it could not be checked here, such as "not on this disk"; "" if it was."""

    @property
    def state(self) -> str:
        """ "held", "failed" or "skipped", as in the verdicts of `harness plugin check`."""
        return "failed" if self.problem else "skipped" if self.skipped else "held"
