"""The scripts of the CI examples, run as a job runs them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from helpers import data

SCRIPTS = Path(__file__).resolve().parents[2] / "examples" / "ci" / "scripts"
ECHO = {"GATE_TASK": "coarse_emotion", "GATE_MODEL": "echo", "GATE_DATA": "faces"}

FAKE_GH = '''
"""`gh api` over a file of comments: lists, edits and writes them, and records each call."""
import json, os, sys
from pathlib import Path
import jq
arguments = sys.argv[1:]
state = Path("comments.json")
comments = json.loads(state.read_text())
with Path("calls.jsonl").open("a") as file:
    file.write(json.dumps(arguments) + "\\n")
if Path("refuse").exists():
    sys.exit("gh: Resource not accessible by integration (HTTP 403)")
assert arguments[0] == "api" and os.environ["GH_TOKEN"] == "t"
path = next(a for a in arguments[1:] if a.startswith("repos/"))
method = arguments[arguments.index("--method") + 1] if "--method" in arguments else "GET"
if method == "GET":
    assert path == "repos/o/r/issues/7/comments?per_page=100" and "--paginate" in arguments
    for found in jq.compile(arguments[arguments.index("--jq") + 1]).input_value(comments):
        print(found)
else:
    field = arguments[arguments.index("-F") + 1]
    assert field.startswith("body=@")
    body = Path(field.removeprefix("body=@")).read_text()
    if method == "POST":
        assert path == "repos/o/r/issues/7/comments"
        comments.append({"id": 100 + len(comments), "user": {"login": "github-actions[bot]"}, "body": body})
    else:
        assert method == "PATCH"
        (comment,) = [c for c in comments if path == f"repos/o/r/issues/comments/{c['id']}"]
        comment["body"] = body
    state.write_text(json.dumps(comments))
'''

Job = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def job(tmp_path: Path) -> Job:
    """`job("run.sh", GATE_TASK=...)` runs a script in an empty folder, in an environment without other settings."""
    (tmp_path / "bin").mkdir()

    def run(name: str, **settings: str) -> subprocess.CompletedProcess[str]:
        environment = {
            k: v for k, v in os.environ.items() if not k.startswith(("GATE_", "GITHUB_", "GH_", "RUNNER_"))
        }
        environment["PATH"] = os.pathsep.join(
            [str(tmp_path / "bin"), str(Path(sys.executable).parent), environment["PATH"]]
        )
        environment["GITHUB_OUTPUT"] = str(tmp_path / "output")
        command = [str(SCRIPTS / name)]
        return subprocess.run(
            command,
            cwd=tmp_path,
            env={**environment, **settings},
            capture_output=True,
            text=True,
            timeout=120,
        )

    return run


def outputs(folder: Path) -> dict[str, str]:
    """What the scripts said to later steps; the last value counts."""
    path = folder / "output"
    lines = path.read_text().splitlines() if path.exists() else []
    return dict(line.split("=", 1) for line in lines)


def put(folder: Path, name: str, code: str) -> None:
    """A Python program on the path of the job."""
    path = folder / "bin" / name
    path.write_text(f"#!{sys.executable}\n{code}")
    path.chmod(0o755)


def recorder(exits: str) -> str:
    """A program that records its arguments and exits with the first of the codes, then the next, ..."""
    return f"""
import json, sys
from pathlib import Path
calls = Path("calls.jsonl")
count = len(calls.read_text().splitlines()) if calls.exists() else 0
with calls.open("a") as file:
    file.write(json.dumps(sys.argv[1:]) + "\\n")
sys.exit([{exits}][count])
"""


def calls(folder: Path) -> list[list[str]]:
    path = folder / "calls.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.mark.parametrize(
    ("settings", "ready"),
    [
        ({}, "true"),
        ({"GATE_NEEDS_ENV": "A_KEY"}, "false"),
        ({"GATE_NEEDS_ENV": "A_KEY", "A_KEY": ""}, "false"),
        ({"GATE_NEEDS_ENV": "A_KEY B_KEY", "A_KEY": "secret-a"}, "false"),
        ({"GATE_NEEDS_ENV": "A_KEY\n B_KEY", "A_KEY": "secret-a", "B_KEY": "secret-b"}, "true"),
    ],
)  # fmt: skip
def test_pull_requests_without_secrets_are_skipped(
    job: Job, tmp_path: Path, settings: dict[str, str], ready: str
) -> None:
    done = job("check-env.sh", GITHUB_EVENT_NAME="pull_request", **settings)
    assert done.returncode == 0, done.stderr
    assert outputs(tmp_path) == {"ready": ready}
    assert done.stdout.startswith("::notice title=memobench gate::Skipped: ") == (ready == "false")
    assert "secret-" not in done.stdout + done.stderr


def test_a_missing_secret_is_an_error_where_it_should_be_there(job: Job, tmp_path: Path) -> None:
    done = job("check-env.sh", GITHUB_EVENT_NAME="schedule", GATE_NEEDS_ENV="A_KEY")
    assert done.returncode == 2
    assert "A_KEY is not set" in done.stderr
    assert outputs(tmp_path) == {}


def test_names_of_secrets_are_checked(job: Job, tmp_path: Path) -> None:
    done = job("check-env.sh", GITHUB_EVENT_NAME="pull_request", GATE_NEEDS_ENV="a[$(touch${IFS}harm)]")
    assert done.returncode == 2
    assert not (tmp_path / "harm").exists()


def test_the_cache_of_weights_depends_on_the_models(job: Job, tmp_path: Path) -> None:
    keys = []
    for settings in (
        {"GATE_MODEL": "vllm:org/name@rev"},
        {"GATE_MODEL": "vllm:org/name@rev"},
        {"GATE_MODEL": "vllm:org/other"},
        {"GATE_MODEL": "sdxl", "GATE_JUDGE": "fer llava"},
        {"GATE_MODEL": "sdxl", "GATE_JUDGE": "fer"},
        {"GATE_MODEL": "sdxl", "GATE_JUDGE": "fer", "RUNNER_OS": "macOS"},
    ):
        assert job("weights-key.sh", **{"RUNNER_OS": "Linux", **settings}).returncode == 0
        keys.append(outputs(tmp_path)["key"])
    assert keys[0] == keys[1]
    assert len(set(keys)) == 5
    assert all(len(key) < 100 and not set(key) & set(",/@: ") for key in keys)


def test_install_passes_its_arguments_to_pip(job: Job, tmp_path: Path) -> None:
    put(tmp_path, "python", recorder("0"))
    done = job("install.sh", GATE_INSTALL="./a  ./b\n-r  more.txt")
    assert done.returncode == 0, done.stderr
    assert calls(tmp_path) == [
        ["-m", "pip", "install", "--disable-pip-version-check", "./a", "./b", "-r", "more.txt"]
    ]
    assert "memobench" in done.stdout, "the version is in the log"
    assert job("install.sh", GATE_INSTALL=" ").returncode == 2


def test_the_run_passes_its_settings(job: Job, tmp_path: Path) -> None:
    put(tmp_path, "harness", recorder("0, 0"))
    settings = {"GATE_TASK": "a,b", "GATE_MODEL": "m $(touch harm)"}
    assert job("run.sh", **settings).returncode == 0
    more = {
        "GATE_JUDGE": "fer  llava",
        "GATE_DATA": "d",
        "GATE_RELEASE": "1 2",
        "GATE_EXTRA_ARGS": "-o x=*\n--limit 3",
    }
    assert job("run.sh", **settings, **more, GATE_RUN_DIR="there").returncode == 0
    start = ["run", "--task", "a,b", "--model", "m $(touch harm)", "--out"]
    assert calls(tmp_path) == [
        [*start, "runs/gate"],
        [
            *start,
            "there",
            "--judge",
            "fer",
            "--judge",
            "llava",
            "--data",
            "d",
            "--release",
            "1 2",
            "-o",
            "x=*",
            "--limit",
            "3",
        ],
    ]
    assert not (tmp_path / "harm").exists()


@pytest.mark.parametrize(
    ("exits", "code", "asked"), [("3, 0", 0, 2), ("3, 3", 0, 2), ("2", 2, 1), ("3, 70", 70, 2), ("0", 0, 1)]
)
def test_failed_samples_are_asked_once_more(
    job: Job, tmp_path: Path, exits: str, code: int, asked: int
) -> None:
    put(tmp_path, "harness", recorder(exits))
    assert job("run.sh", GATE_TASK="t", GATE_MODEL="m").returncode == code
    assert len(calls(tmp_path)) == asked
    assert len({tuple(call) for call in calls(tmp_path)}) == 1, "the same command resumes"


@pytest.mark.parametrize("missing", ["GATE_TASK", "GATE_MODEL"])
def test_a_run_needs_a_task_and_a_model(job: Job, missing: str) -> None:
    done = job("run.sh", **{**ECHO, missing: ""})
    assert done.returncode == 2
    assert "is empty" in done.stderr


def test_the_run_evaluates_the_model(job: Job, tmp_path: Path) -> None:
    evaluated(job, tmp_path, 0.5, limit=12)
    assert json.loads((tmp_path / "runs" / "gate" / "results.json").read_text())["tasks"][0]["n"] == 12


def evaluated(job: Job, folder: Path, accuracy: float, limit: int = 240, **settings: str) -> None:
    extra = f"--limit {limit} -o accuracy={accuracy}"
    if not (folder / "faces").exists():
        data.make(folder / "faces", 240)
    done = job("run.sh", **{**ECHO, "GATE_EXTRA_ARGS": extra, **settings})
    assert done.returncode == 0, done.stderr


def blessed(job: Job, folder: Path, accuracy: float = 0.95, limit: int = 240) -> None:
    """A baseline in `base`."""
    evaluated(job, folder, accuracy, limit, GATE_RUN_DIR="runs/base", GATE_RELEASE="1")
    command = [Path(sys.executable).parent / "harness", "gate", "--bless", "runs/base", "--baseline", "base"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=120)


def report(folder: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((folder / "gate-report" / "gate.json").read_text())
    return document


@pytest.mark.parametrize(("accuracy", "verdict", "code"), [(0.95, "pass", 0), (0.5, "regression", 1)])
def test_the_gate_writes_its_reports(
    job: Job, tmp_path: Path, accuracy: float, verdict: str, code: int
) -> None:
    blessed(job, tmp_path)
    evaluated(job, tmp_path, accuracy)
    on_github = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": "summary.md"}
    done = job("gate.sh", GATE_BASELINE="base", GATE_MARGIN="0.1", **on_github)
    assert done.returncode == code, done.stdout + done.stderr
    assert outputs(tmp_path) == {"exit-code": str(code), "verdict": verdict}
    assert report(tmp_path)["verdict"] == verdict
    (suite,) = ET.parse(tmp_path / "gate-report" / "gate.xml").getroot()
    assert (suite.attrib["failures"] != "0") == (verdict == "regression")
    text = (tmp_path / "gate-report" / "gate.md").read_text()
    assert text.startswith("<!-- memobench-gate -->\n")
    assert text in done.stdout, "the log has the report"
    assert (tmp_path / "summary.md").read_text() == text, "once"
    command = {"pass": "::notice title=", "regression": "::error title="}[verdict]
    assert [line for line in done.stderr.splitlines() if line.startswith(command)]
    badge = json.loads((tmp_path / "gate-report" / "gate-badge.json").read_text())
    assert badge["message"].startswith(verdict)


def test_a_gate_that_cannot_tell_follows_the_setting(job: Job, tmp_path: Path) -> None:
    blessed(job, tmp_path, limit=12)
    evaluated(job, tmp_path, 0.7, limit=12)
    for setting, code in (("fail", 4), ("pass", 0)):
        done = job("gate.sh", GATE_BASELINE="base", GATE_INCONCLUSIVE=setting)
        assert done.returncode == code, done.stdout + done.stderr
        assert outputs(tmp_path) == {"exit-code": str(code), "verdict": "inconclusive"}


def test_a_gate_with_a_wrong_request_fails(job: Job, tmp_path: Path) -> None:
    evaluated(job, tmp_path, 0.9, limit=12)
    done = job("gate.sh", GATE_BASELINE="nowhere")
    assert done.returncode == 2
    assert outputs(tmp_path) == {"exit-code": "2"}
    assert "nowhere" in done.stderr
    assert job("gate.sh").returncode == 2


def test_the_gate_passes_its_settings(job: Job, tmp_path: Path) -> None:
    put(tmp_path, "harness", recorder("1, 0"))
    assert job("gate.sh", GATE_BASELINE="b").returncode == 1
    settings = {
        "GATE_MARGIN": "0.1",
        "GATE_CONFIG": "c d.toml",
        "GATE_INCONCLUSIVE": "pass",
        "GATE_REPORT_DIR": "there",
    }
    assert job("gate.sh", GATE_BASELINE="b", GATE_RUN_DIR="r", **settings).returncode == 0
    first, second = calls(tmp_path)
    assert first == ["gate", "--baseline", "b", "--junit", "gate-report/gate.xml", "--markdown", "gate-report/gate.md", "--badge",
                     "gate-report/gate-badge.json", "--json", "runs/gate"]  # fmt: skip
    assert second == ["gate", "--baseline", "b", "--junit", "there/gate.xml", "--markdown", "there/gate.md", "--badge",
                      "there/gate-badge.json", "--json", "--inconclusive", "pass", "--margin", "0.1", "--config", "c d.toml", "r"]  # fmt: skip
    assert job("gate.sh", GATE_BASELINE="b", GATE_INCONCLUSIVE="maybe").returncode == 2
    assert len(calls(tmp_path)) == 2


MARKER = "<!-- memobench-gate -->"
ON_GITHUB = {"GITHUB_REPOSITORY": "o/r", "GATE_PULL_REQUEST": "7", "GH_TOKEN": "t"}


def comments(folder: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((folder / "comments.json").read_text())
    return found


@pytest.fixture
def github(tmp_path: Path) -> Path:
    """A pull request on which somebody else wrote a comment that begins like the report."""
    put(tmp_path, "gh", FAKE_GH)
    others = [{"id": 1, "user": {"login": "mallory"}, "body": f"{MARKER}\nnot the gate's"},
              {"id": 2, "user": {"login": "github-actions[bot]"}, "body": f"not at the start: {MARKER}"}]  # fmt: skip
    (tmp_path / "comments.json").write_text(json.dumps(others))
    (tmp_path / "gate-report").mkdir()
    return tmp_path


def write_report(folder: Path, text: str) -> None:
    (folder / "gate-report" / "gate.md").write_text(f"{MARKER}\n{text}\n")


def test_the_comment_is_edited_and_not_repeated(job: Job, github: Path) -> None:
    others = comments(github)
    for text in ("first `$(touch harm)`", "second", "third"):
        write_report(github, text)
        done = job("comment.sh", **ON_GITHUB)
        assert done.returncode == 0, done.stderr
        assert "::warning" not in done.stdout
        assert comments(github)[:2] == others, "others' comments are left alone"
        assert [c["body"] for c in comments(github)[2:]] == [f"{MARKER}\n{text}\n"]
    methods = [call[call.index("--method") + 1] for call in calls(github) if "--method" in call]
    assert methods == ["POST", "PATCH", "PATCH"]
    assert not (github / "harm").exists()


def test_gates_with_names_of_their_own_have_a_comment_each(job: Job, github: Path) -> None:
    for _ in range(2):
        for name in ("", "llava", "llava-next"):
            write_report(github, f"of {name}")
            assert job("comment.sh", **ON_GITHUB, GATE_COMMENT_ID=name).returncode == 0
    assert [c["body"] for c in comments(github)[2:]] == [
        f"{MARKER}\nof \n",
        "<!-- memobench-gate: llava -->\nof llava\n",
        "<!-- memobench-gate: llava-next -->\nof llava-next\n",
    ]
    assert job("comment.sh", **ON_GITHUB, GATE_COMMENT_ID="a --> <b>").returncode == 2


def test_a_comment_that_is_refused_does_not_fail_the_job(job: Job, github: Path) -> None:
    write_report(github, "x")
    (github / "refuse").touch()
    done = job("comment.sh", **ON_GITHUB)
    assert done.returncode == 0, done.stderr
    assert "::warning title=memobench gate::The comment could not be written" in done.stdout
    assert len(calls(github)) == 1, "nothing is written where the list could not be read"


def test_without_a_report_or_a_number_nothing_is_written(job: Job, github: Path) -> None:
    assert job("comment.sh", **ON_GITHUB).returncode == 0
    write_report(github, "x")
    assert job("comment.sh", **{**ON_GITHUB, "GATE_PULL_REQUEST": "7/../8"}).returncode == 2
    assert calls(github) == []
