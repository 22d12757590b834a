"""Why an actor ended, in words that say what to do."""

from __future__ import annotations

import re
from dataclasses import dataclass

from harness import HarnessError, MissingPackage, PluginError

_MISSING = re.compile(r"No module named '([\w.]+)'")
_RAISED = re.compile(r"^(\w[\w.]*(?:Error|Exception)): (.+)$", re.M)


@dataclass(frozen=True)
class Cause:
    """Why an actor ended."""

    text: str
    """The end of a sentence."""
    hint: str = ""
    error: HarnessError | None = None
    """Where the actor could not even be created."""


def cause_of(error: BaseException) -> Cause:
    """The cause behind one of Ray's errors."""
    text = str(error)
    missing = _MISSING.search(text)
    if missing:
        needs = MissingPackage("A node of the Ray cluster", missing[1].partition(".")[0])
        return Cause("it lacks a package", needs.hint, needs)
    if "running low on memory" in text or type(error).__name__ == "OutOfMemoryError":
        return Cause(
            "its node ran out of memory", "Start fewer processes on a node: a larger num_cpus for each."
        )
    if "runtime_env" in text.lower() or type(error).__name__ == "RuntimeEnvSetupError":
        raised = _RAISED.findall(text)
        why = raised[-1][1][:300] if raised else text.strip().splitlines()[0][:300]
        return Cause(
            "its runtime environment failed",
            "",
            PluginError(f"Ray could not make the runtime environment: {why}.", "Check runtime_env."),
        )
    if "node has died" in text or "node was terminated" in text or "node is dead" in text.lower():
        return Cause("its node is gone", "Look at the cluster: `ray status`.")
    raised = _RAISED.findall(text)
    if "creation task" in text and raised:
        return Cause(f"{raised[-1][0]}: {raised[-1][1][:300]}")
    return Cause(
        "it was killed, ran out of memory or crashed",
        "See the kernel's log for out-of-memory kills, and Ray's logs of the worker; fewer processes on a node need less.",
    )
