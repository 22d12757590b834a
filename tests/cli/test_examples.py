"""The examples work: the commands of each README are run as a user would type them."""

from __future__ import annotations

import csv
import json
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from helpers.blocks import blocks
from helpers.environments import Environment, build
from helpers.parsing_commands import parse
from PIL import Image

from harness.toml import read_toml

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
READMES = sorted(EXAMPLES.rglob("README.md"))
PLUGINS = sorted(path.name for path in EXAMPLES.glob("plugin_*"))
CACHES = shutil.ignore_patterns("__pycache__", "runs", ".pytest_cache")
MOST_LINES = {"plugin_brightness": 22, "plugin_mlflow": 200, "plugin_api_judge": 80}
"""Lines with something in them that an example has at most, tests and README aside; 80 for those that are not listed."""
pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("drawn")]


def commands(readme: Path, mark: str = "") -> list[str]:
    """The `harness` commands in the code blocks of a page with a mark (see `helpers.blocks`), in order."""
    found = [line for block in blocks(readme) if block.mark == mark for line in block.commands]
    return [line for line in found if line.startswith("harness ")]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """A fresh environment with the wheels of all example plugins."""
    folder = tmp_path_factory.mktemp("plugins")
    sources = [shutil.copytree(EXAMPLES / name, folder / name, ignore=CACHES) for name in PLUGINS]
    wheels = build(sources, folder / "dist")
    assert len(wheels) == len(PLUGINS)
    environment = Environment.make(folder / "venv", wheels)
    # The command of this environment, by the interpreter of the fresh one.
    command = "import sys; from harness.cli.main import main; sys.exit(main())"
    (folder / "venv" / "bin" / "harness").write_text(f"#!{folder / 'venv' / 'bin' / 'python'}\n{command}\n")
    (folder / "venv" / "bin" / "harness").chmod(0o755)
    environment.variables["FACET_API_KEY"] = "no-key-at-all"
    return environment


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the examples: runs write next to them."""
    return shutil.copytree(EXAMPLES, tmp_path_factory.mktemp("copy") / "examples", ignore=CACHES)


def type_in(command: str, folder: Path, installed: Environment) -> subprocess.CompletedProcess[str]:
    """Type a command line in a folder."""
    return installed.run(command, folder)


def only_task(command: str, folder: Path, site: Environment) -> dict[str, Any]:
    """The entry in `results.json` of the only task that a command runs."""
    done = type_in(f"{command} --json", folder, site)
    assert done.returncode == 0, done.stderr
    tasks: list[dict[str, Any]] = json.loads(done.stdout)["tasks"]
    assert len(tasks) == 1
    return tasks[0]


@pytest.mark.parametrize("readme", READMES, ids=lambda p: p.parent.name)
def test_every_example_has_commands(readme: Path) -> None:
    unrun = commands(readme, "parsed only")
    assert commands(readme) or unrun
    for line in unrun:
        parse(line)


IN_A_ROW = """
import shlex, sys
from harness.cli.main import main
for command in sys.argv[1:]:
    print("$", command, flush=True)
    command = command.partition(" > ")[0]
    try:
        main(shlex.split(command, comments=True)[1:])
    except SystemExit as e:
        if e.code:
            sys.exit(e.code)
"""


@pytest.mark.parametrize("readme", READMES, ids=lambda p: p.parent.name)
def test_commands_of_the_readmes_work(readme: Path, workplace: Path, installed: Environment) -> None:
    """All commands of a page, in order, by one process."""
    folder = workplace / readme.parent.relative_to(EXAMPLES)
    (workplace / "in_a_row.py").write_text(IN_A_ROW)
    command = shlex.join(["python", str(workplace / "in_a_row.py"), *commands(readme)])
    done = type_in(command, folder, installed)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", PLUGINS)
def test_an_example_is_short(name: str) -> None:
    folder = EXAMPLES / name
    files = [folder / "pyproject.toml", *folder.glob("memobench_plugin_*/*.py")]
    lines = [line for path in files for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    assert len(files) >= 2
    assert len(lines) <= MOST_LINES.get(name, 80)


def test_the_examples_pass_their_own_tests(workplace: Path, installed: Environment) -> None:
    folders = " ".join(f"{name}/tests" for name in PLUGINS if (workplace / name / "tests").is_dir())
    command = f"python -m pytest -q -p no:cacheprovider --rootdir . --import-mode importlib {folders}"
    done = type_in(command, workplace, installed)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-1000:]


def test_the_examples_are_listed_and_work(workplace: Path, installed: Environment) -> None:
    listed = type_in("harness list plugins --json", workplace, installed)
    assert listed.returncode == 0, listed.stderr
    states = {plugin["plugin"]: (plugin["state"], plugin["remarks"]) for plugin in json.loads(listed.stdout)}
    names = {read_toml(EXAMPLES / name / "pyproject.toml", "project")["project"]["name"] for name in PLUGINS}
    assert {name: states.get(name) for name in names} == {name: ("works", []) for name in names}


def test_the_plugin_is_listed_once_installed(workplace: Path, installed: Environment) -> None:
    listed = type_in("harness list models --json", workplace, installed)
    assert listed.returncode == 0, listed.stderr
    assert "brightness" in listed.stdout


def test_the_plugin_answers_from_brightness(workplace: Path, installed: Environment, tmp_path: Path) -> None:
    """Six greys, one in the middle of each sixth of the range: the sorted options, dark to light."""
    emotions = ["angry", "happy", "neutral", "sad", "surprise", "worry"]
    for number, emotion in enumerate(emotions):
        (tmp_path / emotion).mkdir()
        Image.new("RGB", (16, 16), (21 + 43 * number,) * 3).save(tmp_path / emotion / "1.png")
    command = f"harness run --task coarse_emotion --model brightness --data {tmp_path}"
    task = only_task(command, workplace, installed)
    assert (task["read"], task["n"], task["unparsed"], task["failed"]) == ("choice", 6, 0, 0)
    primary = [m for m in task["metrics"] if m["primary"]]
    assert primary[0]["value"] == 1.0


def test_the_custom_task_asks_about_two_emotions(workplace: Path, installed: Environment) -> None:
    command = "harness run --task custom_task/worry_or_sad.toml --model echo --data custom_data"
    task = only_task(command, workplace, installed)
    with (EXAMPLES / "custom_data" / "manifest.csv").open(encoding="utf-8", newline="") as file:
        asked = [row for row in csv.DictReader(file) if row["emotion"] in ("worry", "sad")]
    assert len(asked) >= 4
    assert (task["task"], task["stage"], task["n"], task["unparsed"]) == (
        "worry_or_sad",
        "nuance",
        len(asked),
        0,
    )
    primary = [m for m in task["metrics"] if m["primary"]]
    assert (primary[0]["name"], primary[0]["value"]) == ("accuracy", 1.0)


def test_the_custom_suite_asks_its_tasks_and_those_of_others(workplace: Path, installed: Environment) -> None:
    command = "harness run --task custom_suite/subtle.toml --model echo --data custom_data --json"
    done = type_in(command, workplace, installed)
    assert done.returncode == 0, done.stderr
    asked = [task["task"] for task in json.loads(done.stdout)["tasks"]]
    assert asked == ["angry_or_sad", "worry_or_sad", "nuance_confusable", "fine_intensity"]


def test_the_custom_data_match_their_manifest() -> None:
    folder = EXAMPLES / "custom_data"
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["emotion"] for row in rows} == {"happy", "sad", "angry", "surprise", "worry", "neutral"}
    assert {path.relative_to(folder).as_posix() for path in folder.rglob("*.png")} == {
        r["image"] for r in rows
    }
    for row in rows:
        assert (row["intensity"] == "") == (row["emotion"] == "neutral")
        with Image.open(folder / row["image"]) as picture:
            picture.load()
            assert picture.size == (128, 128)
        assert (folder / row["image"]).stat().st_size < 40_000


SEARCH = """
import json, mlflow
mlflow.set_tracking_uri("sqlite:///mlflow.db")
for experiment in ("memobench", "other"):
    runs = mlflow.search_runs(experiment_names=[experiment])
    print(runs.to_json(orient="records"))
path = mlflow.artifacts.download_artifacts(run_id=runs["run_id"][0], artifact_path="results.json")
print(json.dumps(json.load(open(path))))
"""


@pytest.mark.slow
def test_mlflow_finds_what_was_exported(workplace: Path, installed: Environment, tmp_path: Path) -> None:
    data = workplace / "custom_data"
    run = f"harness run --task comprehension --model echo -o accuracy=0.8 --data {data} --out run --json"
    results = json.loads(type_in(run, tmp_path, installed).stdout)
    export = "harness export run --format mlflow --out mlflow.db"
    for command in (export, export, f"{export} -o experiment=other"):
        done = type_in(command, tmp_path, installed)
        written = f"{tmp_path / 'mlflow.db'}\n{tmp_path / 'mlartifacts'}\n"
        assert (done.returncode, done.stdout) == (0, written), done.stderr
    (tmp_path / "search.py").write_text(SEARCH)
    found = type_in("python search.py", tmp_path, installed)
    assert found.returncode == 0, found.stderr
    first, second, artifact = (json.loads(line) for line in found.stdout.splitlines()[-3:])
    assert len(first) == len(second) == 1, "exporting again replaces the run"
    assert artifact == results
    compared = 0
    for task in results["tasks"]:
        for metric in task["metrics"]:
            if metric["value"] is None or metric["group"]:
                continue
            for end, value in (("", "value"), ("_low", "low"), ("_high", "high"), ("_n", "n")):
                name = f"metrics.{task['task']}/{metric['name']}{end}"
                if metric[value] is None:
                    assert name not in first[0]
                else:
                    assert first[0][name] == pytest.approx(metric[value], rel=1e-9)
                    compared += 1
        assert first[0][f"params.{task['task']}/answer_mode"] == task["read"]
    assert compared > 50
    assert first[0]["tags.memobench.version.memobench"] == results["run"]["versions"]["memobench"]
