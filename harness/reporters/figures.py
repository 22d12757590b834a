"""How figures are written, the same in every report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

COUNTS = {"distinct_values"}
COLUMNS = {
    "test": ("difference", "95% interval", "p", "p (Holm)", "n", "clusters"),
    "agreement of judges": ("judges", "value", "95% interval", "n"),
}
"""What stands beside the names of tests, and of figures of agreement."""


def number(value: float | None, name: str = "") -> str:
    """A figure with three decimals; a dash where it does not exist."""
    if value is None:
        return "\N{EN DASH}"
    return f"{value:.0f}" if name in COUNTS else f"{value:.3f}"


def interval(metric: Mapping[str, Any]) -> str:
    """The 95% interval of a figure, or nothing."""
    if metric["low"] is None or metric["high"] is None:
        return ""
    return f"[{metric['low']:.3f}, {metric['high']:.3f}]"


def overall(entry: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The figures on all rows."""
    return [m for m in entry["metrics"] if not m["group"]]


def primary(entry: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The figure that sums a task up."""
    return next((m for m in overall(entry) if m["primary"]), None)


def grouped(entry: Mapping[str, Any]) -> Iterator[tuple[str, list[tuple[str, list[Mapping[str, Any]]]]]]:
    """Columns with their values, and the figures of each value."""
    columns: dict[str, dict[str, list[Mapping[str, Any]]]] = {}
    for metric in entry["metrics"]:
        for column, value in metric["group"].items():
            columns.setdefault(column, {}).setdefault(value, []).append(metric)
    for column, values in columns.items():
        yield column, list(values.items())


def baselines(entry: Mapping[str, Any], metric: str) -> str:
    """The trivial baselines of a metric, on one line."""
    found = [b for b in entry["baselines"] if b["metric"] == metric]
    return ", ".join(f"{b['name']} {number(b['value'])}" for b in found)


def counts(entry: Mapping[str, Any]) -> str:
    """What became of a task's questions, on one line."""
    parts = [
        f"n {entry['n']}",
        f"answered {entry['answered']}",
        f"unparsed {entry['unparsed']}",
        f"failed {entry['failed']}",
    ]
    if entry["role"] == "generator":
        parts.append("outcomes " + ", ".join(f"{k} {v}" for k, v in entry["outcomes"].items()))
        if entry.get("faces"):
            parts.append("faces " + ", ".join(f"{k} {v}" for k, v in entry["faces"].items()))
    return " \N{MIDDLE DOT} ".join(parts)


def title(entry: Mapping[str, Any]) -> str:
    """Task, what it was asked on, how it was read."""
    parts = [f"{entry['task']} v{entry['version']}", f"on {entry['data']['name']} ({entry['data']['n']})"]
    if entry["judge"]:
        parts.append(f"judge {entry['judge']}")
    if entry["wording"]:
        parts.append(f"wording {entry['wording']}")
    parts.append(f"read by {entry['read']}")
    return " \N{MIDDLE DOT} ".join(parts)


def assumed(entry: Mapping[str, Any]) -> Sequence[str]:
    """The settings that no publication gives."""
    return [s["name"] for s in entry["settings"] if s["source"] == "assumed"]


def tests(entry: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """A row for each test: name, difference, interval, p, p adjusted for all tests of the run, n, clusters."""
    return [(t["name"], f"{t['value']:+.3f}", interval(t), probability(t["p"]), probability(t["p_adjusted"]), str(t["n"]),
             str(t["clusters"])) for t in entry["tests"]]  # fmt: skip


def probability(p: float) -> str:
    """A p value with three decimals; small ones as a bound."""
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def agreement(entry: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """A row for each figure of agreement: question and name, judges, value, interval, n."""
    return [(f"{a['question']}: {a['name']}", ", ".join(a["judges"]), number(a["value"]), interval(a), str(a["n"]))
            for a in entry.get("agreement", [])]  # fmt: skip
