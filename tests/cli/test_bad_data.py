"""Data that is partly or completely unusable. A broken sample fails with its reason and never stops the others."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers import data
from helpers.command import CommandResult, InProcess
from PIL import Image

RUN = ["run", "--task", "coarse_emotion", "--model", "echo", "--data"]
Make = Callable[..., Path]


def reasons(harness: InProcess, folder: str) -> dict[str, tuple[str, str]]:
    """Sample id -> kind and message of each failure of a run, from `show`."""
    shown = harness("show", folder, "--samples", "--failed", "--format", "json", "--json").ok().out
    rows = [json.loads(line) for line in shown.splitlines()]
    return {row["sample"]: (row["failure"]["kind"], row["failure"]["message"]) for row in rows}


def partly(outcome: CommandResult, answered: int, failed: int) -> None:
    """The run ended with failed samples, and the others were answered."""
    outcome.fails(3, f"{failed} failed", "--samples --failed")
    entry = outcome.task
    assert (entry["n"], entry["answered"], entry["failed"]) == (answered + failed, answered, failed)
    assert outcome.results["run"]["complete"] is False


MANIFESTS = {
    "no image": ("manifest.csv", "picture,emotion\na.png,happy\n", ["no column 'image'", "picture, emotion"]),
    "image misspelt": ("manifest.csv", "imge,emotion\na.png,happy\n", ["did you mean 'imge'?"]),
    "duplicate column": ("manifest.csv", "image,emotion,emotion\na.png,sad,happy\n", ["the column 'emotion' twice"]),
    "duplicate column in another case": ("manifest.csv", "image,emotion, Emotion\n", ["'emotion' and 'Emotion' twice"]),
    "unclosed quote": ("manifest.csv", 'image,emotion\na.png,sad\nb.png,"happy\nc.png,sad\n', ["line 3", "never closed"]),
    "unclosed quote in the last line": ("manifest.csv", 'image,emotion\na.png,sad\n"b.png,happy', ["line 3", "never closed"]),
    "surplus cells": ("manifest.csv", "image,emotion,intensity\na.png,happy,3,5\n", ["line 2 is invalid", "4 cells where the header has 3"]),
    "binary": ("manifest.csv", bytes(range(256)), ["is not text"]),
    "empty file": ("manifest.csv", "", ["no column 'image'"]),
    "no rows": ("manifest.csv", "image,emotion\n", ["contains no samples"]),
    "duplicate id": ("manifest.csv", "image,id\na.png,x\nb.png,x\n", ["line 3", "'x'", "duplicated"]),
    "duplicate picture": ("manifest.csv", "image\na.png\na.png\n", ["line 3", "'a'", "duplicated"]),
    "none of the six labels": ("manifest.csv", "image,emotion\na.png,fear\nb.png,disgust\n", ["'fear'", "worry"]),
    "invalid JSON": ("manifest.jsonl", '{"image": "a.png"\n', ["line 1", "not valid JSON"]),
    "JSON that is not an object": ("manifest.jsonl", '["a.png"]\n', ["line 1", "not a JSON object"]),
    "JSON without image": ("manifest.jsonl", '{"imag": "a.png"}\n', ["no column 'image'", "did you mean 'imag'?"]),
    "JSON with a key twice": ("manifest.jsonl", '{"image": "a.png", "emotion": "sad", "Emotion": "happy"}\n', ["twice"]),
    "invalid Parquet": ("manifest.parquet", "PAR1 no more", ["manifest.parquet"]),
}  # fmt: skip


@pytest.mark.parametrize(("name", "content", "expected"), MANIFESTS.values(), ids=MANIFESTS.keys())
def test_bad_manifest(
    name: str, content: str | bytes, expected: list[str], harness: InProcess, tmp_path: Path
) -> None:
    folder = tmp_path / "faces"
    folder.mkdir()
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    assert harness(*RUN, "faces").fails(2, "faces", *expected)
    assert not Path("runs").exists()


def test_empty_folder(harness: InProcess) -> None:
    Path("empty").mkdir()
    assert harness(*RUN, "empty").fails(2, "'empty' contains no samples", "manifest.csv", "happy, sad, angry")


def test_folder_with_no_subfolder_of_the_six(harness: InProcess) -> None:
    data.picture(Path("faces/fear/1.png"))
    assert harness(*RUN, "faces").fails(
        2, "contains no samples", "'fear' (1 pictures)", "not named after one of the six"
    )


def test_skipped_subfolders_are_reported(harness: InProcess) -> None:
    for number, name in enumerate(["Happiness", "SAD", "hapy"]):
        data.picture(Path("faces") / name / "1.png", number)
    entry = harness(*RUN, "faces", "--json").ok().task
    assert entry["n"] == 2
    assert any("'hapy' (1 pictures)" in w and "did you mean 'happy'?" in w for w in entry["warnings"])


def broken_pictures(folder: Path) -> dict[str, tuple[str, str]]:
    """Make a folder's broken pictures: id -> the kind of failure and a part of its message."""
    faces = folder / "faces"
    whole = data.picture(folder / "whole.png", 7, (64, 64)).read_bytes()
    noise = Image.frombytes("RGB", (64, 64), os.urandom(64 * 64 * 3))
    noise.save(faces / "half.jpg")
    (faces / "half.jpg").write_bytes((faces / "half.jpg").read_bytes()[:2000])
    (faces / "truncated.png").write_bytes(whole[: len(whole) * 2 // 3])
    (faces / "empty.png").write_bytes(b"")
    (faces / "text.png").write_text("This is no picture.\n" * 50)
    (faces / "page.png").write_text("<!DOCTYPE html><html>Not found</html>")
    (faces / "photo.jpg").write_bytes(b"\0\0\0\x18ftypheic" + bytes(500))
    (faces / "folder.png").mkdir()
    os.mkfifo(faces / "pipe.png")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(os.path.relpath(faces / "socket.png"))
    data.bomb(faces / "bomb.png")
    data.bomb(faces / "mild.png", 9_000, 8_000)
    Image.new("F", (8, 8), 0.5).save(faces / "float.tiff")
    return {
        "missing.png": ("missing", "does not exist"),
        "whole.png/in.png": ("missing", "does not exist"),
        "truncated.png": ("broken", "is broken"),
        "half.jpg": ("broken", "is broken"),
        "empty.png": ("empty", "is empty (zero bytes)"),
        "text.png": ("not_a_picture", "is not a picture"),
        "page.png": ("not_a_picture", "is not a picture"),
        "photo.jpg": (
            "not_a_picture",
            "HEIC is not read: convert it to PNG or JPEG (the package pillow-heif reads it)",
        ),
        "folder.png": ("unreadable", "is not a file"),
        "pipe.png": ("unreadable", "is not a file"),
        "socket.png": ("unreadable", "is not a file"),
        "bomb.png": ("too_large", "pixels"),
        "mild.png": ("too_large", "9000x8000 pixels"),
        "float.tiff": ("unsupported", "floating-point"),
    }


def test_only_broken_pictures_fail(harness: InProcess, make_data: Make, tmp_path: Path) -> None:
    folder = make_data(6)
    expected = broken_pictures(folder)
    extra = [{"image": f"faces/{name}", "id": name, "emotion": "happy"} for name in expected]
    data.make(folder, 6, extra=extra)
    partly(harness(*RUN, "faces", "--json", "--out", "run"), 6, len(expected))
    found = reasons(harness, "run")
    assert {name: kind for name, (kind, _) in found.items()} == {
        name: kind for name, (kind, _) in expected.items()
    }
    for name, (_, part) in expected.items():
        assert part in found[name][1], name
        assert name in found[name][1], "the message names the picture"


BAD_ROWS = {
    "label outside the six": ({"emotion": "fear"}, "'fear' (line 8) is none of the six"),
    "label nearly one of the six": ({"emotion": "hapy"}, "did you mean 'happy'?"),
    "intensity that is not a number": (
        {"emotion": "happy", "intensity": "strong"},
        "'strong' (line 8) is not a",
    ),
    "intensity that is not finite": (
        {"emotion": "happy", "intensity": "inf"},
        "'inf' (line 8) is not a finite number",
    ),
    "no picture named": ({"emotion": "happy", "image": ""}, "line 8 names no image"),
    "URL": ({"emotion": "happy", "image": "https://example.org/face.png"}, "never fetched"),
    "name with a NUL": ({"emotion": "happy", "image": "faces/a\0b.png"}, "null"),
    "name that is too long": ({"emotion": "happy", "image": "a" * 5000 + ".png"}, "too long"),
}


ROWS_IN_FORMS = [
    pytest.param(*case, form, id=f"{name}, {form}")
    for name, case in BAD_ROWS.items()
    for form in ("csv", "jsonl")
    if (name, form) != ("name with a NUL", "csv")  # Python 3.10 writes no such CSV.
]


@pytest.mark.parametrize(("change", "expected", "form"), ROWS_IN_FORMS)
def test_only_the_bad_row_fails(
    change: dict[str, str], expected: str, form: str, harness: InProcess, make_data: Make
) -> None:
    folder = make_data(6)
    rows = [*(data.row(i) for i in range(6)), {"image": data.row(0)["image"], "id": "bad", **change}]
    if form == "jsonl":
        (folder / "manifest.csv").unlink()
        (folder / "manifest.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        expected = expected.replace("line 8", "line 7")
    else:
        data.manifest(folder, rows)
    partly(harness(*RUN, "faces", "--json", "--out", "run"), 6, 1)
    assert expected in reasons(harness, "run")["bad"][1]


def test_repaired_samples_are_requested_on_the_next_run(harness: InProcess, make_data: Make) -> None:
    folder = make_data(6)
    whole = (folder / data.row(3)["image"]).read_bytes()
    (folder / data.row(3)["image"]).unlink()
    partly(harness(*RUN, "faces", "--json", "--out", "run"), 5, 1)
    (folder / data.row(3)["image"]).write_bytes(whole)
    entry = harness(*RUN, "faces", "--json", "--out", "run").ok().task
    assert (entry["answered"], entry["failed"]) == (6, 0)
    assert "no such samples" in harness("show", "run", "--samples", "--failed").ok().out


OUTSIDE = {
    "parent": lambda out, folder: "../elsewhere/face.png",
    "absolute": lambda out, folder: str(out),
    "symlink": lambda out, folder: _link(folder / "faces" / "link.png", out),
    "symlinked folder": lambda out, folder: _link(folder / "linked", out.parent) and "linked/face.png",
    "up through a link": lambda out, folder: (
        _link(folder / "deep", out.parent) and "deep/../elsewhere/face.png"
    ),
}


def _link(path: Path, target: Path) -> str:
    path.symlink_to(target)
    return str(path.relative_to(path.parents[1])) if path.parent.name == "faces" else path.name


@pytest.mark.parametrize("make_path", OUTSIDE.values(), ids=OUTSIDE.keys())
def test_paths_that_leave_the_folder(
    make_path: Callable[[Path, Path], str], harness: InProcess, make_data: Make, tmp_path: Path
) -> None:
    outside = data.picture(tmp_path / "elsewhere" / "face.png", 99)
    folder = make_data(6)
    image = make_path(outside, folder)
    data.make(folder, 6, extra=[{"image": image, "id": "out", "emotion": "happy"}])
    partly(harness(*RUN, "faces", "--json", "--out", "run"), 6, 1)
    kind, message = reasons(harness, "run")["out"]
    assert kind == "outside"
    assert "--allow-outside" in message
    entry = harness(*RUN, "faces", "--allow-outside", "--json", "--out", "run").ok().task
    assert (entry["answered"], entry["failed"]) == (7, 0)


def test_links_within_the_folder_work(harness: InProcess, make_data: Make, tmp_path: Path) -> None:
    folder = make_data(6)
    (folder / "faces" / "again.png").symlink_to(folder / data.row(0)["image"])
    data.make(
        folder,
        6,
        extra=[
            {"image": "faces/again.png", "id": "again", "emotion": "happy"},
            {"image": "faces/../faces/00001.png", "id": "round", "emotion": "sad"},
        ],
    )
    (tmp_path / "linked").symlink_to(folder)
    assert harness(*RUN, "linked", "--json").ok().task["answered"] == 8


def test_names_of_files_may_be_anything(harness: InProcess, tmp_path: Path) -> None:
    names = [
        "with space",
        "new\nline",
        "quo\"te'd",
        "Ünïcödé 顔 😀",
        "-o",
        "=1+1",
        "a,b",
        "[bold]x",
        "%s{0}",
        "\x1b[31mred",
    ]
    for number, name in enumerate(names):
        data.picture(tmp_path / "faces" / data.EMOTIONS[number % 6] / f"{name}.png", number)
    raw = os.fsencode(tmp_path / "faces" / "happy") + b"/caf\xe9.png"
    os.rename(data.picture(tmp_path / "raw.png", 200), raw)
    assert harness(*RUN, "faces", "--json", "--out", "a run [x]").ok().task["answered"] == len(names) + 1
    shown = harness("show", "a run [x]", "--samples").ok().out
    assert "\x1b" not in shown
    assert len(shown.splitlines()) == len(names) + 1
    assert "[bold]x" in shown
    assert harness(*RUN, "faces", "--json", "--out", "a run [x]").ok().task["answered"] == len(names) + 1


def test_data_sets_with_the_same_name_are_refused(harness: InProcess, make_data: Make) -> None:
    make_data(6, "one/faces")
    make_data(6, "two/faces")
    assert harness(*RUN, "one/faces,two/faces").fails(2, "same name")


def test_data_sets_that_share_ids_are_kept_apart(harness: InProcess, make_data: Make) -> None:
    make_data(6, "one")
    make_data(6, "two")
    for folder in ("one", "two"):
        (Path(folder) / data.row(0)["image"]).unlink()
    done = harness(*RUN, "one,two", "--json", "--out", "run")
    assert done.code == 3
    counts = [(t["data"]["name"], t["n"], t["answered"], t["failed"]) for t in done.results["tasks"]]
    assert counts == [("one", 6, 5, 1), ("two", 6, 5, 1)]
