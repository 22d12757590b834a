"""Charts: their numbers are those of the records, their colours come from the theme, their labels are whole."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("altair")

from harness.charts.board import leaderboard
from harness.charts.confusion import confusion, confusion_rows
from harness.charts.groups import group_rows, groups, valence_gap, valence_rows
from harness.charts.intensity import intensity, intensity_rows
from harness.charts.ladder import AGAINST, BASELINE, PERSON, ladder, ladder_rows
from harness.charts.names import lines
from harness.charts.render import render
from harness.charts.theme import as_spec, config
from harness.errors import RequestError, UnknownName
from harness.exporting.sample_row import SampleRow
from harness.ranking.records import BoardColumn, BoardRow, BoardTable, BoardValue, Leaderboard
from harness.results import Results, TaskResult, read_results


def metric(name: str, value: float | None, **fields: Any) -> dict[str, Any]:
    low, high = (None, None) if value is None else (value - 0.0625, value + 0.03125)
    return {"name": name, "value": value, "low": low, "high": high, "n": 60, "clusters": 12, "method": "exact", "direction": "higher",
            "primary": False, "group": {}, **fields}  # fmt: skip


def task(
    name: str = "coarse_emotion", main: str = "accuracy", value: float = 0.75, **fields: Any
) -> dict[str, Any]:
    test = {"value": None, "low": None, "high": None, "name": f"{main} by gender", "p": 0.01, "p_adjusted": 0.0312, "n": 60,
            "clusters": 12, "method": "permutation"}  # fmt: skip
    gap = {**test, "name": "valence_gap", "value": 0.125, "low": 0.0, "high": 0.25, "p_adjusted": 0.0625}
    return {
        "task": name, "version": "1", "stage": "coarse", "role": "judge", "data": {"name": "faces", "digest": "abc", "n": 60},
        "read": "text", "settings": [], "n": 60, "answered": 60, "unparsed": 0, "failed": 0, "outcomes": {"ok": 60},
        "metrics": [metric(main, value, primary=True), metric("valence_gap", 0.125, direction="none"),
                    metric(main, 0.7, group={"gender": "man"}), metric(main, 0.8, group={"gender": "woman"}),
                    metric(main, 0.5, group={"age": "old"})],
        "baselines": [{"name": "chance", "metric": main, "value": 0.25}, {"name": "majority", "metric": main, "value": 0.375}],
        "confusion": {"labels": ["happy", "sad"], "matrix": [[20, 8, 2], [5, 25, 0]]},
        "tests": [test, gap], "warnings": [], **fields,
    }  # fmt: skip


def results(*tasks: dict[str, Any], model: str = "llava", **run: Any) -> Results:
    head = {
        "name": f"run-{model}",
        "model": model,
        "judges": [],
        "created": "2026-11-01",
        "versions": {},
        "complete": True,
    }
    return read_results({"schema": 1, "run": {**head, **run}, "tasks": list(tasks)})


def data_of(spec: Any) -> Iterator[dict[str, Any]]:
    """Every row of data in a specification."""
    if isinstance(spec, dict):
        for key, value in spec.items():
            if key in ("datasets", "values") and isinstance(value, dict):
                for rows in value.values():
                    yield from rows
            elif key == "values" and isinstance(value, list) and value and isinstance(value[0], dict):
                yield from value
            else:
                yield from data_of(value)
    elif isinstance(spec, list):
        for value in spec:
            yield from data_of(value)


def ceiling() -> dict[str, Any]:
    found = {"metric": "accuracy", "raters": 5, "method": "bootstrap", "samples": 40, "clusters": 8, "value": 0.9, "low": 0.8,
             "high": 0.95, "judge": {"value": 0.7, "low": 0.6, "high": 0.8}}  # fmt: skip
    return {
        "question": "coarse_emotion",
        "answers": 200,
        "samples": 40,
        "raters": 5,
        "not_used": {},
        "ceiling": found,
    }


def test_the_ladder_shows_the_numbers_of_the_results() -> None:
    first, second = (
        results(task(people=ceiling()), task("fine_intensity", "srcc", -0.25, stage="fine")),
        results(task(value=0.5), model="qwen"),
    )
    rows = ladder_rows([first, second])
    values = {(row["run"], row["task"]): row for row in rows if row["kind"] == "value"}
    for found in (first, second):
        for entry in found.tasks:
            main = entry.primary
            assert main is not None
            row = values[found.run.model, entry.task]
            assert (row["value"], row["low"], row["high"]) == (main.value, main.low, main.high)
    [people] = [row for row in rows if row["kind"] == PERSON]
    assert (people["value"], people["low"], people["high"]) == (0.9, 0.8, 0.95)
    [judge] = [row for row in rows if row["kind"] == AGAINST]
    assert judge["value"] == 0.7
    assert {row["value"] for row in rows if row["kind"] == BASELINE} == {0.375}, (
        "the best baseline, not chance"
    )
    assert list(data_of(as_spec(ladder([first, second])))) == rows


@pytest.mark.slow
@pytest.mark.parametrize("value", [0.75, None])
@pytest.mark.parametrize("main", ["accuracy", "mae"])
def test_the_ladder_is_drawn_without_baselines_and_without_values(main: str, value: float | None) -> None:
    found = task(main=main, baselines=[])
    found["metrics"] = [metric(main, value, primary=True, direction="lower" if main == "mae" else "higher")]
    for runs in ([results(found)], [results(found), results(task(value=0.5), model="qwen")]):
        svg = render(lambda width: ladder(runs, width=width), ".svg").decode()  # noqa: B023
        [height] = re.findall(r'height="([\d.]+)mm"', svg)
        assert 10 < float(height) < 200


def test_metrics_on_other_scales_have_an_axis_of_their_own() -> None:
    found = results(
        task(), task("rated", "mae", 1.4, metrics=[metric("mae", 1.4, primary=True, direction="lower")])
    )
    spec = as_spec(ladder([found]))
    assert len(spec["vconcat"]) == 2
    assert "vconcat" not in as_spec(ladder([results(task())]))


def test_the_confusion_matrix_shows_counts_and_shares_of_rows() -> None:
    entry = results(task()).tasks[0]
    rows = confusion_rows(entry)
    assert {(r["truth"], r["answer"]): r["count"] for r in rows} == {
        ("happy", "happy"): 20, ("happy", "sad"): 8, ("happy", "unparsed"): 2, ("sad", "happy"): 5, ("sad", "sad"): 25, ("sad", "unparsed"): 0,
    }  # fmt: skip
    assert next(r["share"] for r in rows if r["count"] == 8) == pytest.approx(8 / 30)
    assert list(data_of(as_spec(confusion(entry)))) == rows
    parsed = results(task(confusion={"labels": ["happy", "sad"], "matrix": [[1, 0, 0], [0, 0, 0]]})).tasks[0]
    assert {r["answer"] for r in confusion_rows(parsed)} == {"happy", "sad"}, (
        "no column for what did not occur"
    )
    assert [r["share"] for r in confusion_rows(parsed)][2:] == [None, None], "nothing has no shares"
    with pytest.raises(RequestError, match="no confusion matrix"):
        confusion(results(task(confusion=None)).tasks[0])


def test_groups_stand_below_their_column_with_its_corrected_p() -> None:
    entry = results(task()).tasks[0]
    rows = group_rows(entry)
    assert {r["group"]: (r["value"], r["low"], r["high"]) for r in rows if r["group"]} == {
        m.group[next(iter(m.group))]: (m.value, m.low, m.high) for m in entry.metrics if m.group
    }
    heads = [r["row"].split("\N{SYMBOL FOR UNIT SEPARATOR}")[1] for r in rows if not r["group"]]
    assert heads == ["gender: p\N{NO-BREAK SPACE}0.031", "age: not tested"]
    assert {r["column"] for r in group_rows(entry, "age")} == {"age"}
    with pytest.raises(UnknownName, match="'gendre'"):
        groups(entry, "gendre")
    with pytest.raises(RequestError, match="no groups"):
        groups(results(task(metrics=[metric("accuracy", 0.5, primary=True)])).tasks[0])
    drawn = list(data_of(as_spec(groups(entry))))
    assert [row for row in drawn if "row" in row] == rows
    assert {"value": 0.75, "low": 0.6875, "high": 0.78125, "group": "all"} in drawn


def test_the_valence_gap_shows_value_interval_and_corrected_p() -> None:
    found = [results(task()), results(task(), model="qwen")]
    rows = valence_rows(found)
    assert [(r["run"], r["value"], r["low"], r["high"], r["p_adjusted"]) for r in rows] == [
        (name, 0.125, 0.0625, 0.15625, 0.0625) for name in ("llava", "qwen")
    ]
    assert len({r["row"] for r in rows}) == 1, "runs are dodged in one row"
    assert [row for row in data_of(as_spec(valence_gap(found))) if "row" in row] == rows
    with pytest.raises(RequestError, match="valence_gap"):
        valence_gap([results(task(metrics=[metric("accuracy", 0.5, primary=True)]))])


def rated(emotion: str, truth: float, answer: float) -> SampleRow:
    return SampleRow("fine_intensity", "fine_intensity", "faces", "", 0, "", "llava", "s", emotion=emotion, truth=truth, answer=answer, state="rated")  # fmt: skip


@pytest.mark.slow
def test_intensity_counts_samples_and_never_draws_each() -> None:
    rows = [
        rated(emotion, 1 + k % 5, 1 + (k * 7919 % 4001) / 1000)
        for emotion in ("happy", "worry")
        for k in range(50_000)
    ]
    marks = intensity_rows(rows)
    cells = [m for m in marks if m["kind"] == "cell"]
    assert sum(m["count"] for m in cells) == 100_000
    assert len(marks) < 200
    spec = as_spec(intensity(rows))
    assert len(spec["concat"]) == 2, "a panel an emotion"
    assert len(json.dumps(spec)) < 100_000


def test_intensity_shows_medians_quartiles_and_the_metric_of_each_emotion() -> None:
    rows = [rated("happy", 2, answer) for answer in (1, 2, 3, 4, 5)] + [rated("happy", 4, 4)]
    entry = results(task("fine_intensity", "srcc", 0.75, metrics=[metric("srcc", 0.75, primary=True), metric("srcc", 0.5, group={"emotion": "happy"})])).tasks[0]  # fmt: skip
    marks = intensity_rows(rows, entry)
    medians = {m["truth"]: (m["quarter"], m["read"], m["upper"]) for m in marks if m["kind"] == "median"}
    assert medians == {2: (2, 3, 4), 4: (4, 4, 4)}
    assert "0.50 [0.44, 0.53]" in marks[0]["panel"]
    failed = [SampleRow("t", "t", "d", "", 0, "", "m", "s", truth=3.0, answer=None, state="failed")]
    assert intensity_rows(failed) == []
    with pytest.raises(RequestError, match="No sample has a rating"):
        intensity(failed)


def board() -> Leaderboard:
    about = BoardColumn(task="coarse_emotion", version="1", stage="coarse", role="judge", data="faces", digest="abc", answer_mode="text", seed=0,
                        asked="1", metric="accuracy", direction="higher", ranked=2, pairs=1, paired=1)  # fmt: skip

    def row(name: str, value: float, **fields: Any) -> BoardRow:
        found = BoardValue(
            run=name,
            path=name,
            created="",
            value=value,
            low=value - 0.1,
            high=value + 0.1,
            n=60,
            clusters=12,
            **fields,
        )
        return BoardRow(model=name, label=name, values=[found])

    rows = [
        row("a", 0.5, best=2, worst=2),
        row("oracle", 1.0, marks=["it is shown the true answers (an oracle)"]),
        row("b", 0.75, best=1, worst=1),
    ]
    return Leaderboard(tables=[BoardTable(columns=[about], rows=rows, pairs=[[]])])


def test_the_leaderboard_shows_the_best_first_and_what_is_not_ranked_last() -> None:
    rows = list(data_of(as_spec(leaderboard(board()))))
    assert [(r["model"], r["value"], r["ranks"]) for r in rows] == [
        ("b", 0.75, "1"),
        ("a", 0.5, "2"),
        ("oracle", 1.0, "not ranked"),
    ]
    assert rows[2]["marks"] == "it is shown the true answers (an oracle)"
    with pytest.raises(RequestError, match="empty"):
        leaderboard(Leaderboard(tables=[]))


def every_chart() -> dict[str, Any]:
    found = [results(task()), results(task(), model="qwen")]
    entry: TaskResult = found[0].tasks[0]
    return {"ladder": ladder(found), "confusion": confusion(entry), "groups": groups(entry), "valence": valence_gap(found),
            "intensity": intensity([rated("happy", 1, 2)]), "leaderboard": leaderboard(board())}  # fmt: skip


@pytest.mark.slow
def test_colours_come_from_the_theme_alone() -> None:
    for name, chart in every_chart().items():
        spec = as_spec(chart)
        assert "config" not in spec
        assert "#" not in json.dumps({k: v for k, v in spec.items() if k != "$schema"}).replace(
            "'#'", ""
        ).replace('"#', ""), name
        assert "url" not in json.dumps(spec), "nothing is fetched"
    light, dark = config("light"), config("dark")
    assert light["style"].keys() == dark["style"].keys()
    used = {part for chart in every_chart().values() for part in _styles(as_spec(chart))}
    assert used <= light["style"].keys()
    with pytest.raises(UnknownName, match="blue"):
        config("blue")  # type: ignore[arg-type]


def _styles(spec: Any) -> Iterator[str]:
    if isinstance(spec, dict):
        if isinstance(spec.get("style"), str):
            yield spec["style"]
        for value in spec.values():
            yield from _styles(value)
    elif isinstance(spec, list):
        for value in spec:
            yield from _styles(value)


def _luminance(colour: str) -> float:
    parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize(("theme", "behind"), [("light", "#ffffff"), ("dark", "#0d1117")])
def test_marks_stand_out_from_what_is_behind(theme: Any, behind: str) -> None:
    found = config(theme)
    texts = {found["axis"]["labelColor"], found["axis"]["titleColor"], found["title"]["color"]}
    for colours, least in ((texts, 4.5), (found["range"]["category"], 4.0)):
        for colour in colours:
            light, dark = sorted((_luminance(colour), _luminance(behind)), reverse=True)
            assert (light + 0.05) / (dark + 0.05) >= least, colour


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("coarse_emotion", ["coarse_emotion"]),
        ("transformers:llava-hf/llava-1.5-7b-hf", ["transformers:llava-hf/llava-", "1.5-7b-hf"]),
        ("", [""]),
        ("x" * 100, ["x" * 30, "x" * 30, "x" * 29 + "\N{HORIZONTAL ELLIPSIS}"]),
        ("a\x1b[31m\nb", ["a\N{REPLACEMENT CHARACTER}[31m \N{DOWNWARDS ARROW WITH CORNER LEFTWARDS} b"]),
    ],
)
def test_labels_are_broken_into_lines(text: str, expected: list[str]) -> None:
    assert lines(text) == expected
