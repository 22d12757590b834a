"""Stored runs in Python: loaded, looked up without guessing, as data frames, and shown in notebooks."""

from __future__ import annotations

import importlib.util
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import data
from helpers import people as people_data

import harness
from harness import RequestError, RunResult, UnknownName, evaluate, load
from harness.exporting.run_result import METRIC_COLUMNS


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    """Two tasks on two data sets, one of them in several prompt variants."""
    folder = tmp_path_factory.mktemp("made")
    return evaluate(
        ["coarse_emotion", "fine_intensity"],
        "echo",
        data=[data.make(folder / "one", 12), data.make(folder / "two", 12, offset=30)],
        prompt_variants="all",
        options={"accuracy": 0.7},
        out=folder / "made",
    )


@pytest.fixture
def several(made: RunResult) -> RunResult:
    """A copy of the run, as `runs/mine` of the test's own folder."""
    shutil.copytree(made.path, "runs/mine")
    return replace(made, path=Path("runs/mine"))


def test_a_loaded_run_is_the_run_that_was_evaluated(several: RunResult) -> None:
    for reference in ("mine", "runs/mine", Path("runs/mine"), several.path.resolve()):
        found = load(reference)
        assert type(found) is RunResult
        assert found.results == several.results
        assert str(found).splitlines()[1:] == str(several).splitlines()[1:]
        assert len(found.samples()) == len(several.samples())


def test_what_cannot_be_loaded_says_what_to_do(several: RunResult, faces: Path) -> None:
    with pytest.raises(RequestError, match="Did you mean 'mine'"):
        load("mime")
    with pytest.raises(RequestError, match="not a run folder"):
        load(faces)
    for wrong in (None, 3, several):
        with pytest.raises(RequestError, match="run must be a folder or a name"):
            load(wrong)  # type: ignore[arg-type]
    stored = several.path / "results.json"
    content = stored.read_text()
    stored.write_text(content[:100])
    with pytest.raises(RequestError, match=r"cannot be read.*harness score"):
        load("mine")
    stored.unlink()
    with pytest.raises(RequestError, match=r"no results yet.*harness score"):
        load("mine")
    assert len(several.samples()), "samples need no results"


def test_a_metric_is_never_guessed(several: RunResult) -> None:
    with pytest.raises(KeyError) as ambiguous:
        several.metric("accuracy")
    message = str(ambiguous.value)
    assert isinstance(ambiguous.value, RequestError)
    assert "task='coarse_emotion'" not in message, "only what differs is listed"
    assert "data='one', variant='plain'" in message
    assert "Add data= and variant=" in message
    with pytest.raises(KeyError, match=r"Add variant="):
        several.metric("accuracy", data="one")
    with pytest.raises(KeyError, match=r"Add data="):
        several.metric("accuracy", "coarse_emotion", variant="plain")
    value = several.metric("accuracy", data="two", variant="plain", emotion="happy")
    entry = next(t for t in several.tasks if (t.data.name, t.prompt_variant) == ("two", "plain"))
    found = next(m for m in entry.metrics if m.name == "accuracy" and m.group == {"emotion": "happy"})
    assert value == found.value
    assert several.metric_value("accuracy", data="two", variant="plain", emotion="happy") == found


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ({"name": "acuracy"}, "no metric 'acuracy'. Did you mean 'accuracy'?"),
        (
            {"name": "accuracy", "task": "coarse_emotoin"},
            "no task 'coarse_emotoin'. Did you mean 'coarse_emotion'?",
        ),
        ({"name": "accuracy", "data": "tow"}, "no data set 'tow'. Did you mean 'two'?"),
        ({"name": "accuracy", "variant": "plan"}, "no prompt variant 'plan'. Did you mean 'plain'?"),
        ({"name": "accuracy", "judge": "fer"}, "no judge 'fer'. There is none."),
        ({"name": "accuracy", "emotion": "hapy"}, "Did you mean 'emotion=happy'?"),
        ({"name": "mae", "task": "coarse_emotion"}, "no metric 'mae' in task='coarse_emotion'."),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_not_there_names_the_nearest(several: RunResult, call: dict[str, str], expected: str) -> None:
    with pytest.raises(KeyError) as missing:
        several.metric(**call)
    assert isinstance(missing.value, UnknownName)
    assert expected in str(missing.value)


@pytest.mark.parametrize(
    "call", [{"name": None}, {"name": "accuracy", "task": 3}, {"name": "accuracy", "data": ["one"]}]
)
def test_names_that_are_no_texts_are_refused(several: RunResult, call: dict[str, Any]) -> None:
    with pytest.raises(RequestError, match=r"must be a name, not (None|3|\['one'\])"):
        several.metric(**call)


def test_judges_of_a_generator_are_told_apart() -> None:
    result = evaluate("t2i_emotion", "echo", judge=["echo", "fer"], limit=6, options={"size": 64})
    with pytest.raises(KeyError, match=r"judge='echo'; judge='fer'.* Add judge=, such as judge='echo'"):
        result.metric("fidelity")
    assert result.metric("fidelity", judge="echo") == 1.0


def test_metrics_are_one_row_a_value(several: RunResult) -> None:
    frame = several.metrics()
    assert tuple(frame.columns) == METRIC_COLUMNS
    values = [(t, m) for t in several.tasks for m in t.metrics]
    assert len(frame) == len(values)
    assert frame["n"].tolist() == [m.n for _, m in values]
    np.testing.assert_array_equal(
        frame["value"].to_numpy(), np.array([m.value for _, m in values], dtype=np.float64)
    )
    happy = frame[(frame.metric == "accuracy") & (frame.group == "emotion=happy")]
    assert len(happy) == len(
        {(t.data.name, t.prompt_variant) for t, _ in values if t.task == "coarse_emotion"}
    )
    keys = ["task", "data", "judge", "prompt_variant"]
    joined = several.samples()[keys].drop_duplicates().merge(frame[frame.primary], on=keys, how="left")
    assert joined["value"].notna().all(), "samples and metrics share their keys"


def test_without_pandas_frames_are_lists_of_dicts(
    several: RunResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = several.metrics()
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name == "pandas" else found(name, *a)
    )
    rows = several.metrics()
    assert [tuple(row) for row in rows] == [METRIC_COLUMNS] * len(frame)
    assert rows[0]["value"] == frame["value"][0]
    samples = several.samples()
    assert isinstance(samples, list)
    assert json.loads(json.dumps(samples)) == samples
    assert samples[0]["attribute.subject"] == "person0"


def test_rows_without_replies_make_a_frame_too(faces: Path) -> None:
    result = evaluate("coarse_emotion", "echo", data=faces, options={"accuracy": 1.0}, out="run")
    (result.path / "samples.jsonl").write_text("")
    frame = result.samples()
    assert len(frame) == 0
    assert frame["error"].dtype == "float64"


def test_a_notebook_shows_the_ladder_escaped(tmp_path: Path) -> None:
    folder = people_data.make_people(tmp_path / "<img src=x onerror=alert(1)>")
    result = evaluate("comprehension", "echo", data=folder, options={"accuracy": 0.8}, out="<b>run</b>")
    shown = result._repr_html_()
    assert "<img" not in shown
    assert "&lt;b&gt;run&lt;/b&gt;" in shown
    assert "color" not in shown, "a notebook may be light or dark"
    order = [
        shown.index(f">{t}<") for t in ("coarse_polarity", "coarse_emotion", "fine_intensity", "nuance_pairs")
    ]
    assert order == sorted(order)
    for task in result.tasks:
        assert task.primary is not None
        assert f">{task.primary.value:.3f}<" in shown
        assert task.best_baseline is not None
        assert f">{task.best_baseline.value:.3f} ({task.best_baseline.name})<" in shown


def test_names_are_public() -> None:
    assert {"load", "RunResult", "SampleRow"} <= set(harness.__all__)


def test_rows_are_typed_and_streamed(several: RunResult) -> None:
    rows = several.rows()
    first: Any = next(rows)
    assert isinstance(first, harness.SampleRow)
    assert (first.task, first.data, first.model) == ("coarse_emotion", "one", "echo")
