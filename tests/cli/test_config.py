"""`memobench.toml` and the environment: folders, plugins, and default options."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from helpers.command import InProcess

import harness as memobench
from harness.registry.registry import registry

RUN = ("run", "--task", "coarse_emotion", "--model", "echo", "--data", "faces", "--json")


def write(folder: Path, text: str) -> Path:
    (folder / "memobench.toml").write_text(text)
    return folder / "memobench.toml"


def test_options_of_a_project(harness: InProcess, faces: Path, tmp_path: Path) -> None:
    write(tmp_path, "[judges.echo]\naccuracy = 0.5\n[generators.echo]\nsize = 32\n")
    done = harness(*RUN, "--out", "run").ok()
    assert "echo: defaults of" in done.err
    assert "accuracy=0.5" in done.err
    options = json.loads(Path("run/run.json").read_text())["request"]["model"]["options"]
    assert options["accuracy"] == 0.5
    harness(*RUN, "-o", "accuracy=1.0", "--out", "two").ok()
    options = json.loads(Path("two/run.json").read_text())["request"]["model"]["options"]
    assert options["accuracy"] == 1.0, "the command line stands above the file"
    result = memobench.evaluate("coarse_emotion", "echo", data="faces", out="three")
    assert (
        json.loads((result.path / "run.json").read_text())["request"]["model"]["options"]["accuracy"] == 0.5
    )


def test_a_file_above_and_where_the_search_ends(
    harness: InProcess, faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, '[folders]\nruns = "results"\n')
    (tmp_path / "deep" / "er").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "deep" / "er")
    run = ("run", "--task", "coarse_emotion", "--model", "echo", "--data", str(faces))
    harness(*run).ok()
    (found,) = (tmp_path / "results").iterdir()
    assert found.name in harness("list", "runs").ok().out
    assert "coarse_emotion" in harness("show", found.name).ok().out
    (tmp_path / "deep" / ".git").mkdir()
    harness(*run).ok()
    assert list((tmp_path / "deep" / "er" / "runs").iterdir()), (
        "another project is not configured by what lies above it"
    )


def test_folders_by_the_environment(
    harness: InProcess, faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, '[folders]\nruns = "results"\ndata = "sets"\n')
    harness("data", "import", "manifest", "faces", "--label", "intended", "--name", "mine", "--copy").ok()
    assert (tmp_path / "sets" / "mine").is_dir()
    monkeypatch.setenv("MEMOBENCH_DATA", str(tmp_path / "others"))
    monkeypatch.setenv("MEMOBENCH_RUNS", "mine")
    assert "mine" not in json.dumps(json.loads(harness("list", "data", "--json").ok().out))
    harness(*RUN).ok()
    assert list((tmp_path / "mine").iterdir())
    monkeypatch.setenv("MEMOBENCH_CONFIG", str(tmp_path / "none.toml"))
    registry.cache_clear()
    harness("list", "models").refuses(2, "none.toml' cannot be read", "remove the file")


def test_plugins_that_are_allowed_and_denied(
    harness: InProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, '[plugins]\nallow = ["memobench_plugin_echo", "memobench-plugin-f*"]\n')
    registry.cache_clear()
    names = {row["name"] for row in json.loads(harness("list", "models", "--json").ok().out)}
    assert names == {"echo", "fer", "folder", "recorded"}
    assert "not among the plugins that" in harness("list", "plugins").ok().out
    monkeypatch.setenv("MEMOBENCH_DENY", "memobench-plugin-echo")
    registry.cache_clear()
    harness("run", "--task", "coarse_emotion", "--model", "echo", "--data", "x").refuses(2, "'echo'")
    assert "denied by" in harness("doctor").ok().out
    registry.cache_clear()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[folder]\nruns = 'x'", "there is no key 'folder'"),
        ("[folders]\nrun = 'x'", "Did you mean 'folders.runs'?"),
        ("[folders]\nruns = 3", "folders.runs is no path"),
        ("folders = 3", "folders is no table"),
        ("[plugins]\nallow = 'x'", "plugins.allow is no list of names"),
        ("[judges]\necho = 3", "judges.echo is no table of options"),
        ("[judges.echo]\naccuracyy = 1", "no option 'accuracyy'"),
        ("[judges.openai]\napi_key = 'sk-1'", "judges.openai.api_key is not taken from a file"),
        ("[judges.openai]\napi_key_env = 'HOME'", "judges.openai.api_key_env is not taken from a file"),
        ("[judges.vllm]\ntrust_remote_code = true", "trust_remote_code is not taken from a file"),
        ("[judges.echo\n", "is not valid TOML"),
        ("a = " + "[" * 100_000, "is not valid TOML"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_named(
    text: str, message: str, harness: InProcess, faces: Path, tmp_path: Path
) -> None:
    write(tmp_path, text)
    done = harness(*RUN).refuses(2, message)
    assert "sk-1" not in done.err
    assert not Path("runs").exists()


def test_doctor_shows_the_configuration(harness: InProcess, tmp_path: Path) -> None:
    path = write(tmp_path, "[judges.echo]\naccuracy = 0.5\n")
    shown = harness("doctor").ok().out
    assert str(path) in shown
    assert "options of judge echo" in shown
    assert "--help" in harness("--help").ok().out
