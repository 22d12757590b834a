"""`harness leaderboard`: ranks from paired tests, what is not ranked, what never shares a table, formats."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers import boards, releases
from helpers.command import InProcess

import harness as public

Make = Callable[..., Path]
N = 120


@pytest.fixture
def three(harness: InProcess, make_data: Make) -> None:
    """Releases in the folder `all`: `good`, all right; `same`, one wrong; `bad`, 60 of 120 wrong."""
    make_data(N)
    for name, count in (("good", 0), ("same", 1), ("bad", 60)):
        boards.ranked(harness, f"all/{name}", boards.wrong(N, count))


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "all").mkdir()


def board(harness: InProcess, *arguments: object) -> dict[str, Any]:
    return dict(json.loads(harness("leaderboard", *arguments, "--json").ok().out))


def ranks(table: dict[str, Any], column: int = 0) -> dict[str, Any]:
    """Release -> its ranks, or why it has none."""
    found = {}
    for row in table["rows"]:
        value = row["values"][column]
        if value is not None:
            found[row["release"]] = (value["best"], value["worst"]) if value["best"] else value["marks"]
    return found


@pytest.mark.usefixtures("three")
def test_ranks_are_what_paired_tests_leave_open(harness: InProcess) -> None:
    [table] = board(harness, "all")["tables"]
    assert ranks(table) == {"good": (1, 2), "same": (1, 2), "bad": (3, 3)}
    [column], [pairs] = table["columns"], table["pairs"]
    assert (column["ranked"], column["pairs"], column["paired"]) == (3, 3, 3)
    by_pair = {(Path(p["first"]).name, Path(p["second"]).name): p for p in pairs}
    compared = json.loads(harness("compare", "all/bad", "all/good", "--json").ok().out)
    main = next(r for r in compared["rows"] if r["kind"] == "metric")["differences"][0]
    mine = by_pair["bad", "good"]
    assert [mine[k] for k in ("value", "low", "high", "p")] == [
        main[k] for k in ("value", "low", "high", "p")
    ]
    assert mine["p_adjusted"] >= mine["p"]
    assert mine["n"] == N


@pytest.mark.usefixtures("three")
def test_every_figure_in_every_format_is_that_of_the_results(harness: InProcess) -> None:
    stored = {
        name: next(m for m in boards.results(Path("all", name))["tasks"][0]["metrics"] if m["primary"])
        for name in ("good", "same", "bad")
    }
    document = board(harness, "all")
    for row in document["tables"][0]["rows"]:
        [value] = row["values"]
        for key in ("value", "low", "high", "n", "clusters", "method"):
            assert value[key] == stored[row["release"]][key]
    lines = list(csv.DictReader(io.StringIO(harness("leaderboard", "all", "--format", "csv").ok().out)))
    assert {line["release"]: [float(line[k]) for k in ("value", "low", "high")] for line in lines} == {
        name: [m["value"], m["low"], m["high"]] for name, m in stored.items()
    }
    assert {line["release"]: (line["best"], line["worst"]) for line in lines}["bad"] == ("3", "3")
    written = {
        form: harness("leaderboard", "all", "--format", form).ok().out
        for form in ("table", "markdown", "latex")
    }
    for name, metric in stored.items():
        value, low, high = (f"{metric[k]:.3f}" for k in ("value", "low", "high"))
        [markdown] = [
            line for line in written["markdown"].splitlines() if line.startswith(f"| echo {name} |")
        ]
        assert rf"{value} \[{low}, {high}\]" in markdown
        [latex] = [line for line in written["latex"].splitlines() if line.startswith(f"    echo {name} &")]
        assert rf"${value}\ [{low},\ {high}]$" in latex
        assert value in written["table"]
        assert f"[{low}, {high}]" in written["table"]
    assert written["latex"].count(r"\toprule") == 1
    frame = public.leaderboard("all").to_frame()
    assert sorted(frame["value"]) == sorted(m["value"] for m in stored.values())


@pytest.mark.usefixtures("three")
def test_what_is_no_evidence_is_listed_and_not_ranked(harness: InProcess) -> None:
    boards.edit(Path("all/good/run.json"), oracles=["echo"])
    boards.edit(Path("all/same/run.json"), trained_on={"echo": ["faces"]})
    for name in ("unfinished", "mixed", "limited"):
        boards.ranked(harness, f"all/{name}", boards.wrong(N, 2))
    done = boards.results(Path("all/unfinished"))
    boards.edit(Path("all/unfinished/results.json"), run={**done["run"], "complete": False})
    served = [{"participant": "echo", "served": {"model": v}, "replies": 60} for v in ("a", "b")]
    done = boards.results(Path("all/mixed"))
    boards.edit(Path("all/mixed/results.json"), run={**done["run"], "complete": False, "served": served})
    boards.edit(Path("all/limited/run.json"), halted="It cost as much as --max-cost allows.")
    [table] = board(harness, "all")["tables"]
    assert ranks(table) == {
        "bad": (1, 1),
        "good": ["it is shown the true answers (an oracle)"],
        "same": ["it was trained on pictures of faces, as these are"],
        "unfinished": ["incomplete"],
        "mixed": ["mixes replies of two releases of echo"],
        "limited": ["ended by a limit"],
    }
    assert table["rows"][0]["release"] == "bad", "ranked models come first"
    shown = harness("leaderboard", "all").ok().out
    assert "not ranked: it is shown the true answers (an oracle)" in shown


@pytest.mark.usefixtures("three")
def test_other_data_versions_and_prompts_are_never_ranked_together(
    harness: InProcess, make_data: Make
) -> None:
    make_data(N + 6, name="others")
    boards.ranked(harness, "all/elsewhere", boards.wrong(N + 6, 3), "--data", "others")
    for name in ("version", "seed", "mode"):
        path = boards.ranked(harness, f"all/{name}", boards.wrong(N, 4))
        document, done = json.loads((path / "run.json").read_text()), boards.results(path)["tasks"][0]
        if name == "version":
            document["request"]["tasks"]["coarse_emotion"]["version"] = done["version"] = "9"
        elif name == "mode":
            done["read"] = "choice"
        else:
            document["request"]["seed"] += 1
        boards.edit(path / "results.json", tasks=[done])
        (path / "run.json").write_text(json.dumps(document))
    found = board(harness, "all")["tables"]
    together = sorted((set(ranks(table)) for table in found), key=lambda group: max(group), reverse=True)
    assert {"good", "same", "bad"} in together
    assert {"elsewhere"} in together
    assert [{"version"}, {"seed"}, {"mode"}] == [
        group for group in together if group & {"version", "seed", "mode"}
    ]
    assert len({table["columns"][0]["asked"] for table in found}) == 5


@pytest.mark.usefixtures("three")
def test_the_newest_of_several_runs_counts(harness: InProcess) -> None:
    shutil.copytree("all/good", "all/older")
    document = json.loads(Path("all/good/run.json").read_text())
    for name in ("run.json",):
        boards.edit(Path("all/older", name), created="2001-01-01T00:00:00+00:00")
    found = board(harness, "all")
    assert len(found["tables"][0]["rows"]) == 3
    assert [row["values"][0]["path"] for row in found["tables"][0]["rows"] if row["release"] == "good"] == [
        "all/good"
    ]
    [note] = found["notes"]
    assert (
        note
        == "all/older is left out for coarse_emotion: all/good is a newer run of the same model and release"
    )
    assert document["created"] > "2001"


@pytest.mark.usefixtures("three")
def test_runs_without_shared_samples_are_compared_by_their_intervals(harness: InProcess) -> None:
    Path("all/bad/replies.jsonl").write_text("")
    found = board(harness, "all")
    [table] = found["tables"]
    assert ranks(table) == {"good": (1, 2), "same": (1, 2), "bad": (3, 3)}
    assert table["columns"][0]["paired"] == 1
    assert [p["evidence"] for p in table["pairs"][0]].count("intervals") == 2
    assert any("2 of 3 pairs of models share no samples" in note for note in table["notes"])
    assert "their intervals were compared instead" in harness("leaderboard", "all").ok().out.replace(
        "\n", " "
    )


@pytest.mark.usefixtures("three")
def test_filters_and_what_they_do_not_match(harness: InProcess) -> None:
    digest = board(harness, "all")["tables"][0]["columns"][0]["digest"]
    for options in (("--task", "coarse_emotion"), ("--data", "faces"), ("--data-digest", digest[:8])):
        assert len(board(harness, "all", *options)["tables"][0]["rows"]) == 3
    for options, message in (
        (("--task", "coarse_emotoin"), "Did you mean 'coarse_emotion'"),
        (("--data", "face"), "Did you mean 'faces'"),
        (("--data-digest", "ffffffff"), "Unknown data digest"),
        (("--data-digest", "ff"), "too short"),
    ):
        harness("leaderboard", "all", *options).fails(2, message)


@pytest.mark.usefixtures("three")
def test_folders_baselines_and_damaged_runs(harness: InProcess) -> None:
    harness("gate", "--bless", "all/bad", "--baseline", "kept/base").ok()
    shutil.copytree("all/good", "kept/broken")
    Path("kept/broken/run.json").write_text("{")
    shutil.copytree("all/good", "kept/unscored")
    Path("kept/unscored/results.json").unlink()
    found = board(harness, "all/good", "kept")
    assert ranks(found["tables"][0]) == {"good": (1, 1), "bad": (2, 2)}, "a packed baseline has rows"
    assert found["tables"][0]["columns"][0]["paired"] == 1
    assert len([note for note in found["notes"] if "kept/broken" in note or "kept/unscored" in note]) == 2
    Path("empty").mkdir()
    harness("leaderboard", "empty").fails(2, "There is no run in 'empty'")
    harness("leaderboard", "nowhere").fails(2, "There is no run 'nowhere'")
    harness("leaderboard", "kept/unscored").fails(2, "harness score")
    harness("leaderboard").fails(2, "needs a folder")


@pytest.mark.usefixtures("three")
def test_untrusted_names_are_escaped_in_every_format(harness: InProcess) -> None:
    evil = "=cmd|x <script>& % _ \x1b[31m\n@you"
    document = json.loads(Path("all/good/run.json").read_text())
    document["request"]["model"]["release"] = evil
    Path("all/good/run.json").write_text(json.dumps(document))
    for form in ("table", "markdown", "csv", "latex", "json"):
        out = harness("leaderboard", "all", "--format", form).ok().out
        assert "\x1b" not in out
        if form == "csv":
            assert "'=cmd" in out
            assert all(not cell.startswith("=") for row in csv.reader(io.StringIO(out)) for cell in row)
        if form == "markdown":
            assert r"\<script\>" in out
        if form == "latex":
            assert r"\textless{}script\textgreater{}\& \% \_" in out.replace("} \\&", "}\\&")


@pytest.mark.usefixtures("three")
def test_it_is_written_to_a_file_in_the_form_of_its_name(harness: InProcess) -> None:
    said = harness("leaderboard", "all", "--out", "table.tex").ok().out
    assert "3 models in 1 table\n" in said
    assert r"\begin{table}" in Path("table.tex").read_text()
    harness("leaderboard", "all", "--out", "no/table.tex").fails(2, "cannot be written")
    harness("leaderboard", "all", "--format", "html").fails(2, "Name it: --out")
    harness("leaderboard", "all", "--format", "csv", "--out", "table.md").fails(
        2, "not named as csv", "table.csv"
    )
    harness("leaderboard", "all", "--out", "all").fails(2, "is a folder", "all/leaderboard.txt")


@pytest.mark.usefixtures("three")
@pytest.mark.parametrize("name", ["run.json", "results.json", "replies.jsonl", "samples.jsonl"])
def test_files_of_a_run_are_never_replaced(harness: InProcess, name: str) -> None:
    stored = Path("all/good", name)
    before = stored.read_bytes()
    for form in ("json", "csv", "table"):
        harness("leaderboard", "all", "--format", form, "--out", stored).fails(2, "a file of the run itself")
    assert stored.read_bytes() == before


def test_rows_name_the_options_that_differ_and_are_given(harness: InProcess, make_data: Make) -> None:
    faces = make_data(12)
    for name, options in (("plain", {}), ("fixed", {"text": "happy"}), ("less", {"accuracy": 0.5})):
        public.evaluate("coarse_emotion", "echo", data=faces, options=options, out=f"all/{name}")
    [table] = board(harness, "all")["tables"]
    assert sorted(row["label"] for row in table["rows"]) == [
        "echo (accuracy=0.5)",
        "echo (accuracy=1.0)",
        "echo (accuracy=1.0, text=happy)",
    ]


@pytest.mark.usefixtures("three")
def test_a_model_of_several_runs_is_one_row(harness: InProcess) -> None:
    """Tasks that were run apart stand side by side."""
    releases.run(harness, "all/good2", boards.wrong(N, 0), "--release", "good", task="coarse_polarity")
    document = json.loads(Path("all/good2/run.json").read_text())
    document["oracles"] = []
    document["request"]["model"]["options"] = json.loads(Path("all/good/run.json").read_text())["request"][
        "model"
    ]["options"]
    Path("all/good2/run.json").write_text(json.dumps(document))
    [table] = board(harness, "all")["tables"]
    assert [c["task"] for c in table["columns"]] == ["coarse_emotion", "coarse_polarity"]
    [row] = [row for row in table["rows"] if row["release"] == "good"]
    assert [Path(value["path"]).name for value in row["values"]] == ["good", "good2"]
    assert [row["values"][1] for row in table["rows"] if row["release"] == "bad"] == [None]
