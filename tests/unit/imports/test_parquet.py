"""Parquet with embedded pictures: Hugging Face files, exports, and the round trip."""

from __future__ import annotations

import csv
import hashlib
import json
import sys
import zipfile
from pathlib import Path

import pyarrow as pa
import pytest
from helpers import data
from pyarrow import parquet as pq

from harness import BadData, MissingPackage, RequestError
from harness.datasets import read_folder
from harness.datasets.export import export_data
from harness.datasets.imports import ImportOptions, data_home, import_data, kind_of
from harness.types import EMOTIONS


def write(path: Path, columns, names=None, image="image", **options):
    """Write a Parquet file like `datasets`, including ClassLabel names."""
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.table(columns)
    if names is not None:
        features = {image: {"_type": "Image"}, "label": {"names": names, "_type": "ClassLabel"}}
        table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    pq.write_table(table, path, **options)


def test_class_labels_and_splits_of_hugging_face(release, png):
    names = ["anger", "fear", "happy"]
    for split, labels in (("train", [0, 1, 2, 2]), ("test", [2, -1, None, 0])):
        write(
            release.root / f"data/{split}-00000-of-00001.parquet",
            {
                "image": [{"bytes": png(i + 9 * len(split)), "path": "x.png"} for i in range(4)],
                "label": labels,
                "age": [30, None, 7, 8],
                "demographics": [{"gender": "f", "group": 1}] * 4,
                "boxes": [[1, 2]] * 4,
            },
            names,
        )
    got = release.load("hf")
    assert {
        k: (r["emotion"], r["split"], r["age"], r["demographics_gender"]) for k, r in got.rows.items()
    } == {
        "data/train-00000-of-00001/0000000": ("angry", "train", "30", "f"),
        "data/train-00000-of-00001/0000002": ("happy", "train", "7", "f"),
        "data/train-00000-of-00001/0000003": ("happy", "train", "8", "f"),
        "data/test-00000-of-00001/0000000": ("happy", "test", "30", "f"),
        "data/test-00000-of-00001/0000003": ("angry", "test", "8", "f"),
    }
    assert got.reasons("data/train-00000-of-00001.parquet") == {"unknown label": 1}
    assert got.reasons("data/test-00000-of-00001.parquet") == {"no label": 2}
    assert "Columns without scalar values were skipped: boxes." in got.summary["notes"]


def test_custom_column_names_and_plain_bytes(release, png):
    write(
        release.root / "x.parquet",
        {
            "face_png": [png(1), png(2), b"no picture", None],
            "what": ["sad", "joy", "sad", "sad"],
            "strength": [1.0, 2.5, 3.0, 4.0],
        },
    )
    with pytest.raises(BadData, match="no label column") as e:
        release.load("hf")
    assert "--column emotion=NAME. Its columns are: face_png, what, strength." in e.value.hint
    with pytest.raises(BadData, match=r"no column 'wat'.*did you mean 'what'"):
        release.load("hf", columns={"label": "wat"})
    with pytest.raises(RequestError, match="--column colour"):
        release.load("hf", columns={"colour": "what"})
    got = release.load("hf", columns={"image": "face_png", "label": "what", "intensity": "strength"})
    assert [(r["emotion"], r["intensity"]) for r in got.rows.values()] == [("sad", "1"), ("happy", "2.5")]
    assert got.reasons("x.parquet") == {"no picture": 1, "unusable picture": 1}


def test_pictures_next_to_the_parquet_file(release):
    release.picture("images/1.png", "images/2.png")
    (release.root.parent / "out.png").write_bytes((release.root / "images/1.png").read_bytes())
    write(
        release.root / "t.parquet",
        {
            "image": [
                {"bytes": None, "path": p}
                for p in ("images/1.png", "../out.png", "https://example.org/1.png", "/etc/passwd", None)
            ],
            "label": ["happy"] * 5,
        },
    )
    got = release.load("hf")
    assert list(got.rows) == ["images/1"]
    assert got.reasons("t.parquet") == {"no picture": 4}


def test_parquet_behind_links_or_in_a_zip(release, png, tmp_path):
    """The hub cache contains links; their targets must be inside the folder."""
    write(tmp_path / "hub/blobs/1234", {"image": [png(1)], "label": ["happy"]})
    (tmp_path / "hub/snapshots").mkdir()
    (tmp_path / "hub/snapshots/x.parquet").symlink_to(tmp_path / "hub/blobs/1234")
    with pytest.raises(BadData, match=r"x.parquet is a link that leaves the folder") as e:
        release.load("hf", source=tmp_path / "hub/snapshots")
    assert "link targets" in e.value.hint
    assert release.load("hf", source=tmp_path / "hub").summary["samples"] == 1
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as file:
        file.write(tmp_path / "hub/blobs/1234", "x.parquet")
    with pytest.raises(RequestError, match="in a zip"):
        release.load("hf", source=tmp_path / "x.zip")


def test_labels_that_are_bare_numbers_need_a_mapping(release, png):
    write(release.root / "t.parquet", {"image": [png(1), png(2)], "label": [3, 4]})
    with pytest.raises(BadData, match="--map 3=EMOTION"):
        release.load("hf")
    assert release.load("hf", mapping={"3": "happy", "4": "sad"}).summary["emotions"] == {
        "happy": 1,
        "sad": 1,
    }


@pytest.fixture
def folder(tmp_path):
    """Twelve samples with pictures, four of them rated and one without emotion; and one without a picture."""
    root = data.make(tmp_path / "faces", 12, extra=[{"image": "none.png", "id": "gone", "emotion": "sad"}])
    rows = list(csv.DictReader((root / "manifest.csv").open()))
    rows[3]["emotion"] = ""
    for number, row in enumerate(rows):
        row |= {"quality": str(number / 4), "note": f"={number} é\t" if number % 3 else ""}
    data.manifest(root, rows)
    with (root / "ratings.csv").open("w") as file:
        file.write(
            "id,rater,question,value\n"
            + "".join(
                f"s0000{i},r{j},emotion,{EMOTIONS[(i + j) % 6]}\n" for i in (3, 1, 0, 2) for j in range(3)
            )
        )
    return root


def contents(root: Path):
    """The content of a data set, except the locations of pictures."""
    found = read_folder(root)
    return {
        s.id: (
            s.emotion,
            s.intensity,
            s.quality,
            dict(s.attributes),
            hashlib.sha256((found.root / s.path).read_bytes()).hexdigest(),
        )
        for s in found.samples
        if s.id != "gone"
    }


@pytest.mark.parametrize(("out", "split_size"), [("x.parquet", None), ("folder", None), ("folder", 300)])
def test_an_export_can_be_imported_unchanged(folder, tmp_path, out, split_size):
    done = export_data(read_folder(folder), tmp_path / out, split_size=split_size)
    assert (done.samples, done.ratings, dict(done.left_out)) == (12, 12, {"no picture": 1})
    assert done.examples == ["gone: none.png is not in the data folder"]
    assert len(done.files) == (1 if split_size is None else 3), done.files
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(["faces", out]), "no temporary file remains"
    summary = import_data(kind_of("hf"), tmp_path / out, ImportOptions(label="perceived"), name="back")
    expected = contents(folder)
    if out == "folder":  # the split comes from the file name
        expected = {k: (*v[:3], {**v[3], "split": "train"}, v[4]) for k, v in expected.items()}
    assert contents(data_home() / "back") == expected
    assert sorted((data_home() / "back/ratings.csv").read_text().splitlines()) == sorted(
        (folder / "ratings.csv").read_text().splitlines()
    )
    assert summary["with"]["ratings"] == 12


def test_import_metadata_is_kept_by_the_export(folder, tmp_path):
    (folder / "manifest.csv").write_text((folder / "manifest.csv").read_text().replace("happy", "fear"))
    import_data(
        kind_of("manifest"),
        folder,
        ImportOptions("intended", None, {"fear": "worry"}, {"intensity": (0, 5)}),
        name="one",
    )
    home = data_home() / "one"
    export_data(read_folder(home, "one"), tmp_path / "x.parquet", home=home)
    back = import_data(kind_of("hf"), tmp_path / "x.parquet", ImportOptions(), name="two")
    assert back["label"] == "intended"
    assert back["scales"]["intensity"] | {"least": 0, "greatest": 0} == {
        "low": 0,
        "high": 5,
        "source": "declared",
        "least": 0,
        "greatest": 0,
    }
    assert back["scales"]["quality"]["source"] == "inferred"
    assert back["lossy"] == ["fear counts as worry (2 pictures)"]


@pytest.mark.slow
def test_hugging_face_loads_an_export(folder, tmp_path):
    datasets = pytest.importorskip("datasets")
    export_data(read_folder(folder), tmp_path / "x.parquet")
    loaded = datasets.Dataset.from_parquet(str(tmp_path / "x.parquet"), cache_dir=str(tmp_path / "cache"))
    assert isinstance(loaded.features["image"], datasets.Image)
    assert loaded.features["emotion"].names == list(EMOTIONS)
    assert loaded[0]["image"].size == (24, 16)
    assert (loaded[1]["emotion"], loaded[3]["emotion"]) == (1, None)
    assert loaded[1]["ratings"][0] == {"rater": "r0", "question": "emotion", "value": "sad"}


def test_the_schema_matches_that_of_hugging_face(folder, tmp_path):
    export_data(read_folder(folder), tmp_path / "x.parquet")
    file = pq.ParquetFile(tmp_path / "x.parquet")
    features = json.loads(file.schema_arrow.metadata[b"huggingface"])["info"]["features"]
    assert list(features) == file.schema_arrow.names
    assert features["image"] == {"_type": "Image"}
    assert features["emotion"] == {"names": list(EMOTIONS), "_type": "ClassLabel"}
    assert file.schema_arrow.field("image").type == pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def test_an_export_replaces_nothing_without_replace(folder, tmp_path):
    faces = read_folder(folder)
    target = tmp_path / "x.parquet"
    target.write_text("mine")
    with pytest.raises(RequestError, match="already exists"):
        export_data(faces, target)
    assert target.read_text() == "mine"
    assert export_data(faces, target, replace=True).samples == 12
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "mine").touch()
    with pytest.raises(RequestError, match="is not an export: it contains 'mine'"):
        export_data(faces, tmp_path / "folder", replace=True)
    for target in (folder, folder.parent, folder / "inside"):
        target.mkdir(exist_ok=True)
        with pytest.raises(RequestError, match="contains the exported data set, or is inside it"):
            export_data(faces, target, replace=True)
    (folder / "inside").rmdir()
    (tmp_path / "folder" / "mine").rename(tmp_path / "folder" / "old.parquet")
    assert export_data(faces, tmp_path / "folder", replace=True).samples == 12
    assert [p.name for p in (tmp_path / "folder").iterdir()] == ["train-00000-of-00001.parquet"]
    with pytest.raises(RequestError, match="not a folder"):
        export_data(faces, folder / "manifest.csv", replace=True)
    with pytest.raises(RequestError, match="--split-size"):
        export_data(faces, tmp_path / "y.parquet", split_size=10)


def test_nothing_to_export_leaves_nothing(folder, tmp_path):
    for picture in (folder / "faces").iterdir():
        picture.unlink()
    with pytest.raises(BadData, match="No sample of 'faces' can be exported"):
        export_data(read_folder(folder), tmp_path / "x.parquet")
    assert [p.name for p in tmp_path.iterdir()] == ["faces"]


def test_missing_pyarrow_is_reported_with_the_install_command(folder, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (tmp_path / "x.parquet").write_bytes(b"PAR1")
    for call in (
        lambda: export_data(read_folder(folder), tmp_path / "y.parquet"),
        lambda: import_data(kind_of("hf"), tmp_path / "x.parquet", ImportOptions("perceived"), name="x"),
    ):
        with pytest.raises(MissingPackage, match="pyarrow") as e:
            call()
        assert "pip install pyarrow" in e.value.hint


@pytest.mark.parametrize(
    "content",
    [b"", b"PAR1", b"PAR1" + bytes(200) + b"PAR1", b"no parquet at all, but long enough to be read"],
)
def test_files_that_are_not_parquet(content, release):
    release.file("x.parquet", content)
    with pytest.raises(BadData, match="cannot be read as Parquet"):
        release.load("hf")


def test_a_file_corrupted_in_the_middle(release, png):
    path = release.root / "x.parquet"
    write(
        path,
        {"image": [png(i) for i in range(300)], "label": ["happy"] * 300},
        row_group_size=50,
        compression="NONE",
    )
    broken = bytearray(path.read_bytes())
    broken[len(broken) // 3 : len(broken) // 2] = bytes(len(broken) // 2 - len(broken) // 3)
    path.write_bytes(broken)
    with pytest.raises(BadData, match="cannot be read as Parquet"):
        release.load("hf")
    assert list(data_home().iterdir()) == []


def test_a_decompression_bomb_is_refused(release, png):
    write(
        release.root / "x.parquet",
        {"image": [bytes(70 * 2**20)], "label": ["happy"]},
        compression="ZSTD",
        use_dictionary=False,
        write_statistics=False,
    )
    assert (release.root / "x.parquet").stat().st_size < 2**16
    with pytest.raises(BadData, match="would unpack to"):
        release.load("hf")


def test_an_export_keeps_unlabelled_samples(release, tmp_path):
    release.picture("a.png", "b.png")
    release.text("manifest.csv", "image,emotion", "a.png,happy", "b.png,")
    first = release.load("manifest")
    assert len(first.rows) == 2
    out = tmp_path / "out"
    export_data(first.folder, out)
    assert import_data(kind_of("hf"), out, ImportOptions("intended"), name="again")["samples"] == 2
