"""Kinds that encode the emotion in folder or file names, and existing data folders."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness import BadData, RequestError
from harness.datasets.imports import KINDS, kind_of


def test_folders_at_any_depth_with_their_splits(release):
    release.picture(
        "train/Happiness/1.png",
        "train/sad/p1/2.png",
        "val/angry/3.png",
        "PrivateTest/neutral/4.png",
        "surprised/5.png",
    )
    got = release.load("class-folders")
    assert {k: (r["emotion"], r["split"]) for k, r in got.rows.items()} == {
        "train/Happiness/1": ("happy", "train"),
        "train/sad/p1/2": ("sad", "train"),
        "val/angry/3": ("angry", "validation"),
        "PrivateTest/neutral/4": ("neutral", "test"),
        "surprised/5": ("surprise", ""),
    }
    assert got.folder.samples[0].attributes.keys() <= {"split"}


def test_folders_with_unknown_labels_need_a_mapping(release):
    release.picture(
        "happy/1.png", "fear/2.png", "fear/3.png", "disgust/4.png", "Weird Name/5.png", "loose.png"
    )
    got = release.load("class-folders")
    assert got.summary["samples"] == 1
    assert got.reasons("pictures") == {"no label": 1, "unknown label": 4}
    (note,) = [n for n in got.summary["notes"] if "--map" in n]
    assert "fear 2, weird name 1, disgust 1. " in note
    assert "--map fear=worry --map 'weird name=EMOTION' --map disgust=angry" in note
    assert got.summary["lossy"] == []


def test_lossy_mappings_are_counted_by_picture(release):
    release.picture("worry/1.png", "fear/2.png", "fear/3.png", "disgust/4.png", "joy/5.png")
    release.file("fear/broken.png", b"no picture")
    got = release.load("class-folders", mapping={"Fear": "worry", "disgust": "", "joy": "happy"})
    assert got.summary["emotions"] == {"happy": 1, "worry": 3}
    assert got.summary["lossy"] == ["fear counts as worry (2 pictures)"]
    assert got.reasons("pictures") == {"left out by --map": 1, "unusable picture": 1}
    assert any("fear counts as worry (2 pictures)" in note for note in got.folder.notes)


def test_mapping_numbers_is_lossy_only_if_they_are_merged(release):
    release.picture("0/1.png", "1/2.png", "2/3.png")
    assert (
        release.load("class-folders", mapping={"0": "angry", "1": "happy", "2": "sad"}).summary["lossy"] == []
    )
    lossy = release.load("class-folders", mapping={"0": "angry", "1": "angry", "2": "sad"}).summary["lossy"]
    assert lossy == ["0 counts as angry (1 pictures)", "1 counts as angry (1 pictures)"]


def test_a_folder_without_pictures_or_labels_is_refused_with_a_suggested_mapping(release):
    with pytest.raises(BadData, match="contains no pictures"):
        release.load("class-folders")
    release.picture("fear/1.png")
    with pytest.raises(BadData, match="--map fear=worry"):
        release.load("class-folders")


def test_a_pattern_extracts_columns_from_names(release):
    release.picture("happy/sdxl_07.png", "happy/flux_08.png")
    got = release.load("class-folders", label="intended", name_pattern="{generator}_{prompt_id}")
    assert {r["generator"]: r["prompt_id"] for r in got.rows.values()} == {
        "sdxl": "happy-7",
        "flux": "happy-8",
    }
    assert got.summary["groups"] == {"generator": {"flux": 1, "sdxl": 1}}


def test_a_data_folder_keeps_its_columns_and_ratings(release):
    release.picture("a/1.png", "a/2.png", "a/3.png")
    release.text(
        "manifest.csv",
        "image,id,emotion,intensity,quality,subject",
        "a/1.png,one,joy,2.5,4,p1",
        "a/2.png,,sad,x,,p2",
        "a/3.png,three,,,3,",
        "a/4.png,four,sad,,,",
        "../out.png,five,sad,,,",
        "a/1.png,one,joy,1,1,",
    )
    release.text(
        "ratings.csv",
        "id,rater,question,value",
        "one,r1,emotion,happy",
        "one,r2,emotion,sad",
        "a/2,r1,emotion,sad",
        ",r,q,v",
    )
    got = release.load("manifest")
    assert [(k, r["emotion"], r["intensity"], r["quality"], r["subject"]) for k, r in got.rows.items()] == [
        ("one", "happy", "2.5", "4", "p1"),
        ("a/2", "sad", "", "", "p2"),
        ("three", "", "", "3", ""),
    ]
    assert got.reasons("manifest.csv") == {"duplicate": 1, "no picture": 2}
    assert got.summary["tables"]["manifest.csv"]["partly_used"] == {"not a number": 1}
    assert [tuple(r.values()) for r in got.ratings] == [
        ("one", "r1", "emotion", "happy"),
        ("one", "r2", "emotion", "sad"),
        ("a/2", "r1", "emotion", "sad"),
    ]
    assert got.reasons("ratings.csv") == {"incomplete rating": 1}
    assert got.summary["with"] == {"emotion": 2, "intensity": 1, "quality": 2, "ratings": 3}


def test_kdef_parses_names(release):
    release.picture("AF01/AF01ANS.JPG", "AF01/AF01AFHL.JPG", "BM35/bm35hafr.jpg", "BM35/BM35XXS.JPG")
    got = release.load("kdef", mapping={"fear": "worry"})
    assert got.summary["label"] == "intended"
    assert {
        k: (r["emotion"], r["subject"], r["gender"], r["angle"], r["session"]) for k, r in got.rows.items()
    } == {
        "AF01/AF01ANS": ("angry", "F01", "female", "straight", "A"),
        "AF01/AF01AFHL": ("worry", "F01", "female", "half left", "A"),
        "BM35/bm35hafr": ("happy", "M35", "male", "full right", "B"),
    }
    assert got.reasons("pictures") == {"unrecognized name": 1}
    assert got.summary["lossy"] == ["fear counts as worry (1 pictures)"]


def test_kinds_are_found_regardless_of_punctuation():
    assert [type(kind_of(n)).name for n in ("rafdb", "RAF_DB", "ckplus", "CK+", "fer+")[:4]] == [
        "raf-db",
        "raf-db",
        "ck+",
        "ck+",
    ]
    with pytest.raises(RequestError, match="kind of release 'kdeff'") as e:
        kind_of("kdeff")
    assert "Did you mean 'kdef'?" in e.value.hint


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_an_empty_folder_is_refused(kind, release):
    with pytest.raises(BadData) as e:
        release.load(kind)
    assert e.value.hint


def test_the_documentation_covers_each_kind():
    page = (Path(__file__).parents[3] / "docs" / "data.md").read_text(encoding="utf-8")
    assert [kind for kind in KINDS if f"harness data import {kind} " not in page] == []


def test_ratings_of_unknown_samples_are_reported(release):
    release.picture("a.png")
    release.text("manifest.csv", "image,emotion", "a.png,happy")
    release.text(
        "ratings.csv",
        "id,rater,question,value",
        "a,r1,emotion,happy",
        "zz,r1,emotion,sad",
        "zz,r2,emotion,sad",
    )
    got = release.load("manifest")
    assert len(got.ratings) == 1
    assert got.reasons("ratings.csv") == {"rating of an unused sample": 2}


def test_lossy_mappings_are_also_counted_in_cells_with_two_labels(release):
    release.picture("a.png", "b.png")
    release.text("manifest.csv", "image,emotion", "a.png,fear/worry", "b.png,fear")
    got = release.load("manifest", mapping={"fear": "worry"})
    assert got.summary["lossy"] == [
        "fear/worry counts as worry (1 pictures)",
        "fear counts as worry (1 pictures)",
    ]


def test_none_is_not_an_emotion(release):
    release.picture("a.png", "b.png")
    release.text("manifest.csv", "image,emotion", "a.png,None", "b.png,neutral")
    got = release.load("manifest")
    assert [row["emotion"] for row in got.rows.values()] == ["neutral"]


def test_large_numbers_keep_their_digits(release):
    release.picture("a.png")
    release.text("manifest.csv", "image,emotion,intensity", "a.png,happy,1234567")
    assert [row["intensity"] for row in release.load("manifest").rows.values()] == ["1234567"]
