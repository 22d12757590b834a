"""Generators: their images are stored, counted and judged, whatever they do wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from helpers import plugins
from helpers.command import InProcess, generate_command
from helpers.plugins import Install
from helpers.results import replies, value

Make = Callable[..., Path]


def test_generate_makes_a_data_set(harness: InProcess) -> None:
    generate = [*generate_command(12), "mine"]
    out = harness(*generate).ok().out
    assert "12 portraits requested, ok 12, 0 failed" in out
    assert Path("mine/sheet.png").is_file()
    entry = (
        harness("run", "--task", "coarse_emotion", "--model", "echo", "--data", "mine", "--json").ok().task
    )
    assert (entry["n"], entry["answered"]) == (12, 12)
    again = harness(*generate, "--per-prompt", "2")
    again.fails(2, "contains a different request", "per_prompt")
    assert harness("score", "mine").fails(2, "no answers", "harness run")
    assert harness("show", "mine").fails(2, "portraits", "harness run")
    assert harness("show", "mine", "--samples").ok()
    assert "mine" in harness("list", "runs").ok().out or not Path("runs/mine").exists()


def test_generator_run(harness: InProcess, install: Install) -> None:
    install(
        "imager",
        plugins.generator(
            "imager",
            """
def generate(self, batch):
    for r in batch:
        n = r.seed % 4
        if r.emotion == "happy":
            yield ImageReply(r.id, outcome="blocked")
        elif r.emotion == "sad":
            yield ImageReply(r.id, Image.new("RGB", (8, 8)))
        elif r.emotion == "angry":
            yield ImageReply(r.id, error=ReplyError("cuda", "out of memory"))
        else:
            yield ImageReply(r.id, Image.new("RGB", (8, 8), (r.seed % 255, 9, 9)))
""",
        ),
    )
    run = [
        "run",
        "--task",
        "t2i_emotion",
        "--model",
        "imager",
        "--judge",
        "echo",
        "--limit",
        "12",
        "--json",
        "--out",
        "run",
    ]
    entry = harness(*run).fails(3, "2 failed").task
    assert (entry["n"], entry["answered"], entry["failed"]) == (12, 6, 2)
    assert entry["outcomes"] == {"ok": 6, "blocked": 2, "blank": 2, "error": 2}
    assert value(entry, "fidelity", emotion="happy") == 0.0, (
        "a blocked portrait does not show what was requested"
    )
    assert value(entry, "fidelity", emotion="worry") == 1.0
    assert "cuda: out of memory" in harness("show", "run", "--samples", "--failed").ok().out


def test_generator_runs_are_data_sets_and_extend(harness: InProcess) -> None:
    run = [
        "run",
        "--task",
        "t2i_emotion",
        "--model",
        "echo",
        "--judge",
        "echo",
        "-o",
        "size=64",
        "--json",
        "--out",
        "run",
    ]
    assert harness(*run, "--limit", "6").ok()
    few = replies("run")
    large = harness(*run, "--limit", "12").ok()
    assert "generating with echo: 12 requests, 6 already stored" in large.err
    assert few.items() <= replies("run").items()
    assert large.task["n"] == 12
    again = (
        harness("run", "--task", "coarse_emotion", "--model", "echo", "--data", "./run", "--json").ok().task
    )
    assert (again["n"], again["answered"]) == (12, 12)


GENERATORS = {
    "raises on some": ("for r in batch:\n        if r.emotion == 'worry':\n            raise ValueError('no')\n        yield ImageReply(r.id, Image.new('RGB', (8, 8), 'red'))", None),
    "too few": ("return [ImageReply(r.id, Image.new('RGB', (8, 8), 'red')) for r in batch if r.emotion != 'happy']", 10),
    "no images": ("return [ImageReply(r.id, None if r.emotion == 'happy' else Image.new('RGB', (8, 8), 'red')) for r in batch]", 10),
    "images that are not PIL images": ("return [ImageReply(r.id, [[0]] if r.emotion == 'happy' else Image.new('RGB', (8, 8), 'red')) for r in batch]", 10),
    "an unknown outcome": ("return [ImageReply(r.id, Image.new('RGB', (8, 8), 'red'), outcome='odd' if r.emotion == 'happy' else 'ok') for r in batch]", 10),
    "extra that is not JSON": ("return [ImageReply(r.id, Image.new('RGB', (8, 8), 'red'), extra={'x': object()} if r.emotion == 'happy' else {}) for r in batch]", 10),
    "ids that were not requested": ("return [ImageReply('x', Image.new('RGB', (8, 8), 'red'))] + [ImageReply(r.id, Image.new('RGB', (8, 8), 'red')) for r in batch]", 12),
    "duplicate ids": ("return [ImageReply(r.id, Image.new('RGB', (8, 8), 'red')) for r in batch for _ in '12']", 12),
}  # fmt: skip


@pytest.mark.parametrize(("body", "stored"), GENERATORS.values(), ids=GENERATORS.keys())
def test_generator_that_breaks_its_contract(
    body: str, stored: int | None, harness: InProcess, install: Install
) -> None:
    install("imager", plugins.generator("imager", f"def generate(self, batch):\n    {body}"))
    done = harness(
        "generate", "--model", "imager", "--prompts", "emotion_600", "--limit", "12", "--out", "run"
    )
    done.fails(3)
    kept = len(list(Path("run/images").glob("*.png")))
    assert kept == stored if stored is not None else 0 < kept <= 10
    assert len(replies("run")) == kept
    assert f"ok {kept}" in done.out


def test_generator_that_cannot_start(harness: InProcess, install: Install) -> None:
    install("imager", plugins.generator("imager", "def open(self):\n    raise RuntimeError('no GPU')"))
    install("needy", plugins.generator("needy", "def open(self):\n    import not_there_at_all"))
    generate = ["generate", "--prompts", "emotion_600", "--limit", "6", "--model"]
    assert harness(*generate, "imager").fails(3, "'imager' could not be started", "no GPU")
    assert harness(*generate, "needy").fails(
        2, "needs the package 'not_there_at_all'", "pip install not_there_at_all"
    )


def test_a_smaller_limit_keeps_what_was_generated(harness: InProcess, tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text(
        "id,prompt,emotion\n" + "".join(f"n{i},a happy face {i},happy\n" for i in range(6))
    )
    for limit in (6, 3):
        assert harness(
            "generate", "--model", "echo", "--prompts", "p.csv", "--limit", str(limit), "--out", "g"
        ).ok()
        assert len((tmp_path / "g" / "manifest.csv").read_text().splitlines()) == 7
    assert harness("run", "--task", "coarse_emotion", "--model", "echo", "--data", "g", "--out", "r").ok()


def test_pictures_made_elsewhere_are_scored_without_generating(harness: InProcess) -> None:
    assert harness(*generate_command(12), "made").ok()
    run = ["run", "--task", "t2i_emotion", "--model", "folder:made", "--judge", "echo", "--out", "r"]
    entry = harness(*run, "--json").ok().task
    assert (entry["n"], entry["answered"], entry["outcomes"]) == (12, 12, {"ok": 12})
    assert entry["data"]["name"] == "folder:made"
    assert any("style=" in w for w in entry["warnings"]), (
        "factors of the prompts stay: their groups are small"
    )
    stored = len(replies("r"))
    assert harness(*run).ok()
    assert len(replies("r")) == stored
    assert harness("run", "--task", "t2i_intensity", "--model", "folder:made", "--judge", "echo").fails(
        2, "intensity", "pattern"
    )


def test_file_names_specify_the_labels(harness: InProcess, make_data: Make) -> None:
    flat = Path("flat")
    flat.mkdir()
    pictures = sorted(p for p in make_data(6).rglob("*") if p.suffix == ".png")
    for number, picture in enumerate(pictures):
        picture.rename(flat / f"happy_{number}.png")
    (flat / "happy_0.png").rename(flat / "cover.png")
    run = ["run", "--task", "t2i_emotion", "--model", "folder:flat", "--judge", "echo"]
    assert harness(*run).fails(2, "without labels", "-o pattern=")
    entry = harness(*run, "-o", "pattern={emotion}_{index}", "--json").ok().task
    assert entry["n"] == len(pictures) - 1
    assert any("cover.png" in w for w in entry["warnings"])
