"""Runs pipelines of bash in which `harness` is the command of this environment."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from helpers.command import SCRIPT


def sh(folder: Path, command: str) -> tuple[list[int], str]:
    """Run a pipeline of bash, `harness` being that of this environment. Returns the exit code of each of its commands, and what it printed."""
    done = subprocess.run(
        ["bash", "-c", f'{command}; echo "codes ${{PIPESTATUS[*]}}" >&9'],
        cwd=folder,
        env={**os.environ, "PATH": f"{SCRIPT.parent}{os.pathsep}{os.environ['PATH']}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=90,
        text=True,
        preexec_fn=lambda: os.dup2(1, 9),
        pass_fds=(9,),
        check=False,
    )
    printed, _, codes = done.stdout.rpartition("codes ")
    return [int(code) for code in codes.split()], printed
