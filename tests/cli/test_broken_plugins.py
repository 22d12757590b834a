"""Each broken plugin is told by `harness plugin check` with the right rule, and costs nobody else anything."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from helpers.broken_plugins import BEHAVES, DECLARES, Broken
from helpers.command import InProcess, Shell
from helpers.plugins import Install

from harness.checking import check as checking

pytestmark = pytest.mark.e2e


def verdicts(harness: InProcess, broken: Broken, *more: str) -> list[dict[str, Any]]:
    """The failed verdicts on an installed plugin."""
    done = harness("plugin", "check", broken.name, "--json", "--timeout", "8", *more)
    assert done.code == 1, f"exit {done.code}\n{done}"
    assert "Traceback" not in done.err
    (plugin,) = json.loads(done.out)["plugins"]
    return [v for v in plugin["verdicts"] if v["state"] == "failed"]


def assert_blamed(failed: list[dict[str, Any]], broken: Broken) -> None:
    """The right rule is broken, with the right words, and a way to fix it."""
    found = [v for v in failed if v["rule"] == broken.rule and broken.says in v["problem"]]
    assert found, "\n".join(f"{v['rule']}: {v['problem']}" for v in failed)
    assert found[0]["fix"], "nothing says how to fix it"


@pytest.mark.parametrize("broken", DECLARES, ids=lambda b: b.name)
def test_what_it_declares(broken: Broken, install: Install, harness: InProcess, faces: Path) -> None:
    install(broken.name, broken.source, requires=broken.requires)
    assert_blamed(verdicts(harness, broken, "--static"), broken)
    harness("run", "--task", "coarse_emotion", "--model", "echo", "--data", faces, "--limit", "6").ok()


@pytest.mark.slow
@pytest.mark.parametrize("broken", BEHAVES, ids=lambda b: b.name)
def test_what_it_does(
    broken: Broken, install: Install, harness: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Where the process of the judge ends, the tests that are left are not run.
    monkeypatch.setattr(checking, "MOST_ENDS", 1)
    install(broken.name, broken.source, requires=broken.requires)
    assert_blamed(verdicts(harness, broken), broken)


def test_all_of_them_at_once_cost_nobody_anything(install: Install, shell: Shell, faces: Path) -> None:
    """Except for what takes a name of another plugin's, or hangs where it is used."""
    alone = shell(
        "run", "--task", "coarse_emotion", "--model", "echo", "--data", faces, "--json", "--out", "a"
    ).ok()
    for broken in (*DECLARES, *BEHAVES):
        install(broken.name, broken.source, requires=broken.requires)
    together = shell(
        "run", "--task", "coarse_emotion", "--model", "echo", "--data", faces, "--json", "--out", "b"
    ).ok()
    (one,), (other,) = alone.results["tasks"], together.results["tasks"]
    assert one["metrics"] == other["metrics"]
    shell("show", "a").ok()
    for command in (
        "doctor",
        "list plugins",
        "list models",
        "list metrics",
        "list data",
        "list tasks",
        "data import --help",
    ):
        shell(*command.split()).ok()
    listed = shell("plugin", "check", "echo", "--static").ok()
    assert "0 failed" in listed.out
