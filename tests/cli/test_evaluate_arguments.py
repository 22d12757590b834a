"""`harness.evaluate`: several models, arguments that are refused by name, and progress for whoever watches."""

from __future__ import annotations

import subprocess
import sys
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import harness
from harness import Judge, JudgeReply, JudgeRequest, RequestError, RunResult, evaluate
from harness.run import progress as displays
from harness.run.watch import Watch

Make = Callable[..., Path]


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


class Says(Judge):
    """Gives every picture one answer."""

    def __init__(self, word: str) -> None:
        super().__init__()
        self.word, self.asked = word, 0

    def identity(self) -> Mapping[str, str]:
        return {"word": self.word}

    def judge(self, batch: Sequence[JudgeRequest]) -> Iterator[JudgeReply]:
        for request in batch:
            self.asked += 1
            yield JudgeReply(request.id, text=self.word)


def test_several_models_are_several_runs_in_the_same_order(faces: Path) -> None:
    judges = [Says("happy"), Says("sad")]
    results = evaluate("coarse_emotion", [*judges, "echo"], data=faces, out="many")
    assert [type(r) for r in results] == [RunResult] * 3
    assert [r.metric("accuracy", emotion="sad") for r in results] == [0.0, 1.0, 1.0]
    assert {r.path.parent for r in results} == {Path("many")}
    assert len({r.path for r in results}) == 3
    assert harness.compare(results[:2]).runs[1].name
    again = evaluate("coarse_emotion", iter(judges), data=[faces], out=Path("many"))
    assert [r.path for r in again] == [r.path for r in results[:2]], "they resume"
    assert [j.asked for j in judges] == [12, 12]
    assert [r.results.run.model for r in evaluate("coarse_emotion", np.array(["echo"]), data=faces)] == [
        "echo"
    ]  # type: ignore[call-overload]
    single = evaluate("coarse_emotion", "echo", data=faces)
    assert isinstance(single, RunResult)


def test_all_models_are_checked_before_the_first_is_asked(faces: Path) -> None:
    judge = Says("happy")
    for models in ([judge, "ecco"], [judge, judge], [judge, 3], []):
        with pytest.raises(RequestError):
            evaluate("coarse_emotion", models, data=faces)  # type: ignore[call-overload]
    for name in ("release", "gate"):
        with pytest.raises(RequestError, match=f"{name} is about one model"):
            evaluate("coarse_emotion", [judge], data=faces, **{name: "x"})  # type: ignore[call-overload]
    assert judge.asked == 0
    assert not Path("runs").exists()


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"dta": "faces"}, "evaluate has no argument 'dta'. Did you mean 'data'?"),
    ({"max_failure": 3}, "Did you mean 'max_failures'?"),
    ({"limit": 2.5}, "limit must be a whole number, not 2.5. Did you mean 2?"),
    ({"repeats": 0}, "repeats must be at least 1, not 0."),
    ({"max_failures": "few"}, "omit max_failures for the default"),
    ({"max_cost": 0}, "max_cost must be a number above 0, not 0. For example: max_cost=2.5"),
    ({"max_time": "soon"}, "max_time must be a duration, not 'soon'."),
    ({"model": 3}, "model must be a name or an object, not 3."),
    ({"model": Judge}, "model must be a name or an object, not the class Judge."),
    ({"judge": [None]}, "judge must be a name or an object, not None."),
    ({"task": "coarse_emoton"}, "Did you mean 'coarse_emotion'?"),
    ({"task": None}, "Give task; see `harness list tasks`."),
    ({"data": 3}, "data must be a name or a path, not 3."),
    ({"data": "portrits"}, "Did you mean 'portraits'?"),
    ({"prompt_variants": "al"}, "Did you mean 'all'?"),
    ({"options": {"acuracy": 1}}, "Did you mean 'accuracy'?"),
    ({"options": 3}, "options must be a table"),
    ({"judge": "fer"}, "Omit judge, or choose a generator task."),
    ({"judge_options": {"a": 1}}, 'judge_options is not used. Give options of the model under test with options={"KEY"'),
    ({"strict": 1}, "strict must be True or False, not 1."),
    ({"progress": "bar"}, "progress must be True or False, not 'bar'."),
    ({"watch": True}, "watch must be a Watch, not True."),
    ({"watch": Watch(), "progress": True}, "cannot both be given"),
    ({"out": 3}, "out must be a name or a path, not 3."),
    ({"gate": "runs/none"}, "no run 'runs/none'"),
]  # fmt: skip


@pytest.mark.parametrize(("wrong", "message"), WRONG, ids=[m for _, m in WRONG])
def test_wrong_arguments_are_named(wrong: dict[str, Any], message: str, faces: Path) -> None:
    with pytest.raises(RequestError) as raised:
        evaluate(**{"task": "coarse_emotion", "model": "echo", "data": faces, **wrong})
    assert message in str(raised.value)
    assert raised.value.hint
    assert "--" not in raised.value.message.replace("memobench", "")
    assert not Path("runs").exists()


def test_an_argument_that_does_not_exist_is_a_type_error_too() -> None:
    with pytest.raises(TypeError, match="'modle'"):
        evaluate("coarse_emotion", modle="echo")  # type: ignore[call-overload]


def test_numbers_and_switches_of_numpy(faces: Path) -> None:
    result = evaluate(
        "coarse_emotion",
        "echo",
        data=faces,
        limit=np.int32(4),
        seed=np.uint8(1),
        repeats=np.float64(2),
        strict=np.bool_(True),  # type: ignore[arg-type]
        fresh=np.bool_(False),  # type: ignore[arg-type]
        progress=np.bool_(False),  # type: ignore[arg-type]
        max_failures=np.int64(3),
        options={"accuracy": np.float32(1)},
    )
    assert result.tasks[0].n == 8


class Shell:
    """The shell of a notebook, as IPython shows it."""

    kernel = object()


class Shown:
    """What a notebook shows: each display with everything that it showed, one after the other."""

    def __init__(self) -> None:
        self.cells: list[list[str]] = []

    def display(self, shown: str, *, display_id: bool) -> Any:
        assert display_id
        versions = [shown]
        self.cells.append(versions)
        return types.SimpleNamespace(update=versions.append)


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> Shown:
    shown = Shown()
    package: Any = types.ModuleType("IPython")
    package.get_ipython = Shell
    display: Any = types.ModuleType("IPython.display")
    display.HTML, display.display = str, shown.display
    monkeypatch.setitem(sys.modules, "IPython", package)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    return shown


def test_a_notebook_shows_a_bar(notebook: Shown, faces: Path, capsys: pytest.CaptureFixture[str]) -> None:
    monkey = type("Says<b>", (Says,), {})("happy")
    evaluate("coarse_emotion", monkey, data=faces)
    [versions] = notebook.cells
    assert versions[0].startswith(
        '<div><progress value="0" max="12"></progress> judging with Says&lt;b&gt;: 0/12'
    )
    assert 'value="12" max="12"' in versions[-1]
    assert "0 failed, 0 unparsed" in versions[-1]
    assert len(versions) <= 5, "it is not redrawn for every request"
    evaluate("coarse_emotion", monkey, data=faces, progress=False)
    assert len(notebook.cells) == 1
    assert capsys.readouterr().err == ""


def test_scripts_show_progress_only_if_asked(faces: Path, capsys: pytest.CaptureFixture[str]) -> None:
    evaluate("coarse_emotion", "echo", data=faces)
    assert capsys.readouterr() == ("", "")
    evaluate("coarse_emotion", "echo", data=faces, fresh=True, progress=True)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "judging with echo: 12 requests" in captured.err


def test_an_interactive_interpreter_shows_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    assert type(displays.automatic(None)) is Watch
    monkeypatch.setattr(sys, "ps1", ">>> ", raising=False)
    assert isinstance(displays.automatic(None), displays.PlainWatch), "standard error is no terminal here"
    assert type(displays.automatic(False)) is Watch


def test_a_watch_hears_the_end_even_of_an_error(faces: Path) -> None:
    heard: list[str] = []

    class Ear(Watch):
        def close(self) -> None:
            heard.append("closed")

    with pytest.raises(RequestError):
        evaluate("coarse_emotion", "ecco", data=faces, watch=Ear())
    evaluate("coarse_emotion", "echo", data=faces, watch=Ear())
    assert heard == ["closed"] * 2


@pytest.mark.e2e
def test_importing_the_package_loads_no_data_frames() -> None:
    code = (
        "import sys, harness; harness.evaluate, harness.load, harness.RunResult;"
        "print({'pandas', 'pyarrow', 'IPython', 'rich'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == "set()\n", done.stderr
