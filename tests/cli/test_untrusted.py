"""Replies, names and labels are shown verbatim, and can neither control a terminal nor run in a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers import data, plugins
from helpers.command import CommandResult, InProcess, Shell
from helpers.plugins import Install

Make = Callable[..., Path]

EVIL = ["\x1b[2J\x1b[31mhappy", "[bold red]happy[/] [link=file:///etc]x[/link]", "=HYPERLINK(\"http://x\",\"happy\")",
        "happy\r\x00\x07\x08\x9b31m", "\u202eyppah\u202c", "line\nbreak\u2028and\x0bmore", "<script>alert(1)</script>",
        "| happy | `x` |", "\ud800 happy", ":smile: \N{GRINNING FACE} {x} %s"]  # fmt: skip
FORBIDDEN = ["\x1b", "\x00", "\x07", "\x08", "\r", "\x9b", "\u202e", "\u202c", "\u2028", "\x0b"]


@pytest.fixture(autouse=True)
def _on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Off a terminal click itself strips control codes, which would hide that the command lets them through."""
    monkeypatch.setattr("click.utils.should_strip_ansi", lambda *_: False)


def safe(outcome: CommandResult) -> CommandResult:
    """The outcome, after checking that it printed something, and nothing but text."""
    for text in (outcome.out, outcome.err):
        assert not [c for c in FORBIDDEN if c in text]
    assert outcome.out + outcome.err
    return outcome


@pytest.fixture
def evil_run(harness: InProcess, install: Install, make_data: Make) -> str:
    make_data(len(EVIL))
    install(
        "evil",
        plugins.judge(
            "evil",
            f"""
def judge(self, batch):
    return [JudgeReply(r.id, text={EVIL!r}[int(r.sample_id[1:])]) for r in batch if r.sample_id != "s00003"]
    """,
        )
        + f"\n\nMine.__doc__ = {EVIL[0]!r}\n",
    )
    assert safe(
        harness("run", "--task", "coarse_emotion", "--model", "evil", "--data", "faces", "--out", "run")
    )
    return "run"


def test_replies_are_stored_verbatim(evil_run: str) -> None:
    rows = [json.loads(line) for line in Path(evil_run, "replies.jsonl").read_text().split("\n")[:-1]]
    assert {r["text"] for r in rows} == set(EVIL) - {EVIL[3]}


@pytest.mark.parametrize(
    "options",
    [["--samples"], ["--samples", "--json"], ["--samples", "--unparsed"], ["--samples", "--failed"]],
)
def test_samples_are_shown_safely(options: list[str], evil_run: str, harness: InProcess) -> None:
    out = safe(harness("show", evil_run, *options).ok()).out
    if options == ["--samples"]:
        assert "[bold red]happy[/] [link=file:///etc]x[/link]" in out, "markup is shown, not interpreted"
        assert len(out.splitlines()) == len(EVIL), "one line for each sample"
    if "--json" in options:
        assert {json.loads(line).get("reply") for line in out.splitlines()} >= {EVIL[0], EVIL[4]}


@pytest.mark.parametrize("form", ["table", "csv", "markdown", "json"])
def test_reports_are_safe(form: str, evil_run: str, harness: InProcess) -> None:
    assert safe(harness("show", evil_run, "--format", form).fails(3))


def test_errors_of_models_are_shown_safely(harness: InProcess, install: Install, faces: Path) -> None:
    install("evil", plugins.judge("evil", f"def judge(self, batch):\n    raise RuntimeError({EVIL[0]!r})"))
    assert safe(
        harness(
            "run",
            "--task",
            "coarse_emotion",
            "--model",
            "evil",
            "--data",
            "faces",
            "--out",
            "run",
            "--max-failures",
            "2",
        )
    )
    assert safe(harness("show", "run", "--samples", "--failed").ok())
    install("evil-open", plugins.judge("evilopen", f"def open(self):\n    raise RuntimeError({EVIL[0]!r})"))
    assert safe(harness("run", "--task", "coarse_emotion", "--model", "evilopen", "--data", "faces").fails(3))
    install("evil-import", f"raise RuntimeError({EVIL[0]!r})")
    for command in (["list", "plugins"], ["doctor"], ["run", "--task", "coarse_emotion", "--model", "x"]):
        assert safe(harness(*command))


def test_names_that_users_type_are_shown_safely(harness: InProcess) -> None:
    for evil in EVIL[:5]:
        assert safe(harness("run", "--task", evil, "--model", "echo").fails(2))
        assert safe(harness("run", "--task", "coarse_emotion", "--model", evil).fails(2))
        assert safe(harness("show", evil).fails(2))
        assert safe(harness(evil).fails(2))


def test_spreadsheets_get_no_formulas(harness: InProcess) -> None:
    for name in ("=cmd|' C calc'!A0", "@SUM(1)", "+1", "-1"):
        for number, emotion in enumerate(data.EMOTIONS):
            data.picture(Path(name) / emotion / "1.png", number)
        folder = "./" + name
        harness(
            "run", "--task", "coarse_emotion", "--model", "echo", "--data", folder, "--out", "run" + name
        ).ok()
        text = harness("show", "run" + name, "--format", "csv").ok().out
        for row in csv.DictReader(io.StringIO(text)):
            cells = [v for k, v in row.items() if k not in ("value", "low", "high") and v]
            assert not [c for c in cells if c[0] in "=+-@\t\r"], row
            assert row["data"].startswith("'")


def test_prompts_and_factors_are_shown_safely(harness: InProcess) -> None:
    rows = [
        {"prompt": EVIL[0], "emotion": "happy", "style": EVIL[1]},
        {"prompt": EVIL[4], "emotion": "sad", "style": EVIL[2]},
    ]
    data.manifest(Path("set"), rows)
    Path("set/manifest.csv").rename("evil.csv")
    Path("mine.toml").write_text("""
name = "mine"
role = "generator"
stage = "coarse"
prompt_set = "evil.csv"
asks = ["coarse_emotion"]
[group]
by = ["style"]
[[metrics]]
name = "fidelity"
asks = "coarse_emotion"
primary = true
""")
    run = ["run", "--task", "mine.toml", "--model", "echo", "--judge", "echo", "-o", "size=64"]
    assert safe(harness(*run, "--dry-run").ok())
    out = safe(harness(*run, "--out", "run", "--full").ok()).out
    assert "[bold red]" in " ".join(out.split())
    for form in ("csv", "markdown", "json"):
        assert safe(harness("show", "run", "--format", form).ok())


@pytest.mark.e2e
def test_keys_are_not_written(shell: Shell, make_data: Make) -> None:
    make_data(6)
    key = "sk-very-secret-4711"
    shell(
        "run",
        "--task",
        "coarse_emotion",
        "--model",
        "echo",
        "--data",
        "faces",
        "--out",
        "run",
        env={"OPENAI_API_KEY": key, "HF_TOKEN": key},
    ).ok()
    assert not [
        p for p in (shell.folder / "run").rglob("*") if p.is_file() and key.encode() in p.read_bytes()
    ]
