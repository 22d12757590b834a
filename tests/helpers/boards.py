"""Runs of several releases of one judge that a leaderboard ranks: echo, without the mark of an oracle."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from helpers import releases
from helpers.command import InProcess


def edit(path: Path, **changes: Any) -> None:
    """Replace keys of a JSON document."""
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def wrong(n: int, count: int) -> dict[str, str]:
    """Replies to `n` samples, of which the first `count` are wrong."""
    return releases.said(n, {i: releases.other(i) for i in range(count)})


def ranked(harness: InProcess, name: str, replies: Mapping[str, str], *more: object) -> Path:
    """A run whose judge counts as one that is not shown the truth; its release is its name."""
    path = releases.run(harness, name, replies, "--release", Path(name).name, *more)
    edit(path / "run.json", oracles=[])
    return path


def results(path: Path) -> dict[str, Any]:
    return dict(json.loads((path / "results.json").read_text()))
