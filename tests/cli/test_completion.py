"""Completion in a shell: commands, options, and the names that stand behind them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from helpers.command import SCRIPT, InProcess, Shell


def completed(shell: Shell, *words: str) -> list[str]:
    """What bash would offer for the last word."""
    env = {
        "_HARNESS_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(words),
        "COMP_CWORD": str(len(words) - 1),
    }
    done = shell(env=env)
    assert "Traceback" not in done.err
    return [line.partition(",")[2] for line in done.out.splitlines() if line]


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("harness", "ru"), {"run"}),
        (("harness", "run", "--mod"), {"--model"}),
        (("harness", "run", "--model", "ec"), {"echo"}),
        (("harness", "run", "--task", "coarse_p"), {"coarse_polarity"}),
        (("harness", "run", "--task", "coarse_polarity,coarse_e"), {"coarse_polarity,coarse_emotion"}),
        (("harness", "run", "--judge", "fe"), {"fer"}),
        (("harness", "run", "--data", "portr"), {"portraits"}),
        (("harness", "generate", "--prompts", "emotion_"), {"emotion_600"}),
        (("harness", "show", "mine"), {"mine-run"}),
        (("harness", "show", "fine_i"), {"fine_intensity"}),
        (("harness", "export", "mi"), {"mine-run"}),
        (("harness", "nonsense", "x"), set()),
    ],
)
def test_what_is_offered(words: tuple[str, ...], offered: set[str], shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "runs" / "mine-run").mkdir(parents=True)
    (tmp_path / "runs" / "mine-run" / "run.json").write_text("{}")
    assert offered <= set(completed(shell, *words))


def test_a_broken_configuration_breaks_no_line_that_is_being_typed(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "memobench.toml").write_text("[")
    assert completed(shell, "harness", "run", "--model", "ec") == []


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_the_script(name: str, harness: InProcess) -> None:
    script = harness("completion", name).ok().out
    assert "_HARNESS_COMPLETE" in script
    if shutil.which(name):
        subprocess.run([name, "-n"], input=script, text=True, check=True, timeout=60)


def test_other_shells_are_named(harness: InProcess) -> None:
    harness("completion", "tcsh").fails(2, "bash")


@pytest.mark.skipif(not shutil.which("bash"), reason="there is no bash")
def test_bash_completes(tmp_path: Path) -> None:
    """The functions of the script, called as bash calls them."""
    code = f"""
PATH={SCRIPT.parent}:$PATH
eval "$(harness completion bash)"
COMP_WORDS=(harness run --model ec) COMP_CWORD=3
_harness_completion harness ec --model
echo "${{COMPREPLY[@]}}"
"""
    done = subprocess.run(["bash", "-c", code], capture_output=True, text=True, cwd=tmp_path, timeout=120)
    assert done.stdout.strip() == "echo", done.stderr
