"""The contract of a plugin as a whole: what `harness plugin check` says of an installed distribution."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from typing import Any, ClassVar

import pytest

from harness.testing.contract import Contract

RULES = (
    "entry-point",
    "requires",
    "api-version",
    "light",
    "quiet",
    "hooks",
    "components",
    "loads",
    "options",
    "made",
    "presets",
    "tasks",
    "clashes",
)
"""What holds for every plugin, in the order in which it is checked."""
LIMIT = 300.0


@functools.cache
def verdicts(dist: str) -> list[dict[str, Any]]:
    """The verdicts on an installed plugin, without the behaviour of its components."""
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from harness.cli.main import main; main()",
            "plugin",
            "check",
            dist,
            "--static",
            "--json",
        ],
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )
    assert done.returncode in (0, 1), f"harness plugin check {dist}: {done.stderr.strip()[-500:]}"
    (plugin,) = json.loads(done.stdout)["plugins"]
    found: list[dict[str, Any]] = plugin["verdicts"]
    return found


class PluginContract(Contract):
    """Inherit and set `dist`, the name of the distribution, which must be installed."""

    dist: ClassVar[str] = ""

    @pytest.mark.parametrize("rule", RULES)
    def test_rule(self, rule: str) -> None:
        """The plugin holds every rule of `harness plugin check`.

        Fix: see the message, or run `harness plugin check DIST`.
        """
        if not self.dist:
            pytest.fail("set `dist` to the name of the distribution")
        found = [v for v in verdicts(self.dist) if v["rule"] == rule]
        failed = [f"{v['problem']} -> {v['fix']}" for v in found if v["state"] == "failed"]
        assert not failed, "; ".join(failed)
        if not found or all(v["state"] == "skipped" for v in found):
            pytest.skip(found[0]["problem"] if found else "there is nothing to check")
