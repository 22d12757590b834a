"""The first screen of real runs: the same from `run` and `show`, on one screen, in colour only where it is wanted."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers.command import InProcess
from helpers.plugins import Install

from harness.testing.command import Shell

Make = Callable[..., Path]
ECHO = ("--model", "echo", "-o", "accuracy=0.8")
README = Path(__file__).resolve().parents[2] / "README.md"


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize("suite", ["comprehension", "memo-bench"])
@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_run_and_show_print_the_same_screen(
    suite: str, width: int, harness: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    run = harness("run", "--task", suite, *ECHO, "--data", "people", "--out", "run").ok().out
    assert harness("show", "run").ok().out == run
    lines = run.splitlines()
    assert len(lines) <= 45
    assert max(map(len, lines)) <= width
    results = json.loads(Path("run/results.json").read_text())
    for entry in results["tasks"]:
        main = next(m for m in entry["metrics"] if m["primary"])
        [row] = [line for line in lines if re.search(rf"^(\w+ +| +)?{entry['task']}\s", line)]
        assert f"{main['value']:.3f}" in row
        assert f"[{main['low']:.3f}, {main['high']:.3f}]" in row
        assert str(main["n"]) in row
    assert "folder   run\n" in run
    assert "details  harness show run --full\n" in run
    full = harness("show", "run", "--full").ok().out
    assert full == harness("score", "run", "--full").ok().out
    assert len(full.splitlines()) > 100
    assert max(map(len, full.splitlines())) <= width


def test_throughput_is_measured_over_all_attempts(harness: InProcess, make_data: Make) -> None:
    make_data(24)
    run = ("run", "--task", "coarse_emotion", "--data", "faces", *ECHO, "--out", "run")
    harness(*run, "--limit", "6").ok()
    [phase] = json.loads(Path("run/run.json").read_text())["pace"]
    assert (phase["phase"], phase["requests"]) == ("judging with echo", 6)
    harness(*run).ok()
    [all_of_it] = json.loads(Path("run/run.json").read_text())["pace"]
    assert all_of_it["requests"] == 24
    assert all_of_it["seconds"] > phase["seconds"] > 0
    before = Path("run/run.json").read_bytes()
    out = harness(*run).ok().out
    assert json.loads(before)["pace"] == json.loads(Path("run/run.json").read_text())["pace"], (
        "nothing was asked"
    )
    assert re.search(r"^used     [\d.]+ s, [\d,.]+/s$", out, re.MULTILINE)
    harness(*run, "--fresh", "--limit", "6").ok()
    assert json.loads(Path("run/run.json").read_text())["pace"][0]["requests"] == 6


def test_generator_runs_name_their_contact_sheet(harness: InProcess) -> None:
    run = (
        "run",
        "--task",
        "t2i_emotion",
        "--model",
        "echo",
        "-o",
        "size=64",
        "--limit",
        "12",
        "--out",
        "run",
    )
    out = harness(*run, "--judge", "echo").ok().out
    assert "files    results.json, sheet.png\n" in out
    assert "portraits ok 12" in out
    phases = json.loads(Path("run/run.json").read_text())["pace"]
    assert [phase["phase"] for phase in phases] == ["generating with echo", "judging with echo"]


def test_a_stopped_run_says_what_was_not_answered(harness: InProcess, make_data: Make) -> None:
    make_data(60)
    run = ("run", "--task", "coarse_emotion", "--data", "faces", "--model", "echo", "-o", "delay=0.05")
    done = harness(*run, "--max-time", "0.3", "--out", "run")
    assert done.code == 3
    text = " ".join(done.out.split())
    assert "(incomplete)" in text
    assert "stopped: " in text
    assert "not answered" in text
    assert "failed" not in text


@pytest.mark.usefixtures("faces")
@pytest.mark.parametrize(
    ("variables", "colored"),
    [
        ({"FORCE_COLOR": "1"}, True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        ({"FORCE_COLOR": "0"}, False),
        ({"NO_COLOR": "1"}, False),
        ({}, False),
    ],
)
def test_color_is_a_choice(
    variables: dict[str, str], colored: bool, harness: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    harness("run", "--task", "coarse_emotion", "--data", "faces", *ECHO, "--out", "run").ok()
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    for command in (("show", "run"), ("show", "run", "--full"), ("list", "models")):
        assert ("\x1b[" in harness(*command).ok().out) == colored, command
    assert "\x1b" not in harness("show", "run", "--json").ok().out


@pytest.mark.e2e
def test_streams_of_ascii_take_every_screen(shell: Shell, make_data: Make) -> None:
    make_data(6)
    ascii_only = {"PYTHONIOENCODING": "ascii"}
    run = ("run", "--task", "coarse_emotion", "--data", "faces", *ECHO, "--out", "run")
    assert "---" in shell(*run, env=ascii_only).ok().out
    for command in (("show", "run", "--full"), ("list", "models"), ("compare", "run", "run")):
        out = shell(*command, env=ascii_only).out
        assert out.isascii()
        assert "?" not in out.replace("?\n", ""), command


def test_lists_name_disabled_plugins_and_what_to_do(
    harness: InProcess, install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    install("memobench-plugin-broken", "raise RuntimeError('no libfoo')")
    install("other-plugin", "import not_there_at_all")
    for what in ("models", "plugins"):
        out = harness("list", what).ok().out
        text = " ".join(out.split("disabled plugins")[1].split())
        assert (
            "memobench-plugin-broken disabled: fails to import: RuntimeError: no libfoo. Reinstall or update it: pip"
            in text
        )
        assert "remove it: pip uninstall memobench-plugin-broken" in text
        assert "other-plugin disabled: fails to import: ModuleNotFoundError" in text
        assert "pip uninstall other-plugin" in text
        assert max(map(len, out.splitlines())) <= 80


def test_models_are_listed_by_kind_with_presets_below_their_base(
    harness: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    out = harness("list", "models").ok().out
    judges, generators = out.split("\ngenerators\n")
    lines = judges.splitlines()
    names = [line.split()[0] for line in lines[1:] if line]
    assert names[names.index("vllm") + 1] == "deepseek-vl2", "indented, after its base"
    assert "    llava " in judges
    assert "  echo " in generators
    rows = json.loads(harness("list", "models", "--json").ok().out)
    listed = [line for line in out.splitlines() if line.startswith("  ")]
    assert len(listed) == len(rows), "one line each"
    assert max(map(len, out.splitlines())) <= 80


@pytest.mark.slow
@pytest.mark.usefixtures("drawn")
def test_the_screen_in_the_readme_is_that_of_its_command(
    harness: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    page = README.read_text(encoding="utf-8")
    found = re.search(
        r"^from `(harness run [^`]*)`:\n\n<!--.*?-->\n```text\n(.*?)^```", page, re.MULTILINE | re.DOTALL
    )
    assert found is not None
    command, shown = found[1].split()[1:], found[2]
    out = harness(*command).ok().out

    def shape(text: str) -> list[str]:
        # The last digits of results differ between processors, and times differ anyway.
        return [re.sub(r"[-\d.,]+", "#", line) for line in text.splitlines() if not line.startswith("used ")]

    assert shape(shown) == shape(out)
