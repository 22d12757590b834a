"""Exported files agree with the results, are read back by pandas and datasets, and replace nothing of the user's."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import datasets
import pandas
import pyarrow.parquet
import pytest
from helpers.command import InProcess

from harness import Capability, Judge, JudgeReply, JudgeRequest, ReplyError, evaluate, load
from harness.exporting.sample_columns import FIXED, SampleColumns
from harness.exporting.samples import iter_samples

Make = Callable[..., Path]
HOSTILE = [
    "happy",
    "=HYPERLINK(\"http://x\")", "+1+1|cmd", "-1+1", "@SUM(A1)", "\t=1", "two\nlines, \"quoted\"", "\x1b[31mred\u202e", "\x00",
    "lone \ud800 surrogate",
]  # fmt: skip


class Hostile(Judge):
    """Says what breaks spreadsheets, and fails once."""

    capabilities = frozenset({Capability.TEXT})

    def identity(self) -> Mapping[str, str]:
        return {"version": "1"}

    def judge(self, batch: Sequence[JudgeRequest]) -> Iterator[JudgeReply]:
        for request in batch:
            number = int(request.sample_id.strip("s"))
            if number == 11:
                yield JudgeReply(request.id, error=ReplyError("=1+1", "no answer"))
            else:
                usage = {"prompt_tokens": number, "detail": {"cached": 1}, "cost": 0.5}
                yield JudgeReply(request.id, text=HOSTILE[number % len(HOSTILE)], usage=usage)


@pytest.fixture
def run(harness: InProcess, faces: Path) -> Path:
    return evaluate(["coarse_emotion", "fine_intensity"], Hostile(), data=faces, out="run").path


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_each_format_holds_the_same_rows(harness: InProcess, run: Path) -> None:
    for form, name in [
        ("parquet", "samples.parquet"),
        ("csv", "samples.csv"),
        ("jsonl", "samples.export.jsonl"),
    ]:
        out = harness("export", "run", "--format", form).ok().out
        assert out.startswith(f"run/{name}: 22 rows, 34 columns,"), out
    columns = SampleColumns.of_run(run)
    assert list(columns.kinds) == [
        *FIXED, "usage.cost", "usage.prompt_tokens", "attribute.subject"
    ]  # fmt: skip
    rows = [columns.cells(row) for row in iter_samples(run)]
    frames: dict[str, Any] = {
        "parquet": pandas.read_parquet(run / "samples.parquet"),
        "csv": pandas.read_csv(run / "samples.csv", keep_default_na=False, na_values={}),
        "jsonl": pandas.json_normalize(
            [json.loads(line) for line in (run / "samples.export.jsonl").read_text().splitlines()]
        ),
        "load": load("run").samples(),
    }
    for form, found in frames.items():
        assert list(found.columns) == list(columns.kinds), form
        assert len(found) == len(rows)
        assert (found["state"] == "failed").sum() == 1, form
        for name in ("task", "sample", "state", "read_as", "truth", "answer", "repeat"):
            assert found[name].astype(str).tolist() == [str(r[list(columns.kinds).index(name)]) for r in rows]
    for name, kind in columns.kinds.items():
        if kind == "number":
            assert frames["parquet"][name].dtype == "float64"
            pandas.testing.assert_series_equal(frames["parquet"][name], frames["load"][name])


def test_counts_and_values_are_those_of_the_results(harness: InProcess, run: Path) -> None:
    harness("export", "run", "--format", "parquet", "--out", "s.parquet").ok()
    frame = pandas.read_parquet("s.parquet")
    for task in load("run").tasks:
        mine = frame[frame.task == task.task]
        states = mine.state.value_counts()
        assert (len(mine), states.get("failed", 0), states.get("unparsed", 0)) == (
            task.n,
            task.failed,
            task.unparsed,
        )
        assert (mine["usage.cost"].sum(), mine["usage.prompt_tokens"].sum()) == (
            task.usage["cost"],
            task.usage["prompt_tokens"],
        )
        for metric in task.metrics:
            if metric.name == "accuracy" and not metric.group:
                assert states["right"] / (len(mine) - task.failed) == pytest.approx(metric.value)


def test_replies_are_whole_except_in_csv_where_no_cell_is_a_formula(harness: InProcess, run: Path) -> None:
    for form in ("parquet", "csv", "jsonl"):
        harness("export", "run", "--format", form, "--out", f"s.{form}").ok()
    clean = [text.replace("\ud800", "\N{REPLACEMENT CHARACTER}") for text in HOSTILE]
    expected = {f"s{n:05}": clean[n % len(clean)] for n in range(11)} | {"s00011": ""}
    parquet = pyarrow.parquet.read_table("s.parquet").to_pylist()
    assert {row["sample"]: row["reply"] for row in parquet} == expected
    lines = [json.loads(line) for line in Path("s.jsonl").read_text(encoding="utf-8").splitlines()]
    assert {row["sample"]: row["reply"] for row in lines} == expected
    cells = [cell for row in table(Path("s.csv")) for cell in row.values()]
    assert not [c for c in cells if c[:1] in ("=", "+", "-", "@", "\t", "\r")]
    assert "'=1+1" in cells, "the kind of a failure is untrusted too"
    assert Path("s.csv").read_text(encoding="utf-8").isprintable() is False
    assert len(Path("s.csv").read_text(encoding="utf-8").split("\n")) == 24, "one line a row"


def test_hugging_face_datasets_reads_the_files(
    harness: InProcess, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    for form, loader in (("parquet", "parquet"), ("csv", "csv"), ("jsonl", "json")):
        harness("export", "run", "--format", form, "--out", f"s.{form}").ok()
        found = datasets.load_dataset(
            loader, data_files=f"s.{form}", split="train", cache_dir=str(tmp_path / "cache")
        )
        assert len(found) == 22
        assert found[0]["task"] == "coarse_emotion"
        assert (
            sorted(found.unique("state"))
            == ["failed", "right", "unparsed", "wrong"][: len(found.unique("state"))]
        )
    assert pandas.read_json("s.jsonl", lines=True).shape[0] == 22


def test_whole_numbers_that_no_float_holds_are_exported(harness: InProcess, run: Path) -> None:
    """A data set may hold them, and so may a run folder from elsewhere."""
    path = run / "samples.jsonl"
    records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    for record in records:
        record["intensity"], record["quality"] = 10**18 + 1, 3
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    for form in ("parquet", "csv", "jsonl"):
        harness("export", "run", "--format", form, "--out", f"s.{form}").ok()
    assert set(pandas.read_parquet("s.parquet")["intensity"]) == {1e18}


def test_an_earlier_export_is_replaced_and_nothing_else(harness: InProcess, run: Path) -> None:
    for form in ("parquet", "csv", "jsonl"):
        harness("export", "run", "--out", f"s.{form}").ok()
        harness("export", "run", "--out", f"s.{form}").ok()
        Path(f"mine.{form}").write_bytes(b"my own file")
        refused = harness("export", "run", "--out", f"mine.{form}")
        assert refused.fails(2, "is not an export of samples", "--force")
        assert Path(f"mine.{form}").read_bytes() == b"my own file"
        harness("export", "run", "--out", f"mine.{form}", "--force").ok()
        assert Path(f"mine.{form}").read_bytes() == Path(f"s.{form}").read_bytes()
        Path(f"empty.{form}").touch()
        harness("export", "run", "--out", f"empty.{form}").ok()
    stored = (run / "samples.jsonl").read_bytes()
    for name in ("samples.jsonl", "replies.jsonl", "results.json", "run.json"):
        assert harness("export", "run", "--format", "jsonl", "--out", run / name, "--force").code == 2
    assert (run / "samples.jsonl").read_bytes() == stored
    assert harness("export", "run", "--out", "run").fails(2, "is a folder", "samples.csv")
    assert harness("export", "run", "--out", "none/s.csv").fails(2, "cannot be written", "--out")
    assert not [p for p in Path().iterdir() if p.name.endswith(".tmp")]
    # A run with exports in its folder is the same run.
    assert harness("export", "run").ok()
    assert harness("score", "run").code == 3
    assert evaluate(["coarse_emotion", "fine_intensity"], Hostile(), data="faces", out="run").failed == 1


def test_formats_and_places(harness: InProcess, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    printed = harness("export", "run", "--out", "-").ok().out
    harness("export", "run", "--out", "s.csv").ok()
    assert printed == Path("s.csv").read_text(encoding="utf-8")
    assert harness("export", "run", "--format", "parquet", "--out", "-").fails(2, "csv or jsonl")
    assert harness("export", "run", "--format", "csv", "--out", "s.parquet").fails(2, "--format parquet")
    assert harness("export", "run", "--out", "s.xlsx").fails(2, "not named as csv", "s.csv")
    assert harness("export", "run", "--format", "jsonll").fails(2, "Did you mean 'jsonl'?")
    assert harness("export", "run", "-o", "a=b").fails(2, "no options")
    assert harness("export", "rum").fails(
        2, "Did you mean 'run'?" if Path("runs/run").exists() else "no run 'rum'"
    )
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    assert harness("export", "run", "--format", "parquet").fails(2, "pyarrow", "pip install")


def test_a_folder_of_portraits_has_no_questions(harness: InProcess) -> None:
    harness(
        "generate",
        "--model",
        "echo",
        "--prompts",
        "emotion_600",
        "--limit",
        3,
        "-o",
        "size=64",
        "--out",
        "made",
    ).ok()
    assert harness("export", "made").fails(2, "portraits but no answers", "harness run")
    assert "no such samples" in harness("show", "made", "--samples").ok().out


def test_shown_samples_are_whole_json_lines_with_the_fields_of_the_export(
    harness: InProcess, run: Path
) -> None:
    harness("export", "run", "--out", "s.jsonl").ok()
    exported = [json.loads(line) for line in Path("s.jsonl").read_text(encoding="utf-8").splitlines()]
    shown = harness("show", "run", "--samples", "--json").ok()
    assert [json.loads(line) for line in shown.out.splitlines()] == exported
    assert shown.err == ""
    few = harness("show", "run", "--samples", "--json", "--limit", 2).ok()
    assert [json.loads(line) for line in few.out.splitlines()] == exported[:2]
    assert "more" in few.err
    none = harness("show", "run", "--samples", "--json", "--prose").ok()
    assert (none.out, none.err) == ("", "no such samples\n")


def test_a_strict_export_has_the_rows_of_a_strict_score(harness: InProcess, faces: Path) -> None:
    Path("said.jsonl").write_text(
        "\n".join(json.dumps({"id": f"s{i:05}", "text": "This person looks happy to me."}) for i in range(12))
    )
    task = ["run", "--task", "coarse_emotion", "--model", "echo", "--data", "faces", "--out", "run"]
    harness(*task, "-o", "replies=said.jsonl").ok()
    harness("export", "run", "--out", "plain.csv").ok()
    harness("export", "run", "--strict", "--out", "strict.csv").ok()
    assert {row["how"] for row in table(Path("plain.csv"))} == {"prose"}
    assert {(row["how"], row["state"]) for row in table(Path("strict.csv"))} == {("", "unparsed")}


def test_a_baseline_stays_as_it_is(harness: InProcess, faces: Path) -> None:
    evaluate("coarse_emotion", "echo", data=faces, out="run")
    harness("gate", "--bless", "run", "--baseline", "base").ok()
    before = sorted(p.name for p in Path("base").iterdir())
    assert harness("export", "base").fails(2, "baseline of the gate", "--out")
    harness("export", "base", "--out", "base.csv").ok()
    harness("export", "run", "--out", "run.csv").ok()
    assert len(table(Path("base.csv"))) == len(table(Path("run.csv"))) == 12
    assert sorted(p.name for p in Path("base").iterdir()) == before
    assert len(load("base").samples()) == 12
