"""Malicious releases are refused with a message, use little memory, and never write outside the target."""

from __future__ import annotations

import io
import os
import random
import shutil
import stat
import struct
import zipfile
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest
from helpers import data
from PIL import Image
from pyarrow import parquet as pq

from harness import BadData, HarnessError
from harness.datasets.imports import KINDS, ImportOptions, data_home, import_data, kind_of, source


def snapshot(root: Path) -> dict[str, bytes]:
    """The content of every file below a folder."""
    return {
        str(p.relative_to(root)): p.read_bytes()
        for p in sorted(root.rglob("*"))
        if p.is_file() and not p.is_symlink()
    }


@pytest.fixture
def archive(tmp_path, png):
    """`archive(fill)`: a zip with one valid picture, plus the entries that `fill` adds."""

    def make(fill=lambda z: None, compression=zipfile.ZIP_DEFLATED) -> Path:
        path = tmp_path / "release.zip"
        with zipfile.ZipFile(path, "w", compression) as file:
            file.writestr("happy/1.png", png(1))
            fill(file)
        return path

    return make


def take(path: Path, kind: str = "class-folders", **options):
    return import_data(kind_of(kind), path, ImportOptions("intended", **options), name="mine", copy=True)


def entry(name: str, mode: int = stat.S_IFREG | 0o644, flags: int = 0) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    info.flag_bits |= flags
    return info


BAD_ENTRIES = {
    "up": (entry("../evil.png"), "is outside the target folder"),
    "up within": (entry("happy/../../evil.png"), "is outside the target folder"),
    "absolute": (entry("/tmp/evil.png"), "absolute path"),
    "drive": (entry("C:/evil.png"), "absolute path"),
    "backslashes": (entry("..\\evil.png"), "is outside the target folder"),
    "absolute with backslashes": (entry("\\\\server\\evil.png"), "absolute path"),
    "line break": (entry("happy/a\nb.png"), "a name with invalid characters"),
    "escape": (entry("happy/\x1b[2J.png"), "a name with invalid characters"),
    "link": (entry("happy/link.png", stat.S_IFLNK | 0o777), "is a link"),
    "too long": (entry("happy/" + "x" * 300 + ".png"), "too long"),
    "too deep": (entry("a/" * 600 + "x.png"), "too long"),
    "file and folder": (entry("happy/1.png/2.png"), "is both a file and a folder"),
    "twice with backslashes": (entry("happy\\1.png"), "twice"),
}


@pytest.mark.parametrize(("info", "message"), BAD_ENTRIES.values(), ids=BAD_ENTRIES.keys())
def test_malicious_entries_are_refused(info, message, archive, tmp_path):
    path = archive(lambda z: z.writestr(info, b"/etc/passwd"))
    before = snapshot(tmp_path)
    with pytest.raises(BadData, match=message) as e:
        take(path)
    assert "Nothing was imported" in e.value.hint
    assert snapshot(tmp_path) == before
    assert not data_home().exists() or snapshot(data_home()) == {}


def test_an_entry_twice(archive, png):
    def fill(file):
        with pytest.warns(UserWarning, match="Duplicate"):
            file.writestr("happy/1.png", png(2))

    with pytest.raises(BadData, match="twice"):
        take(archive(fill))


def test_backslashes_separate_folders(archive, png):
    path = archive(
        lambda z: [
            z.writestr(entry("sad\\"), b""),
            z.writestr(entry("sad\\deep\\2.png"), png(2)),
            z.writestr(entry("sad\\Thumbs.db"), b"junk"),
        ]
    )
    take(path)
    assert set(snapshot(data_home() / "mine/pictures")) == {"happy/1.png", "sad/deep/2.png"}


def patched(path: Path, name: bytes, central: int, local: int, value: bytes) -> Path:
    """Modify bytes in both headers of a zip entry."""
    content = bytearray(path.read_bytes())
    at = content.rindex(b"PK\1\2", 0, content.rindex(name))
    content[at + central : at + central + len(value)] = value
    at = content.rindex(b"PK\3\4", 0, content.index(name))
    content[at + local : at + local + len(value)] = value
    path.write_bytes(content)
    return path


def test_encrypted_entries(archive, png):
    path = archive(lambda z: z.writestr("happy/secret.png", png(2)))
    with pytest.raises(BadData, match="is encrypted"):
        take(patched(path, b"happy/secret.png", 8, 6, b"\1"))


def test_an_entry_without_a_name(archive, png):
    path = archive(lambda z: z.writestr("happy/2.png", png(2)))
    with pytest.raises(BadData, match="has no name"):
        take(patched(path, b"happy/2.png", 46, 30, b"\0"))


@pytest.mark.parametrize("kind", ["class-folders", "manifest", "hf", "fer2013"])
def test_files_with_random_bytes_changed(kind, archive, tmp_path, png, pixels):
    """Any broken download is either partly imported or refused with a message."""
    source = tmp_path / {"hf": "x.parquet", "fer2013": "fer2013.csv"}.get(kind, "release.zip")
    archive(lambda z: z.writestr("manifest.csv", "image,emotion,intensity\nhappy/1.png,happy,3\n"))
    pq.write_table(
        pa.table({"image": [{"bytes": png(i)} for i in range(4)], "label": ["sad"] * 4}),
        tmp_path / "x.parquet",
    )
    (tmp_path / "fer2013.csv").write_text(
        f"emotion,pixels,Usage\n3,{pixels(1)},Training\n4,{pixels(2)},PublicTest\n"
    )
    intact, rng = source.read_bytes(), random.Random(7)
    outcomes = Counter()
    for _ in range(60):
        broken = bytearray(intact)
        for _ in range(rng.choice((1, 2, 10))):
            # Headers and footers are the most sensitive parts.
            at = rng.choice(
                (rng.randrange(len(broken)), max(0, len(broken) - 1 - int(rng.expovariate(1 / 150))))
            )
            broken[at : at + rng.choice((0, 1, 1, 1, 20))] = bytes(
                [rng.choice((0, 10, 34, 44, 255, rng.randrange(256)))]
            )
        source.write_bytes(broken)
        try:
            label = None if kind_of(kind).label else "intended"
            import_data(kind_of(kind), source, ImportOptions(label), name="mine", replace=True)
            outcomes["imported"] += 1
        except HarnessError as e:
            outcomes[e.exit_code] += 1
    assert set(outcomes) == {"imported", 2}, outcomes


def test_bombs_by_ratio(archive, monkeypatch):
    with pytest.raises(BadData, match="times its size"):
        take(archive(lambda z: z.writestr("happy/bomb.png", bytes(2**24))))
    monkeypatch.setattr(source, "HARMLESS", 2**24)
    with pytest.raises(BadData, match="implausible compression ratio"):
        take(archive(lambda z: [z.writestr(f"happy/b{i}.png", bytes(2**20)) for i in range(20)]))


def test_wrong_declared_sizes(archive):
    small = archive(lambda z: z.writestr("happy/bomb.png", bytes(2**24)))
    got = take(patched(small, b"happy/bomb.png", 24, 22, struct.pack("<I", 1000)))
    assert got["tables"]["pictures"]["not_used"] == {"unreadable": 1}, "reading stops at the declared size"
    large = archive(lambda z: z.writestr("happy/bomb.png", b"x"))
    shutil.rmtree(data_home() / "mine")
    with pytest.raises(BadData, match="times its size"):
        take(patched(large, b"happy/bomb.png", 24, 22, struct.pack("<I", 2**29)))
    with pytest.raises(BadData, match="implausible compression ratio"):
        take(patched(large, b"happy/bomb.png", 20, 18, struct.pack("<II", 2**31, 2**31)))


def test_entries_that_overlap(archive):
    """Many entries share the same packed bytes, so their sizes add up to more than the archive."""
    path = archive(lambda z: [z.writestr(f"happy/{i:04}.png", os.urandom(5000)) for i in range(50)])
    content = bytearray(path.read_bytes())
    at = content.index(b"PK\1\2")
    for i in range(52):
        content[at + 20 : at + 24] = struct.pack("<I", len(content) // 2)
        at = content.find(b"PK\1\2", at + 4)
        if i == 51 or at < 0:
            break
    path.write_bytes(content)
    with pytest.raises(BadData, match="implausible compression ratio"):
        take(path)


def test_broken_entries_do_not_affect_others(archive, png):
    path = archive(lambda z: z.writestr("happy/2.png", os.urandom(5000)))
    content = bytearray(path.read_bytes())
    at = content.index(b"happy/2.png") + 100
    content[at : at + 50] = bytes(50)
    path.write_bytes(content)
    assert take(path)["tables"]["pictures"]["not_used"] == {"unreadable": 1}


@pytest.mark.parametrize("kind", ["manifest", "memo-bench", "fer2013", "affectnet", "raf-db"])
def test_a_broken_table_in_an_archive(kind, archive):
    names = {
        "manifest": "manifest.csv",
        "memo-bench": "annotation_emo.csv",
        "fer2013": "fer2013.csv",
        "affectnet": "training.csv",
        "raf-db": "list_patition_label.txt",
    }
    header = {
        "manifest": "image",
        "memo-bench": "Image,Score,Distortions",
        "fer2013": "emotion,pixels",
        "raf-db": "a.png 1",
        "affectnet": "subDirectory_filePath,expression",
    }
    rows = "".join(f"{os.urandom(30).hex()},1,2\n" for _ in range(5000))
    path = archive(lambda z: z.writestr(names[kind], f"{header[kind]}\n{rows}"))
    content = bytearray(path.read_bytes())
    at = content.index(names[kind].encode()) + 90_000
    content[at : at + 100] = bytes(100)
    path.write_bytes(content)
    with pytest.raises(BadData):
        take(path, kind) if not kind_of(kind).label else import_data(
            kind_of(kind), path, ImportOptions(), name="mine"
        )
    assert not data_home().exists() or list(data_home().iterdir()) == []


def test_unicode_names_and_unprintable_names(archive, png):
    got = take(
        archive(
            lambda z: [
                z.writestr(f"happy/{name}.png", png(i))
                for i, name in enumerate(("笑", "é", "a\u2028b", "a\x85b", "\u202egnp"), 2)
            ]
        )
    )
    assert got["samples"] == 3
    assert got["tables"]["pictures"]["not_used"] == {"a name that cannot be written": 3}


def test_links_and_devices_in_folders(release, tmp_path):
    release.picture("happy/1.png", "happy/deep/2.png")
    data.picture(tmp_path / "outside/3.png", 3)
    for name, target in {
        "a.png": tmp_path / "outside/3.png",
        "b": tmp_path / "outside",
        "c.png": "nowhere",
        "d": release.root,
        "e.png": "1.png",
        "f.png": "/dev/zero",
    }.items():
        os.symlink(target, release.root / "happy" / name)
    os.mkfifo(release.root / "happy" / "g.png")
    (release.root / "happy" / os.fsdecode(b"\xff\xfe.png")).write_bytes(b"x")
    (release.root / "happy" / "a\nb.png").write_bytes(b"x")
    got = release.load("class-folders", copy=True)
    assert set(got.rows) == {"happy/1", "happy/deep/2", "happy/e"}
    assert got.reasons("pictures") == {
        "a link that leaves the folder": 4,
        "a link to nothing": 1,
        "a name that cannot be written": 2,
        "not a file": 1,
    }


def test_a_manifest_with_paths_outside_the_folder(release, tmp_path):
    release.picture("1.png")
    data.picture(tmp_path / "secret.png", 9)
    release.text(
        "manifest.csv",
        "image,emotion",
        "1.png,happy",
        "../secret.png,sad",
        f"{tmp_path}/secret.png,sad",
        "C:\\x.png,sad",
        "https://example.org/x.png,sad",
        "./1.png,sad",
    )
    got = release.load("manifest", copy=True)
    assert {k: r["emotion"] for k, r in got.rows.items()} == {"1": "happy"} | {
        k: "sad" for k in got.rows if k != "1"
    }
    assert got.reasons("manifest.csv")["no picture"] >= 4
    assert not [p for p in data_home().rglob("*") if "secret" in p.name]


def test_disguised_and_oversized_pictures(release, tmp_path):
    release.picture("happy/1.png")
    data.bomb(release.root / "happy/bomb.png")
    data.bomb(release.root / "happy/wide.png", 9000, 10_000)
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "EPS")
    release.file("happy/program.png", file.getvalue())
    release.file("happy/empty.png", b"")
    release.file("happy/text.jpg", b"<svg onload=alert(1)>")
    got = release.load("class-folders")
    assert list(got.rows) == ["happy/1"]
    reasons = {r["image"]: r["detail"] for r in got.unused}
    assert "more than 50,000,000" in reasons["happy/wide.png"]
    assert "pixels" in reasons["happy/bomb.png"]
    assert reasons["happy/program.png"] == "not a picture in a known format"
    assert reasons["happy/empty.png"] == "empty (zero bytes)"


JUNK = {
    "nothing": b"",
    "a header": b"image,emotion,pixels,Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF,"
                b"subDirectory_filePath,expression,valence,arousal,Image,Score,Distortions\n",
    "other columns": b"a,b\n1,2\n",
    "binary": bytes(range(256)) * 40,
    "one line": b"x" * 6_000_000,
    "one cell": b'image,"' + b"y" * 6_000_000,
    "an unclosed quote": b'image,emotion\n"' + (b"a" * 1000 + b",b\n") * 6000,
    "deep numbers": b"emotion,pixels\n" + b"9" * 5000 + b"," + b"9" * 5000 + b"\n",
}  # fmt: skip
TABLES = {"manifest": "manifest.csv", "memo-bench": "annotation_emo.csv", "fer2013": "fer2013.csv", "ferplus": "fer2013new.csv",
          "raf-db": "EmoLabel/list_patition_label.txt", "affectnet": "training.csv", "diffusionfer": "dataset_sheet.csv",
          "ck+": "Emotion/S005/001/S005_001_00000011_emotion.txt", "hf": "x.parquet", "emonet-face": "binary.csv", "emoverse": "x.parquet",
          "emoset": "train.json", "t2i-eval-bench": "scores.json", "mvei": "MVEI_metadata.json", "eemo-bench": "x.json",
          "mllmvisualemotion": "Emotion6/emotion_dataset.json", "label-studio": "x.json", "wide": "x.csv", "coco": "x.json",
          "cvat": "x.xml"}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("content", JUNK.values(), ids=JUNK.keys())
@pytest.mark.parametrize("kind", TABLES)
def test_malformed_tables(kind, content, release):
    release.picture("1.png", "cohn-kanade-images/S005/001/S005_001_00000011.png")
    release.file(TABLES[kind], content)
    with pytest.raises(HarnessError) as e:
        release.load(kind)
    assert e.value.exit_code == 2
    assert e.value.hint
    assert "\n" not in e.value.message
    assert len(e.value.message) < 2000
    assert not data_home().exists() or list(data_home().iterdir()) == []


def test_every_kind_with_a_table_is_covered():
    assert set(KINDS) - set(TABLES) == {"class-folders", "kdef"}


@pytest.mark.slow
def test_a_hundred_thousand_rows(release):
    release.picture("1.png")
    release.file(
        "manifest.csv",
        b"image,id,emotion\n"
        + b"".join(b"x%d.png,i%d,fear\n" % (i, i) for i in range(100_000))
        + b"1.png,one,sad\n",
    )
    got = release.load("manifest")
    assert got.summary["samples"] == 1
    assert got.summary["tables"]["manifest.csv"] == {
        "rows": 100_001,
        "not_used": {"no picture": 100_000},
        "partly_used": {},
    }
