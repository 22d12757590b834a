"""The data set: balanced, exactly labelled, complete or absent."""

from __future__ import annotations

import csv
import hashlib
import io
import itertools
import os
import pwd
import stat
import threading
from collections import Counter
from collections.abc import Callable, Collection
from pathlib import Path

import pytest
from memobench_portraits import dataset, pool
from memobench_portraits.dataset import PortraitDataSet, entries, manifest, people
from PIL import Image

from harness import RequestError, StorageError

LABELS = "f6e5d96a901eb329"


def rows() -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(manifest())))


def test_labels_match_the_pinned_digest() -> None:
    text = "\n".join(",".join((r["id"], r["emotion"], r["intensity"], r["subject"])) for r in rows())
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == LABELS


def test_every_person_shows_every_expression_once() -> None:
    table = rows()
    assert len(table) == 624
    assert len({r["id"] for r in table}) == len({r["image"] for r in table}) == 624
    expected = {(e, str(s)) for e in ("happy", "sad", "angry", "surprise", "worry") for s in range(1, 6)} | {
        ("neutral", "")
    }
    for _, group in itertools.groupby(sorted(table, key=lambda r: r["subject"]), key=lambda r: r["subject"]):
        shown = [(r["emotion"], r["intensity"]) for r in group]
        assert len(shown) == 26
        assert set(shown) == expected


def test_factors_are_balanced_and_crossed() -> None:
    crossed = Counter((p.age_group, p.skin_tone) for p in people())
    assert len(crossed) == 24
    assert set(crossed.values()) == {1}
    for factor in ("age_group", "skin_tone"):
        split = Counter((getattr(p, factor), p.gender) for p in people())
        assert len(set(split.values())) == 1, split
    assert len({p.hair for p in people()}) >= 12


def test_ids_reveal_nothing_about_the_labels() -> None:
    table = rows()
    words = {w for r in table for w in (r["emotion"], r["subject"])}
    assert not any(word in r["id"] for r in table for word in words)
    emotions = [r["emotion"] for r in sorted(table, key=lambda r: r["id"])]
    assert max(len(list(run)) for _, run in itertools.groupby(emotions)) < 8


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The data set reduced to six pictures, in a separate cache."""
    few = entries()[:6]
    monkeypatch.setattr(dataset, "entries", lambda: few)
    monkeypatch.setattr(dataset, "SIZE", 64)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


def digests(folder: Path) -> dict[str, str]:
    return {
        p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.rglob("*")) if p.is_file()
    }


def test_it_is_generated_once_and_reproducibly(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = PortraitDataSet().prepare()
    assert folder.is_relative_to(small)
    first = digests(folder)
    assert len(first) == 6 + len(("manifest.csv", "checksums.sha256"))
    with Image.open(folder / "images" / f"{dataset.entries()[0].id}.png") as picture:
        assert picture.size == (64, 64)
    times = [p.stat().st_mtime_ns for p in sorted(folder.rglob("*.png"))]
    assert PortraitDataSet().prepare() == folder
    assert [p.stat().st_mtime_ns for p in sorted(folder.rglob("*.png"))] == times
    monkeypatch.setenv("XDG_CACHE_HOME", str(small / "other"))
    assert digests(PortraitDataSet().prepare()) == first


def test_concurrent_calls_both_get_the_complete_data_set(small: Path) -> None:
    found: list[Path] = []
    threads = [threading.Thread(target=lambda: found.append(PortraitDataSet().prepare())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found[0] == found[1]
    assert len(digests(found[0])) == 8
    assert [p.name for p in found[0].parent.iterdir()] == [found[0].name]


def test_a_failed_generation_leaves_no_files(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> str:
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(dataset, "manifest", broken)
        with pytest.raises(StorageError, match="disk full"):
            PortraitDataSet().prepare()
    assert list(dataset.cache_folder().parent.iterdir()) == []
    assert (PortraitDataSet().prepare() / "manifest.csv").is_file()


def _is_other(path: Path) -> None:
    (path.parent / "p.png").write_bytes(b"another picture")
    os.replace(path.parent / "p.png", path)


DAMAGES = {
    "missing": lambda path: path.unlink(),
    "empty": lambda path: path.write_bytes(b""),
    "exchanged": _is_other,
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-20]),
    "a folder": lambda path: (path.unlink(), path.mkdir(), (path / "x").touch()),
    "a pipe": lambda path: (path.unlink(), os.mkfifo(path)),
    "a link": lambda path: (path.unlink(), path.symlink_to("/dev/zero")),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_whatever_is_lost_or_changed_is_made_again(
    damage: Callable[[Path], object], small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "available_cores", lambda: 1)
    folder = PortraitDataSet().prepare()
    whole = digests(folder)
    for name in (f"images/{dataset.entries()[2].id}.png", "manifest.csv", "checksums.sha256", "images", ""):
        path = folder / name
        if path.is_dir():
            path.rename(path.with_name(".aside"))
            path.touch()
        damage(path)
        assert digests(PortraitDataSet().prepare()).items() >= whole.items(), name
        assert [p.name for p in folder.parent.iterdir()] == [folder.name]
        assert {p.name for p in folder.iterdir()} >= {"images", "manifest.csv", "checksums.sha256"}


def test_only_what_is_damaged_is_made_again(small: Path) -> None:
    folder = PortraitDataSet().prepare()
    first, second = (folder / "images" / f"{entry.id}.png" for entry in dataset.entries()[:2])
    before = second.stat().st_mtime_ns
    first.unlink()
    PortraitDataSet().prepare()
    assert first.is_file()
    assert second.stat().st_mtime_ns == before


def test_pictures_of_two_renderers_are_never_mixed(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = PortraitDataSet().prepare()
    before = digests(folder)
    monkeypatch.setattr(dataset, "SIZE", 32)  # As another version of the rasteriser gives other bytes.
    (folder / "images" / f"{dataset.entries()[0].id}.png").unlink()
    after = digests(PortraitDataSet().prepare())
    assert {name for name in before if before[name] == after[name]} == {"manifest.csv"}


def test_what_a_killed_preparation_left_is_removed(small: Path) -> None:
    folder = PortraitDataSet().prepare()
    left = folder.with_name(f".{folder.name}-0123")
    left.mkdir()
    (left / "half.png").touch()
    PortraitDataSet().prepare()
    assert [p.name for p in folder.parent.iterdir()] == [folder.name]


def test_a_preparation_under_way_is_left_alone(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processes start at once: the second waits, and finds the data set."""
    written, go_on = threading.Event(), threading.Event()
    whole = dataset.write

    def slow(folder: Path, names: Collection[str] = ()) -> None:
        whole(folder, names)
        written.set()
        assert go_on.wait(60)

    monkeypatch.setattr(dataset, "write", slow)
    threads = [threading.Thread(target=PortraitDataSet().prepare) for _ in range(2)]
    threads[0].start()
    assert written.wait(60)
    threads[1].start()
    go_on.set()
    for thread in threads:
        thread.join(60)
    assert len(digests(dataset.cache_folder())) == 8


def test_an_unwritable_cache_is_reported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(StorageError, match="file"):
        PortraitDataSet().prepare()


@pytest.mark.parametrize("mask", [0o002, 0o022, 0o077])
def test_the_cache_follows_the_umask(mask: int, small: Path) -> None:
    before = os.umask(mask)
    try:
        folder = PortraitDataSet().prepare()
    finally:
        os.umask(before)
    found = {stat.S_IMODE(p.stat().st_mode) for p in (folder, folder.parent, folder / "images")}
    assert found == {0o777 & ~mask}
    assert stat.S_IMODE((folder / "manifest.csv").stat().st_mode) == 0o666 & ~mask


def test_a_user_without_a_home_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(user: int) -> pwd.struct_passwd:
        raise KeyError(user)

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("HOME")
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    with pytest.raises(RequestError, match=r"HOME is not set.* Set XDG_CACHE_HOME"):
        PortraitDataSet().prepare()


def test_a_relative_cache_setting_is_ignored(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "somewhere")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert dataset.cache_folder().is_relative_to(tmp_path / ".cache")
