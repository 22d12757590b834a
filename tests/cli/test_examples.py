"""The examples work: the commands of each README are run as a user would type them."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
READMES = sorted(EXAMPLES.rglob("README.md"))


def commands(readme: Path) -> list[str]:
    """The `harness` commands in the code blocks of a page, in order."""
    blocks = re.findall(r"^```\n(.*?)^```", readme.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line.startswith("harness ")]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the wheels of the example plugins are installed into."""
    folder = tmp_path_factory.mktemp("plugin")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    for name in ("plugin_api_judge", "plugin_brightness", "plugin_mlflow"):
        source = shutil.copytree(EXAMPLES / name, folder / name)
        build = ["wheel", "--no-build-isolation", "--no-deps", "-w", str(folder / "dist"), str(source)]
        subprocess.run([*pip, *build], check=True)
    wheels = [str(wheel) for wheel in (folder / "dist").glob("*.whl")]
    subprocess.run([*pip, "install", "--no-deps", "--target", str(folder / "site"), *wheels], check=True)
    return folder / "site"


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the examples: runs write next to them."""
    return shutil.copytree(EXAMPLES, tmp_path_factory.mktemp("copy") / "examples")


def type_in(command: str, folder: Path, site: Path) -> subprocess.CompletedProcess[str]:
    """Run a command line in a folder, with the plugin on the path and this environment's `harness` first."""
    environment = dict(os.environ)
    paths = [str(site), environment.get("PYTHONPATH", "")]
    environment["PYTHONPATH"] = os.pathsep.join(p for p in paths if p)
    environment["FACET_API_KEY"] = "no-key-at-all"
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), environment["PATH"]])
    return subprocess.run(
        command, shell=True, cwd=folder, env=environment, capture_output=True, text=True, timeout=120
    )


def only_task(command: str, folder: Path, site: Path) -> dict[str, Any]:
    """The entry in `results.json` of the only task that a command runs."""
    done = type_in(f"{command} --json", folder, site)
    assert done.returncode == 0, done.stderr
    tasks: list[dict[str, Any]] = json.loads(done.stdout)["tasks"]
    assert len(tasks) == 1
    return tasks[0]


@pytest.mark.parametrize("readme", READMES, ids=lambda p: p.parent.name)
def test_every_example_has_commands(readme: Path) -> None:
    assert commands(readme)


@pytest.mark.parametrize(
    ("readme", "command"),
    [pytest.param(r, c, id=f"{r.parent.name}: {c}") for r in READMES for c in commands(r)],
)
def test_commands_of_the_readmes_work(readme: Path, command: str, workplace: Path, installed: Path) -> None:
    folder = workplace / readme.parent.relative_to(EXAMPLES)
    done = type_in(command, folder, installed)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stderr


GATE = EXAMPLES.parent / "docs" / "gate.md"


def test_commands_of_the_page_on_the_gate_work(workplace: Path, tmp_path: Path) -> None:
    verdicts = []
    for command in commands(GATE):
        done = type_in(command, tmp_path, workplace)
        assert "Traceback" not in done.stderr
        assert done.returncode == 0 or (done.returncode in (1, 4) and "gate" in command), done.stderr
        verdicts.append(done.returncode)
    assert 1 in verdicts, "the drop of 10 points is found"


def test_the_plugin_is_twenty_lines() -> None:
    folder = EXAMPLES / "plugin_brightness"
    files = [folder / "pyproject.toml", *folder.rglob("*.py")]
    lines = [line for path in files for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    assert len(files) == 3
    assert len(lines) == 20


def test_the_judge_behind_an_api_is_short_and_passes_its_own_tests(workplace: Path, installed: Path) -> None:
    folder = workplace / "plugin_api_judge"
    files = [folder / "pyproject.toml", *folder.glob("memobench_plugin_*/*.py")]
    lines = [line for path in files for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    assert len(files) == 3
    assert len(lines) < 80
    done = type_in(f"{sys.executable} -m pytest -q -p no:cacheprovider --rootdir . tests", folder, installed)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_plugin_is_listed_once_installed(workplace: Path, installed: Path) -> None:
    listed = type_in("harness list models --json", workplace, installed)
    assert listed.returncode == 0, listed.stderr
    assert "brightness" in listed.stdout
    assert "brightness" not in type_in("harness list models --json", workplace, workplace).stdout


def test_the_plugin_answers_from_brightness(workplace: Path, installed: Path, tmp_path: Path) -> None:
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


def test_the_custom_task_asks_about_two_emotions(workplace: Path, installed: Path) -> None:
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


def test_mlflow_finds_what_was_exported(workplace: Path, installed: Path, tmp_path: Path) -> None:
    data = workplace / "custom_data"
    run = f"harness run --task comprehension --model echo -o accuracy=0.8 --data {data} --out run --json"
    results = json.loads(type_in(run, tmp_path, installed).stdout)
    export = "harness export run --format mlflow --out mlflow.db"
    for command in (export, export, f"{export} -o experiment=other"):
        done = type_in(command, tmp_path, installed)
        assert (done.returncode, done.stdout) == (0, f"{tmp_path / 'mlflow.db'}\n"), done.stderr
    found = subprocess.run(
        [sys.executable, "-c", SEARCH], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=120
    )
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
