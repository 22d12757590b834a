"""Results documents with plausible figures, for the snapshots of what people see."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

ORACLE = "echo is shown the true answers (an oracle): a stand-in for trials, never ranked."
FEW = "few clusters (22 of unequal size, worth 17 equal ones): intervals are rough, and mostly too narrow"
PROBABILITIES = "ece does not exist: the judge gave no probabilities"


def metric(name: str, value: float | None, spread: float | None, n: int, **more: Any) -> dict[str, Any]:
    """A metric value; `spread` is half its interval's width."""
    known = value is not None and spread is not None
    low, high = (value - spread, value + spread * 0.75) if known else (None, None)  # type: ignore[operator]
    found = {"name": name, "value": value, "low": low, "high": high, "n": n, "clusters": min(n, 24), "method": "cluster bootstrap",
             "direction": "higher", "primary": False, "group": {}}  # fmt: skip
    return found | more


def entry(
    task: str, stage: str, main: dict[str, Any], baselines: dict[str, float], **more: Any
) -> dict[str, Any]:
    """The results of one task: its primary metric, ece without a value, one emotion, and the baselines of the primary metric."""
    others = [
        metric("ece", None, None, 0),
        metric(main["name"], main["value"], 0.15, 104, group={"emotion": "sad"}),
    ]
    values = [{"name": name, "metric": main["name"], "value": value, "fitted": None if name == "chance" else "in-sample"}
              for name, value in baselines.items()]  # fmt: skip
    n = main["n"]
    found = {"task": task, "version": "1", "stage": stage, "role": "judge", "data": {"name": "portraits", "digest": task, "n": n},
             "judge": None, "read": "text", "settings": [{"name": "wording", "value": "plain", "source": "assumed"}],
             "n": n, "answered": n, "unparsed": 0, "failed": 0, "outcomes": {"ok": n}, "metrics": [main | {"primary": True}, *others],
             "baselines": values, "warnings": [PROBABILITIES]}  # fmt: skip
    return found | more


def document(tasks: Sequence[dict[str, Any]], **run: Any) -> dict[str, Any]:
    """A whole document."""
    head = {"name": "comprehension-qwen-portraits-3f2a", "model": "qwen2.5-vl", "judges": [], "created": "2026-01-02T03:04:05+00:00",
            "versions": {}, "complete": True}  # fmt: skip
    return {"schema": 1, "run": head | run, "tasks": list(tasks)}


def suite(**more: Any) -> list[dict[str, Any]]:
    """The tasks of `comprehension`, by one judge."""
    used = {
        "usage": {"prompt_tokens": 361_204, "completion_tokens": 1_874, "cost": 0.1834},
        "timings": {"seconds": 240.5},
    }
    rough = "balanced_accuracy: the interval is rough, since these are true in fewer than 20 clusters: surprise (19)"
    tasks = [
        entry(
            "coarse_polarity",
            "coarse",
            metric("accuracy", 0.623, 0.054, 624),
            {"chance": 0.25, "majority": 0.577},
        ),
        entry(
            "coarse_emotion",
            "coarse",
            metric("accuracy", 0.577, 0.047, 624),
            {"chance": 1 / 6, "majority": 0.192},
        ),
        entry(
            "fine_intensity", "fine", metric("srcc", 0.095, 0.11, 600), {"chance": 0.0, "emotion-mean": 0.086}
        ),
        entry("nuance_confusable", "nuance", metric("balanced_accuracy", 0.853, 0.031, 600), {"chance": 0.5}),
        entry("nuance_pairs", "nuance", metric("accuracy", 0.455, 0.03, 1248), {"chance": 0.5}),
    ]
    tasks[3]["warnings"] = [rough, PROBABILITIES]
    return [task | used | more for task in tasks]


def by_judges(judges: Sequence[str]) -> list[dict[str, Any]]:
    """Two generator tasks by several judges and their panel."""
    tasks = []
    for task, stage, name, data in (
        ("t2i_emotion", "coarse", "fidelity", "emotion_600"),
        ("t2i_intensity", "fine", "srcc_within_emotion", "intensity_250"),
    ):
        for k, judge in enumerate((*judges, "panel")):
            main = metric(name, 0.81 - 0.17 * k, 0.06, 250)
            generator = {"role": "generator", "judge": judge, "outcomes": {"ok": 248, "blocked": 2}, "faces": {"none": 1, "one": 247},
                         "data": {"name": data, "digest": data, "n": 250}, "drawing": {"cost": 10.0}}  # fmt: skip
            tasks.append(entry(task, stage, main, {"chance": 0.167, "majority": 0.17}, **generator))
    return tasks


def everywhere(data: Sequence[str], variants: Sequence[str]) -> list[dict[str, Any]]:
    """The first four tasks of the suite on several data sets in several prompt variants."""
    return [
        task | {"wording": variant, "data": {"name": name, "digest": name, "n": task["n"]}}
        for name in data
        for task in suite()[:4]
        for variant in variants
    ]
