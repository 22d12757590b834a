"""The face detector of portraits: the one that a task names, else the first installed, which is then said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.components.detector import Detector
from harness.errors import BadOption
from harness.registry.factory import make
from harness.registry.registry import registry
from harness.run.participants import identity_of

NONE = (
    "No face detector is installed, so faces are not counted. "
    "memobench-plugin-fer has one; `harness doctor` shows how to install it."
)


@dataclass(frozen=True)
class ChosenDetector:
    """A detector, what `run.json` stores of it, and what the user should know of the choice."""

    detector: Detector | None
    described: dict[str, Any] | None
    notes: tuple[str, ...] = ()


def choose_detector(named: Sequence[str] = (), options: Mapping[str, Any] = {}) -> ChosenDetector:
    """The detector of portraits. `named`: what tasks name, "" for none.

    Raises `UnknownName`, `BadOption` and `PluginError`.
    """
    wanted = list(dict.fromkeys(name for name in named if name))
    installed = registry().components("detector")
    if not wanted and not installed:
        if options:
            raise BadOption("No face detector is installed, so --detector-option is not used.", NONE)
        return ChosenDetector(None, None, (NONE,))
    found = registry().find("detector", wanted[0]) if wanted else installed[0]
    name, owner = found.component.name, found.dist
    notes: tuple[str, ...] = ()
    others = [f.component.name if f.component.name != name else f"{f.dist}/{name}" for f in installed[1:]]
    if len(wanted) > 1:
        notes = (f"The tasks name several face detectors: {', '.join(wanted)}. Faces are counted by {name}.",)
    elif not wanted and others:
        notes = (
            f"Faces are counted by {name} ({owner}); {', '.join(others)} is installed too. "
            "The key `detector` of a task chooses.",
        )
    detector: Detector = make(found, options)
    described = {"name": name, "plugin": owner, "identity": identity_of(name, detector, owner)}
    if options:
        described["options"] = detector.options.answer_affecting()
    return ChosenDetector(detector, described, notes)
