"""Wrong requests: each is refused with what is wrong and how to fix it, before anything is run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from helpers import data, plugins
from helpers.command import InProcess
from helpers.plugins import Install
from helpers.tasks import TASK

CORRECT = ["run", "--task", "coarse_emotion", "--model", "echo", "--data", "faces"]


def instead(**changes: str) -> list[str]:
    """A correct command with the value of some flags replaced."""
    arguments = list(CORRECT)
    for flag, value in changes.items():
        arguments[arguments.index(f"--{flag}") + 1] = value
    return arguments


REFUSED = {
    "unknown command": (["rnu"], ["'rnu'", "Did you mean 'run'?"]),
    "unknown flag": ([*CORRECT, "--limt", "3"], ["--limt", "Did you mean --limit?"]),
    "no model": (["run", "--task", "coarse_emotion"], ["--model"]),
    "unknown task": (instead(task="coarse_emoton"), ["'coarse_emoton'", "Did you mean 'coarse_emotion'?"]),
    "no task at all": (instead(task=","), ["No task", "harness list tasks"]),
    "unknown model": (instead(model="ecco"), ["judge 'ecco'", "Did you mean 'echo'?"]),
    "unknown data set": (instead(data="facs"), ["data set 'facs'"]),
    "data folder that does not exist": (instead(data="./facs"), ["'facs'", "does not exist"]),
    "data that is a file": (instead(data="faces/manifest.csv"), ["is not a folder"]),
    "data with a name that is too long": (instead(data="a" * 5000), ["data set"]),
    "data of an unknown user": (instead(data="~nobody-has-this-name/faces"), ["nobody-has-this-name"]),
    "unknown option": ([*CORRECT, "-o", "acuracy=1"], ["'acuracy'", "Did you mean 'accuracy'?"]),
    "option of the wrong type": ([*CORRECT, "-o", "accuracy=high"], ["accuracy", "'high'", "harness show echo"]),
    "option out of bounds": ([*CORRECT, "-o", "accuracy=2"], ["accuracy", "less than or equal to 1"]),
    "option without a value": ([*CORRECT, "-o", "accuracy"], ["'accuracy'", "KEY=VALUE"]),
    "mutually exclusive options": ([*CORRECT, "-o", "text=a", "-o", "accuracy=0"], ["mutually exclusive"]),
    "option that names a missing file": ([*CORRECT, "-o", "replies=none.jsonl"], ["none.jsonl"]),
    "limit 0": ([*CORRECT, "--limit", "0"], ["--limit must be at least 1, not 0"]),
    "negative limit": ([*CORRECT, "--limit", "-3"], ["--limit must be at least 1, not -3"]),
    "limit that is not a number": ([*CORRECT, "--limit", "all"], ["--limit", "'all'"]),
    "repeats 0": ([*CORRECT, "--repeats", "0"], ["--repeats must be at least 1"]),
    "max-failures 0": ([*CORRECT, "--max-failures", "0"], ["--max-failures must be at least 1"]),
    "unknown answer mode": ([*CORRECT, "--read", "telepathy"], ["telepathy", "logprobs"]),
    "answer mode the judge lacks": ([*CORRECT, "--read", "logprobs"], ["'echo' cannot answer", "text"]),
    "answer mode the task lacks": ([*CORRECT, "--read", "rating"], ["does not allow the answer mode 'rating'", "logprobs"]),
    "unknown executor": ([*CORRECT, "--executor", "locl"], ["executor 'locl'", "Did you mean 'local'?"]),
    "reference for a judge that takes none": (instead(model="echo:large"), ["takes no reference", "'large'"]),
    "judge for a judge task": ([*CORRECT, "--judge", "echo"], ["--judge is not used"]),
    "judge option for a judge task": ([*CORRECT, "--judge-option", "fer.a=1"], ["'fer' is not one of the judges"]),
    "judge option for every judge of a judge task": ([*CORRECT, "--judge-option", "accuracy=1"], ["--judge-option", "-o"]),
    "no judge for a generator task": (["run", "--task", "t2i_emotion", "--model", "echo"], ["Add --judge"]),
    "data for a generator task": (
        ["run", "--task", "t2i_emotion", "--model", "echo", "--judge", "echo", "--data", "faces"],
        ["--data is not used"],
    ),
    "the same judge twice": (
        ["run", "--task", "t2i_emotion", "--model", "echo", "--judge", "echo", "--judge", "echo"],
        ["named twice"],
    ),
    "option of a judge that does not take part": (
        ["run", "--task", "t2i_emotion", "--model", "echo", "--judge", "echo", "--judge-option", "fer.x=1"],
        ["'fer' is not one of the judges", "echo"],
    ),
    "judge task and generator task in one run": (
        ["run", "--task", "coarse_emotion,t2i_emotion", "--model", "echo"],
        ["cannot share a run", "Run them separately"],
    ),
    "unknown prompt set": (
        ["generate", "--model", "echo", "--prompts", "emotion_60"],
        ["prompt set 'emotion_60'", "Did you mean 'emotion_600'?"],
    ),
    "per-prompt 0": (
        ["generate", "--model", "echo", "--prompts", "emotion_600", "--per-prompt", "0"],
        ["--per-prompt must be at least 1"],
    ),
    "list an unknown kind": (["list", "modles"], ["modles", "models"]),
    "show an unknown name": (["show", "coarse_emoton"], ["Did you mean 'coarse_emotion'?"]),
    "show a name that is too long": (["show", "a" * 5000], ["Unknown name"]),
    "score a name that is too long": (["score", "a" * 5000], ["no run 'aaa"]),
    "samples of a run that does not exist": (["show", "runs/none", "--samples"], ["no run 'runs/none'"]),
    "score a folder that is not a run": (["score", "faces"], ["is not a run folder"]),
    "unknown schema": (["schema", "tsk"], ["tsk", "task"]),
    "unknown result format": (["show", "finished", "--format", "cvs"], ["reporter 'cvs'", "'csv'"]),
}  # fmt: skip


@pytest.mark.parametrize(("arguments", "expected"), REFUSED.values(), ids=REFUSED.keys())
def test_refused(arguments: list[str], expected: list[str], harness: InProcess, faces: Path) -> None:
    if "finished" in arguments:
        assert harness(*CORRECT, "--out", "runs/finished").ok()
    before = sorted(Path("runs").glob("*"))
    assert harness(*arguments).fails(2, *expected)
    assert sorted(Path("runs").glob("*")) == before, "something was run"


BAD_TASKS = {
    "wrong key": (("[answer]\n", "[answer]\nshufle = true\n"), ["unknown key 'answer.shufle'", "did you mean 'shuffle'?"]),
    "wrong key at the top": (('name = "mine"', 'name = "mine"\nrol = "judge"'), ["'rol'", "did you mean 'role'?"]),
    "wrong key in a list": (('name = "accuracy"', 'name = "accuracy"\nprimry = true'), ["metrics.0.primry", "'primary'"]),
    "wrong type": (('options = ["happy"', 'options = "happy" #["happy"'), ["answer.options", "tuple"]),
    "missing field": (('role = "judge"\n', ""), ["the key 'role' is missing"]),
    "missing nested field": (('field = "emotion"', ""), ["the key 'answer.truth.field' is missing"]),
    "unknown metric": (('name = "accuracy"', 'name = "acuracy"'), ["metric 'acuracy'", "Did you mean 'accuracy'?"]),
    "metric that does not fit": (('name = "accuracy"', 'name = "mae"'), ["metric 'mae'", "choice"]),
    "unknown option of a metric": (
        ('name = "accuracy"', 'name = "accuracy"\noptions = { level = 3 }'), ["'accuracy'", "no option 'level'"]),
    "no primary metric": (("primary = true", ""), ["exactly one must have primary = true"]),
    "unknown placeholder": (("{options}", "{option}"), ["unknown placeholder {option}", "did you mean {options}?"]),
    "unknown role": (('role = "judge"', 'role = "juge"'), ["role", "'judge' or 'generator'"]),
    "mapping to an unknown option": (
        ('field = "emotion"', 'field = "emotion"\nmapping = { happy = "hapy" }'), ["'hapy'", "did you mean 'happy'?"]),
    "duplicate options": (('"sad", "angry"', '"Happy", "angry"'), ["options must be unique"]),
    "invalid name": (('name = "mine"', 'name = "../mine"'), ["name", "../mine"]),
    "not TOML": (("[answer]", "[answer"), ["is not valid TOML", "line 7"]),
}  # fmt: skip


@pytest.mark.parametrize(("change", "expected"), BAD_TASKS.values(), ids=BAD_TASKS.keys())
def test_bad_task_file(change: tuple[str, str], expected: list[str], harness: InProcess, faces: Path) -> None:
    assert change[0] in TASK
    Path("mine.toml").write_text(TASK.replace(change[0], change[1], 1))
    assert harness("run", "--task", "mine.toml", "--model", "echo").fails(2, "mine.toml", *expected)
    assert not Path("runs").exists(), "something was run"


def test_the_unchanged_task_file_works(harness: InProcess, faces: Path) -> None:
    Path("mine.toml").write_text(TASK)
    assert (
        harness("run", "--task", "mine.toml", "--model", "echo", "--data", "faces", "--json").ok().task["n"]
        == 12
    )


def test_task_files_that_cannot_be_read(harness: InProcess) -> None:
    assert harness(*instead(task="none.toml")).fails(2, "'none.toml'", "cannot be read")
    Path("binary.toml").write_bytes(b"\xff\xfe\x00name")
    assert harness(*instead(task="binary.toml")).fails(2, "binary.toml", "not valid TOML")
    Path("folder.toml").mkdir()
    assert harness(*instead(task="folder.toml")).fails(2, "folder.toml", "cannot be read")


SUITES = {
    "unknown task": ('tasks = ["coarse_emoton"]', ["mine.toml", "Did you mean 'coarse_emotion'?"]),
    "itself": ('tasks = ["./mine.toml"]', ["mine.toml", "itself"]),
    "no tasks": ("tasks = []", ["mine.toml", "tasks"]),
    "wrong key": ('taks = ["coarse_emotion"]', ["mine.toml", "'taks'", "did you mean 'tasks'?"]),
}


@pytest.mark.parametrize(("tasks", "expected"), SUITES.values(), ids=SUITES.keys())
def test_bad_suite_file(tasks: str, expected: list[str], harness: InProcess, faces: Path) -> None:
    Path("mine.toml").write_text(f'kind = "suite"\nname = "mine"\n{tasks}\n')
    assert harness(*instead(task="mine.toml")).fails(2, *expected)


PROMPTS = {
    "no prompt column": ("promt,emotion\nA face,happy\n", ["no column 'prompt'", "did you mean 'promt'?"]),
    "no rows": ("prompt,emotion\n", ["contains no prompts"]),
    "empty prompt": ("prompt,emotion\n ,happy\n", ["line 2", "the prompt is empty"]),
    "unknown emotion": ("prompt,emotion\nA face,hapy\n", ["line 2", "'hapy'", "did you mean 'happy'?"]),
    "intensity that is not a number": (
        "prompt,intensity\nA face,strong\n",
        ["line 2", "'strong' is not a number"],
    ),
    "intensity that is not finite": ("prompt,intensity\nA face,nan\n", ["line 2", "'nan'", "not a number"]),
    "duplicate id": ("prompt_id,prompt\na,x\na,y\n", ["'a'", "duplicated"]),
    "not UTF-8": ("prompt\nü\n", ["not UTF-8"]),
}


@pytest.mark.parametrize(("text", "expected"), PROMPTS.values(), ids=PROMPTS.keys())
def test_bad_prompt_file(text: str, expected: list[str], harness: InProcess) -> None:
    Path("mine.csv").write_text(text, encoding="latin-1")
    assert harness("generate", "--model", "echo", "--prompts", "mine.csv").fails(2, "mine.csv", *expected)
    assert not Path("runs").exists()


WRONG_KIND = {
    "generator where a judge is needed": (["--task", "coarse_emotion", "--model", "imager"], "imager' is a generator"),
    "judge where a generator is needed": (
        ["--task", "t2i_emotion", "--model", "rater", "--judge", "echo"], "rater' is a judge"),
    "generator as the judge": (["--task", "t2i_emotion", "--model", "echo", "--judge", "imager"], "imager' is a generator"),
}  # fmt: skip


@pytest.mark.parametrize(("arguments", "expected"), WRONG_KIND.values(), ids=WRONG_KIND.keys())
def test_model_of_the_wrong_kind(
    arguments: list[str], expected: str, harness: InProcess, install: Install, faces: Path
) -> None:
    install("imagers", plugins.generator("imager", "pass"))
    install("raters", plugins.judge("rater", "pass"))
    assert harness("run", *arguments).fails(2, expected)


def test_data_without_the_label_of_the_task(harness: InProcess, tmp_path: Path) -> None:
    rows = [{k: v for k, v in data.row(i).items() if k != "intensity"} for i in range(6)]
    for number, row in enumerate(rows):
        data.picture(tmp_path / "plain" / row["image"], number)
    data.manifest(tmp_path / "plain", rows)
    assert harness("run", "--task", "fine_intensity", "--model", "echo", "--data", "plain").fails(
        2, "plain", "intensity"
    )
    suite = (
        harness("run", "--task", "comprehension", "--model", "echo", "--data", "plain", "--json").ok().results
    )
    assert [t["task"] for t in suite["tasks"]] == ["coarse_polarity", "coarse_emotion", "nuance_confusable"]
    assert [n.partition(" is omitted from comprehension: ")[0] for n in suite["run"]["notes"]] == [
        "fine_intensity",
        "nuance_pairs",
    ]
    assert all("intensity" in note.partition(": ")[2] for note in suite["run"]["notes"])


def test_error_messages_are_short(harness: InProcess) -> None:
    err = harness(*instead(task="x" * 10_000)).fails(2).err
    assert len(err) < 2_000
    assert not re.search(r"x{2000}", err)


def test_traceback_on_request(harness: InProcess) -> None:
    outcome = harness(*instead(task="none"), "--traceback")
    assert (outcome.code, "Traceback" in outcome.err) == (2, True)
