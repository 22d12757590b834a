"""How figures are written, the same in every report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harness.results import HUMAN

COUNTS = {"distinct_values"}
STAGES = ("coarse", "fine", "nuance")
_DASH = "\N{EN DASH}"
_NAMES = ("on", "judge", "wording")
"""Columns of the summary that tell nothing where they are the same throughout."""
COLUMNS = {
    "wordings of": ("on", "figure", "least", "greatest", "sd"),
    "transfer": ("on", "figure", "value", "95% interval", "drop", "95% interval", "n"),
    "test": ("difference", "95% interval", "p", "p (Holm)", "n", "clusters"),
    "agreement of judges": ("judges", "value", "95% interval", "n"),
    "people": ("value", "95% interval", "n"),
    "calibrated on people": (
        "value",
        "95% interval",
        "people alone",
        "judge alone",
        "rated",
        "labels for width",
    ),
}
"""What stands beside the names of tasks, of tests, of figures of agreement, and of what people say."""


def number(value: float | None, name: str = "") -> str:
    """A figure with three decimals; a dash where it does not exist."""
    if value is None:
        return _DASH
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
        if metric["group"]:
            column, value = (
                " \N{MULTIPLICATION SIGN} ".join(metric["group"]),
                ", ".join(metric["group"].values()),
            )
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


def notes(results: Mapping[str, Any]) -> Sequence[str]:
    """What is to be said about the run as a whole."""
    return list(results["run"].get("notes", ()))


def summary(results: Mapping[str, Any]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Columns and a row for each task, coarse to nuance: its main figure against the best trivial reader and people.

    Columns that tell nothing are left out. Nothing where there are not two tasks to sum up.
    """
    entries = sorted(
        (e for e in results["tasks"] if primary(e) is not None),
        key=lambda e: STAGES.index(e["stage"]) if e["stage"] in STAGES else len(STAGES),
    )
    if len(entries) < 2:
        return (), []
    table = [_summed(entry) for entry in entries]
    said = {name: {row[name] for row in table} for name in table[0]}
    columns = tuple(
        name
        for name, values in said.items()
        if not (values <= {_DASH, "0"} or (name in _NAMES and len(values) == 1))
    )
    return columns, [tuple(row[name] for name in columns) for row in table]


def _summed(entry: Mapping[str, Any]) -> dict[str, str]:
    main = primary(entry)
    assert main is not None, "asked of entries with a main figure alone"
    rivals = [b for b in entry["baselines"] if b["metric"] == main["name"] and b["value"] is not None]
    trivial = [b for b in rivals if b["name"] != HUMAN]
    sign = -1 if main["direction"] == "lower" else 1
    best = max(trivial, key=lambda b: sign * float(b["value"]), default=None)
    people = next((number(b["value"], main["name"]) for b in rivals if b["name"] == HUMAN), _DASH)
    return {
        "stage": entry["stage"], "task": entry["task"], "on": entry["data"]["name"], "judge": entry["judge"] or _DASH,
        "wording": entry["wording"] or _DASH, "figure": main["name"], "value": number(main["value"], main["name"]),
        "95% interval": interval(main),
        "best baseline": f"{best['name']} {number(best['value'])}" if best else _DASH, "people": people,
        "n": str(main["n"]), "unparsed": str(entry["unparsed"]), "failed": str(entry["failed"]),
    }  # fmt: skip


def prompt_variants(results: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """A row for each task and data set that were asked in several wordings: the spread of the main figure."""
    rows = {}
    for entry in results["tasks"]:
        spread = entry.get("wordings")
        if spread:
            known = {w: v for w, v in spread["values"].items() if v is not None}
            ends = [
                f"{number(spread[end])} ({', '.join(w for w, v in known.items() if v == spread[end])})"
                if known
                else _DASH
                for end in ("min", "max")
            ]
            rows[entry["task"], entry["data"]["name"]] = (
                entry["task"], entry["data"]["name"], spread["metric"], *ends, number(spread["sd"]))  # fmt: skip
    return list(rows.values())


def transfer(results: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """A row for each task on each of several data sets: the main figure, and how far it lies below the first set's."""
    rows: list[tuple[str, ...]] = []
    for moved in results.get("transfer", ()):
        name = moved["task"] + (f" ({moved['wording']})" if moved["wording"] else "")
        for part in moved["sets"]:
            drop = part["drop"]
            told = (
                ("", "")
                if drop is None
                else (_DASH if drop["value"] is None else f"{drop['value']:+.3f}", interval(drop))
            )
            rows.append(
                (
                    name,
                    part["data"],
                    moved["metric"],
                    number(part["value"], moved["metric"]),
                    interval(part),
                    *told,
                    str(part["n"]),
                )
            )
    return rows


def assumed(entry: Mapping[str, Any]) -> Sequence[str]:
    """The settings that no publication gives."""
    return [s["name"] for s in entry["settings"] if s["source"] == "assumed"]


def tests(entry: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """A row for each test: name, difference, interval, p, p adjusted for all tests of the run, n, clusters."""
    return [
        (
            t["name"],
            f"{t['value']:+.3f}",
            interval(t),
            probability(t["p"]),
            probability(t["p_adjusted"]),
            str(t["n"]),
            str(t["clusters"]),
        )
        for t in entry["tests"]
    ]


def probability(p: float) -> str:
    """A p value with three decimals; small ones as a bound."""
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def agreement(entry: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """A row for each figure of agreement: question and name, judges, value, interval, n."""
    return [
        (
            f"{a['question']}: {a['name']}",
            ", ".join(a["judges"]),
            number(a["value"]),
            interval(a),
            str(a["n"]),
        )
        for a in entry.get("agreement", [])
    ]


def beside(entry: Mapping[str, Any]) -> Iterator[tuple[str, list[tuple[str, ...]]]]:
    """The tables below a task's figures, by name, those without rows left out."""
    tables = {
        "test": tests(entry),
        "agreement of judges": agreement(entry),
        "people": people(entry),
        "calibrated on people": calibrated(entry),
    }
    yield from ((name, rows) for name, rows in tables.items() if rows)


def people(entry: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Rows on what people said of the same pictures: the ceiling of one person, agreement, reliability."""
    found = entry.get("people")
    if not found:
        return []
    rows: list[tuple[str, ...]] = []
    ceiling, icc = found["ceiling"], found.get("icc_2k")
    name = f"{ceiling['metric']}, one left out"
    rows.append((name, number(ceiling["value"]), interval(ceiling), f"{ceiling['raters']} raters"))
    if found.get("alpha") is not None:
        name = f"Krippendorff's alpha, {found['alpha_level']}"
        rows.append((name, number(found["alpha"]), "", f"{found['answers']} answers"))
    if icc and icc["value"] is not None:
        rows.append(("ICC(2,k)", number(icc["value"]), interval(icc), f"{icc['samples']} samples"))
    return rows


def calibrated(entry: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Rows of figures corrected by people's ratings: value, interval, each side alone, labels that more precision takes."""
    return [
        (
            f"{c['question']} {c['name']}",
            number(c["value"]),
            interval(c),
            f"{number(c['people_alone']['value'])} {interval(c['people_alone'])}".strip(),
            number(c["judge_alone"]),
            f"{c['labelled']} of {c['labelled'] + c['unlabelled']}",
            ", ".join(
                f"{need['width']:g}: {'not enough portraits' if need['more'] is None else need['more']}"
                for need in c["labels_needed"]
            ),
        )
        for c in entry.get("calibrated", [])
    ]
