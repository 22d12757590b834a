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
from pathlib import Path

import pytest
from memobench_portraits import dataset
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
    assert len(first) == 7
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
    assert len(digests(found[0])) == 7
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
