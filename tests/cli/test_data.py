"""`harness data`: imports, runs on imported sets, exports, and refused requests."""

from __future__ import annotations

import csv
import json
import os
import resource
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers import data, emotion_sets
from helpers.command import InProcess, Shell

from harness.datasets.home import data_home
from harness.datasets.imports import KINDS

RUN = ["run", "--task", "coarse_emotion", "--model", "echo", "--json", "--data"]


def folders(root: Path = Path("faces"), each: int = 2) -> Path:
    """Class folders: pictures of four of the six emotions, and of fear and disgust."""
    for number, name in enumerate(("happy", "sad", "angry", "neutral", "fear", "disgust")):
        for i in range(each):
            data.picture(root / "train" / name / f"{i}.png", number * 100 + i)
    return root


def test_an_import_reports_what_it_used_and_how_to_use_the_rest(harness: InProcess) -> None:
    folders()
    out = (
        harness("data", "import", "class-folders", "faces", "--label", "perceived", "--map", "fear=worry")
        .ok()
        .out
    )
    for text in (
        "class-folders: 10 samples (angry 2, happy 2, neutral 2, sad 2, worry 2); labels are perceived",
        "pictures: not used: 2 (unknown label 2)",
        "lossy mapping: fear counts as worry (2 pictures)",
        "--map disgust=angry",
        "--data class-folders",
    ):
        assert text in out
    assert harness("list", "data").ok().out.count("class-folders") >= 1
    (row,) = [
        r for r in json.loads(harness("list", "data", "--json").ok().out) if r["name"] == "class-folders"
    ]
    assert row["summary"] == f"imported: {data_home() / 'class-folders'}"
    assert (
        harness("data", "verify", "class-folders").ok().out
        == "class-folders: 10 pictures, 0 differ from what was imported\n"
    )


@pytest.mark.parametrize("copied", [False, True])
def test_runs_on_imported_sets_report_labels_and_scales(copied: bool, harness: InProcess) -> None:
    root = data.make(Path("faces"), 12)
    manifest = root / "manifest.csv"
    manifest.write_text(manifest.read_text().replace(",worry,", ",fear,").replace(",surprise,", ",startled,"))
    options = [
        "--name",
        "mine",
        "--label",
        "intended",
        "--map",
        "fear=worry",
        "--map",
        "startled=surprise",
        *["--copy"] * copied,
    ]
    summary = json.loads(harness("data", "import", "manifest", root, *options, "--json").ok().out)
    assert summary["lossy"] == [
        "startled counts as surprise (2 pictures)",
        "fear counts as worry (2 pictures)",
    ]
    if copied:
        shutil.rmtree(root)
    entry = harness(*RUN, "mine").ok().task
    assert (entry["n"], entry["answered"], entry["data"]["name"]) == (12, 12, "mine")
    warnings = "\n".join(entry["warnings"])
    assert "Emotion labels are intended: the requested emotion." in warnings
    assert "fear counts as worry (2 pictures)" in warnings
    assert "startled counts as surprise (2 pictures)" in warnings
    assert "The scale of intensity is assumed to be" in warnings
    if not copied:
        data.picture(root / "faces/00003.png", 999)
        harness("data", "verify", "mine").fails(3)


def test_a_declared_scale_is_not_assumed(harness: InProcess) -> None:
    root = data.make(Path("faces"), 12)
    harness("data", "import", "manifest", root, "--label", "intended", "--scale", "intensity=1,5").ok()
    assert not any(
        "scale" in w for w in harness(*RUN, "manifest").ok().task["warnings"] if "assumed to be" in w
    )


def test_export_and_back(harness: InProcess) -> None:
    folders()
    harness("data", "import", "class-folders", "faces", "--label", "intended", "--map", "fear=worry").ok()
    out = harness("data", "export", "class-folders", "--out", "x.parquet").ok().out
    assert out == "x.parquet: 10 samples\n"
    harness("data", "export", "class-folders", "--out", "x.parquet").refuses(2, "already exists", "--replace")
    harness("data", "import", "hf", "x.parquet", "--name", "back").ok()
    there, back = (harness(*RUN, name).ok().task for name in ("class-folders", "back"))
    assert there["metrics"] == back["metrics"]
    assert [w for w in there["warnings"] if "abel" in w] == [w for w in back["warnings"] if "abel" in w]


def test_export_of_any_data_set(harness: InProcess, faces: Path) -> None:
    (faces / "faces/00001.png").unlink()
    (faces / "faces/00002.png").write_bytes(b"none")
    done = harness("data", "export", "faces", "--out", "parts", "--split-size", "0.2kB", "--json")
    assert done.code == 3
    written = json.loads(done.out)
    assert (written["samples"], written["left_out"]) == (10, {"no picture": 1, "unusable picture": 1})
    assert sorted(written["files"]) == sorted(p.name for p in Path("parts").iterdir())
    assert len(written["files"]) > 1
    assert harness(*RUN, "faces").code == 3, "a run on it fails for the same two"
    for size in ("x", "0", "-1MB", "500 apples"):
        harness("data", "export", "faces", "--out", "more", "--split-size", size).refuses(2, "is not a size")
    harness("data", "export", "fases", "--out", "more").refuses(2, "Unknown data set 'fases'")
    assert not Path("more").exists()


BAD = {
    "unknown kind": (["kdefs", "faces"], "Did you mean 'kdef'?"),
    "missing folder": (["kdef", "nowhere"], "does not exist"),
    "no label": (["class-folders", "faces"], "--label intended or --label perceived"),
    "a label of a different kind": (["kdef", "faces", "--label", "perceived"], "intended, not perceived"),
    "unknown emotion": (["class-folders", "faces", "--label", "intended", "--map", "fear=wory"], "did you mean 'worry'?"),
    "map without a value": (["class-folders", "faces", "--label", "intended", "--map", "fear"], "is not KEY=VALUE"),
    "a name that is a path outside": (["class-folders", "faces", "--label", "intended", "--name", "../x"], "is not a valid data set name"),
    "a hidden name": (["class-folders", "faces", "--label", "intended", "--name", ".x"], "is not a valid data set name"),
    "unknown column": (["class-folders", "faces", "--label", "intended", "--column", "a=b"], "--column"),
    "data of a different kind": (["affectnet", "faces"], "training.csv"),
    "the name of a plugin's data set": (["class-folders", "faces", "--label", "intended", "--name", "portraits"], "portraits"),
}  # fmt: skip


@pytest.mark.parametrize(("arguments", "expected"), BAD.values(), ids=BAD.keys())
def test_bad_requests(arguments: list[str], expected: str, harness: InProcess) -> None:
    folders(each=1)
    assert harness("data", "import", *arguments).refuses(2, expected)
    assert not data_home().exists() or list(data_home().iterdir()) == []


def test_an_import_replaces_only_on_request(harness: InProcess) -> None:
    arguments = ["data", "import", "class-folders", folders(), "--label", "intended", "--name", "mine"]
    harness(*arguments).ok()
    before = (data_home() / "mine/import.json").read_bytes()
    harness(*arguments).refuses(2, "The data set 'mine' already exists", "--replace")
    harness(*arguments, "--dry-run").ok()
    assert (data_home() / "mine/import.json").read_bytes() == before
    harness(*arguments, "--replace", "--map", "fear=worry").ok()
    assert [p.name for p in data_home().iterdir()] == ["mine"]


def test_data_home_that_cannot_be_written(
    harness: InProcess, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    for home in ("/proc/nothing", str(tmp_path / "file")):
        monkeypatch.setenv("XDG_DATA_HOME", home)
        refused = harness("data", "import", "class-folders", folders(), "--label", "intended")
        assert refused.refuses(2, "cannot be written", "XDG_DATA_HOME")


def small_files(limit: int) -> Callable[[], None]:
    """No file of the process may grow beyond `limit` bytes: writing fails as it does on a full disk."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))


@pytest.mark.parametrize("copied", [False, True])
def test_a_full_disk_leaves_nothing(copied: bool, shell: Shell, tmp_path: Path) -> None:
    folders(tmp_path / "faces", 60)
    done = shell(
        "data",
        "import",
        "class-folders",
        "faces",
        "--label",
        "intended",
        *["--copy"] * copied,
        preexec_fn=small_files(8_000),
    )
    done.fails(3, "cannot be written: File too large", "othing was imported")
    assert list(data_home().iterdir()) == []
    shell("data", "export", "faces/train", "--out", "x.parquet", preexec_fn=small_files(5_000)).fails(
        3, "'x.parquet' cannot be written"
    )
    assert [p.name for p in tmp_path.iterdir()] == ["faces"]


@pytest.mark.parametrize("verb", ["import", "export"])
def test_a_kill_leaves_no_partial_data_set(verb: str, shell: Shell, tmp_path: Path) -> None:
    folders(tmp_path / "faces", 400)
    arguments = {
        "import": ["class-folders", "faces", "--label", "intended", "--copy", "--name", "mine"],
        "export": ["faces/train", "--out", "x.parquet"],
    }[verb]
    target, temporary = {
        "import": (data_home() / "mine", data_home()),
        "export": (tmp_path / "x.parquet", tmp_path),
    }[verb]
    process = shell.start("data", verb, *arguments)
    deadline = time.monotonic() + 60
    while not list(temporary.glob(".*.tmp/*")) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait(60) == -signal.SIGKILL, "it had ended before it could be killed"
    assert not target.exists()
    assert "mine" not in shell("list", "data").ok().out
    assert shell("data", verb, *arguments).code == 0, "the same command works the next time"
    assert target.exists()


def test_cells_that_spreadsheets_would_run_are_escaped_in_reports(harness: InProcess) -> None:
    data.picture(Path("faces/happy/1.png"))
    for number, name in enumerate(("=1+2", "+1", "-1", "@x")):
        data.picture(Path("faces") / name / "2.png", number)
    Path("faces/happy/\x1b[31mred.png").write_bytes(b"x")
    os.symlink("/etc/passwd", "faces/happy/out.png")
    done = harness("data", "import", "class-folders", "faces", "--label", "intended").ok()
    assert "\x1b" not in done.out
    with (data_home() / "class-folders/unused.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert all(cell[:1] not in ("=", "+", "-", "@") for row in rows for cell in row.values())
    assert {r["reason"] for r in rows} == {
        "unknown label",
        "a name that cannot be written",
        "a link that leaves the folder",
    }


def evoked(root: Path = Path("release")) -> Path:
    """EmoSet with pictures of anger, sadness and awe."""
    names = ("anger_1", "sadness_2", "awe_3", "sadness_4")
    emotion_sets.pictures(root, *(f"image/{name}.jpg" for name in names))
    rows = [[name.partition("_")[0], name, f"image/{name}.jpg", ""] for name in names]
    emotion_sets.document(root / "train.json", rows)
    return root


def test_evoked_sets_say_so_and_keep_categories(harness: InProcess) -> None:
    evoked()
    out = harness("data", "import", "emoset", "release").ok().out
    for text in (
        "emoset: 4 samples (angry 1, none 1, sad 2); labels are perceived; emotions are evoked",
        "category outside the six emotions 1",
        "--map awe=EMOTION",
    ):
        assert text in out
    assert "next: harness run" not in out, "no task for faces is suggested"
    document = json.loads((data_home() / "emoset" / "import.json").read_text())
    assert (document["domain"], document["unmapped"]) == ("evoked", {"awe": 1})
    assert harness(*RUN, "emoset").ok().task["n"] == 3, "samples without an emotion are not asked"
    harness("data", "export", "emoset", "--out", "emoset.parquet").ok()
    harness("data", "import", "hf", "emoset.parquet", "--name", "back").ok()
    back = json.loads((data_home() / "back" / "import.json").read_text())
    assert (back["domain"], back["samples"]) == ("evoked", 4)
    bad = harness("data", "import", "emoset", "release", "--replace", "--domain", "shown")
    assert bad.code == 2
    assert "The emotions of emoset are evoked, not shown." in bad.err


def test_the_help_lists_all_kinds(harness: InProcess) -> None:
    out = harness("data", "import", "--help").ok().out
    assert not [kind for kind in KINDS if kind not in out]


def test_people_of_an_exported_project(harness: InProcess) -> None:
    emotion_sets.pictures(Path("project"), *(f"{i}.png" for i in range(6)))
    rows = [(f"W{who}", f"{i}.png", ("happy", "sad")[i % 2]) for i in range(6) for who in range(3)]
    emotion_sets.table(Path("project/x.csv"), [("WorkerId", "Input.image_url", "Answer.emotion"), *rows])
    harness("data", "import", "wide", "project", "--domain", "shown", "--name", "mine").ok()
    out = harness("data", "people", "mine").ok().out
    assert "3" in out
    assert "emotion" in out
