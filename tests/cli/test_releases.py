"""Which release of a model was tested: `--release`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers.command import InProcess
from helpers.results import replies

import harness as public
from harness import RequestError

Make = Callable[..., Path]
RUN = ("run", "--task", "coarse_emotion", "--model", "echo", "--data", "faces")
GENERATE = (
    "run",
    "--task",
    "t2i_emotion",
    "--model",
    "echo",
    "--judge",
    "echo",
    "-o",
    "size=64",
    "--limit",
    "6",
)


def request(folder: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(Path(folder, "run.json").read_text())["request"]
    return document


@pytest.mark.parametrize("run", [RUN, GENERATE], ids=["judge", "generator"])
def test_another_release_is_another_run(run: tuple[str, ...], harness: InProcess, faces: Path) -> None:
    plain = harness(*run, "--json").ok().results
    first = harness(*run, "--release", "2026-01", "--json").ok().results
    again = harness(*run, "--release", "2026-01", "--json").ok()
    assert again.results == first
    assert "already stored" in again.err
    other = harness(*run, "--release", "2026-02", "--json").ok().results
    names = [results["run"]["name"] for results in (plain, first, other)]
    assert len({*names}) == 3
    assert [results["run"]["release"] for results in (plain, first, other)] == [None, "2026-01", "2026-02"]
    assert "2026-01" in names[1]
    ids = [set(replies(f"runs/{name}")) for name in names]
    assert not ids[0] & ids[1]
    assert not ids[1] & ids[2]
    assert request(f"runs/{names[1]}")["model"]["release"] == "2026-01"
    assert "release" not in request(f"runs/{names[0]}")["model"], "ids without a release stay as they were"


def test_judges_of_a_generator_have_no_release(harness: InProcess) -> None:
    harness(*GENERATE, "--release", "2", "--out", "run").ok()
    assert all("release" not in judge for judge in request("run")["judges"])


def test_a_folder_holds_one_release(harness: InProcess, faces: Path) -> None:
    harness(*RUN, "--release", "a", "--out", "run").ok()
    harness(*RUN, "--release", "b", "--out", "run").fails(2, 'model.release was "a", is "b"')
    harness(*RUN, "--out", "run").fails(2, 'model.release was "a", is null')


@pytest.mark.parametrize(
    ("form", "head"),
    [("table", "\nmodel echo, release v2 \N{MIDDLE DOT} "), ("markdown", "Model: echo, release v2\n")],
)
def test_reports_name_the_release(form: str, head: str, harness: InProcess, faces: Path) -> None:
    harness(*RUN, "--release", "v2", "--out", "run").ok()
    assert head in harness("show", "run", "--format", form).ok().out
    assert harness("score", "run", "--json").ok().results["run"]["release"] == "v2"


@pytest.mark.parametrize("release", ["", "  ", "a\nb", "a\x1b[31m", "x" * 201])
def test_releases_that_are_no_names(release: str, harness: InProcess, faces: Path) -> None:
    harness(*RUN, "--release", release, "--out", "run").refuses(2, "release")
    assert not Path("run").exists()


def test_release_from_python(faces: Path, tmp_path: Path) -> None:
    result = public.evaluate("coarse_emotion", "echo", data=faces, release="r 1", out=tmp_path / "run")
    assert result.results.run.release == "r 1"
    for wrong in (3j, ["a"], b"a", True):
        with pytest.raises(RequestError, match="release must be a text"):
            public.evaluate("coarse_emotion", "echo", data=faces, release=wrong)  # type: ignore[arg-type]


def test_a_baseline_is_never_written(harness: InProcess, faces: Path) -> None:
    harness(*RUN, "--out", "run").ok()
    path = Path("run/run.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"baseline": True}))
    before = {p: p.read_bytes() for p in Path("run").iterdir()}
    harness(*RUN, "--out", "run").refuses(2, "is a baseline of the gate; choose a different --out")
    harness(*RUN, "--limit", "3", "--seed", "4", "--out", "run").refuses(2, "is a baseline of the gate")
    assert {p: p.read_bytes() for p in Path("run").iterdir()} == before
    harness("show", "run").ok()
