"""Published data sets of real faces, in their original layout."""

from __future__ import annotations

from collections import Counter

import pytest
from PIL import Image

from harness import BadData
from harness.datasets.imports import data_home


def test_fer2013_from_its_csv(release, pixels):
    release.text(
        "fer2013.csv",
        "emotion,pixels,Usage",
        f"3,{pixels(10)},Training",
        f"0,{pixels(20)},PublicTest",
        f"2,{pixels(30)},Training",
        f"6,{pixels(40)[:-4]},Training",
        f"9,{pixels(50)},Training",
        f"4,{pixels(60)},PrivateTest",
        "5,1 2 999 4,Training",
        "3",
    )
    got = release.load("fer2013")
    assert {k: (r["emotion"], r["split"], r["image"]) for k, r in got.rows.items()} == {
        "fer0000000": ("happy", "train", "pictures/fer0000000.png"),
        "fer0000001": ("angry", "validation", "pictures/fer0000001.png"),
        "fer0000005": ("sad", "test", "pictures/fer0000005.png"),
    }
    assert got.reasons("fer2013.csv") == {"broken pixels": 2, "broken row": 1, "unknown label": 2}
    with Image.open(data_home() / "mine" / "pictures/fer0000005.png") as image:
        assert (image.size, image.mode, image.getextrema()) == ((48, 48), "L", (60, 60))
    assert got.summary["root"] is None


def test_fer2013_from_the_file_itself_and_from_folders(release, pixels):
    release.text("icml_face_data.csv", "emotion, Usage, pixels", f"3,Training,{pixels(10)}")
    got = release.load("fer2013", source=release.root / "icml_face_data.csv")
    assert got.summary["emotions"] == {"happy": 1}
    (release.root / "icml_face_data.csv").unlink()
    release.picture("train/happy/1.png", "test/angry/2.png", "test/fear/3.png")
    got = release.load("fer2013")
    assert Counter(r["split"] for r in got.rows.values()) == {"train": 1, "test": 1}
    assert got.summary["root"] == str(release.root), "existing pictures are referenced, not copied"


def test_fer2013_counts_each_picture_once_if_tables_overlap(release, pixels):
    for name in ("fer2013/fer2013.csv", "icml_face_data.csv"):
        release.text(name, "emotion,pixels,Usage", f"3,{pixels(10)},Training", f"4,{pixels(11)},PrivateTest")
    release.text("train.csv", "emotion,pixels", f"3,{pixels(10)}")
    release.text("test.csv", "pixels", pixels(11))
    assert release.load("fer2013").summary["emotions"] == {"happy": 1, "sad": 1}
    for name in ("fer2013/fer2013.csv", "icml_face_data.csv"):
        (release.root / name).unlink()
    got = release.load("fer2013")
    assert {k: r["split"] for k, r in got.rows.items()} == {"fer0000000": "train"}
    release.text("a/fer2013.csv", "emotion,pixels")
    release.text("b/fer2013.csv", "emotion,pixels")
    with pytest.raises(BadData, match=r"fer2013.csv 2 times"):
        release.load("fer2013")


VOTES = "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"


@pytest.fixture
def ferplus(release, pixels):
    """Rows: happy, tie, fear, not a face, unknown, sad without unanimity."""
    release.text(
        "fer2013new.csv",
        VOTES,
        "Training,fer0000000.png,2,8,0,0,0,0,0,0,0,0",
        "Training,fer0000001.png,5,5,0,0,0,0,0,0,0,0",
        "PublicTest,fer0000002.png,0,0,1,0,0,0,9,0,0,0",
        "PublicTest,,0,0,0,0,0,0,0,0,0,10",
        "PrivateTest,fer0000004.png,3,0,0,0,0,0,0,0,7,0",
        "PrivateTest,fer0000005.png,1,0,0,6,0,0,2,0,1,0",
    )
    usage = ["Training"] * 2 + ["PublicTest"] * 2 + ["PrivateTest"] * 2
    release.text("fer2013.csv", "emotion,pixels,Usage", *(f"0,{pixels(i)},{u}" for i, u in enumerate(usage)))
    return release


def test_ferplus_majority_votes_and_raters(ferplus):
    got = ferplus.load("ferplus")
    assert {k: (r["emotion"], r["split"]) for k, r in got.rows.items()} == {
        "fer0000000": ("happy", "train"),
        "fer0000005": ("sad", "test"),
    }
    assert got.reasons("fer2013new.csv") == {
        "not a face": 1,
        "tie": 1,
        "unknown emotion": 1,
        "unknown label": 1,
    }
    votes = {k: v for k, v in got.rows["fer0000005"].items() if k.startswith("votes_") and v != "0"}
    assert votes == {"votes_neutral": "1", "votes_sad": "6", "votes_fear": "2", "votes_unknown": "1"}
    votes_cast = Counter((r["id"], r["value"]) for r in got.ratings)
    assert votes_cast == {
        ("fer0000000", "happy"): 8,
        ("fer0000000", "neutral"): 2,
        ("fer0000005", "sad"): 6,
        ("fer0000005", "neutral"): 1,
        ("fer0000005", "fear"): 2,
    }
    assert {r["rater"] for r in got.ratings} == {f"vote-{i}" for i in range(1, 11)}


def test_ferplus_votes_are_shuffled(release, pixels):
    """In column order, agreement between individual raters would be an artefact."""
    release.text("fer2013new.csv", VOTES, *("Training,x.png,3,7,0,0,0,0,0,0,0,0" for _ in range(60)))
    release.text("fer2013.csv", "emotion,pixels,Usage", *(f"0,{pixels(i)},Training" for i in range(60)))
    neutral = Counter(r["rater"] for r in release.load("ferplus").ratings if r["value"] == "neutral")
    assert sum(neutral.values()) == 180
    assert all(6 <= neutral[f"vote-{i}"] <= 32 for i in range(1, 11)), neutral


def test_ferplus_mapped_votes_count_for_their_target(ferplus):
    got = ferplus.load("ferplus", mapping={"fear": "worry"})
    assert got.rows["fer0000002"]["emotion"] == "worry"
    assert got.rows["fer0000005"]["votes_worry"] == "2"
    assert got.summary["lossy"] == ["fear counts as worry (1 pictures)"]


def test_ferplus_refuses_tables_of_different_pictures(ferplus, pixels):
    lines = (ferplus.root / "fer2013.csv").read_text().splitlines()
    ferplus.text("fer2013.csv", *lines[:-1])
    with pytest.raises(BadData, match="different numbers of rows"):
        ferplus.load("ferplus")
    ferplus.text("fer2013.csv", lines[0], *reversed(lines[1:]))
    with pytest.raises(BadData, match="Usage differ"):
        ferplus.load("ferplus")
    (ferplus.root / "fer2013.csv").unlink()
    with pytest.raises(BadData, match="no pictures"):
        ferplus.load("ferplus")


def test_ferplus_with_picture_files(ferplus):
    (ferplus.root / "fer2013.csv").unlink()
    ferplus.picture("FER2013Train/fer0000000.png", "FER2013Test/fer0000005.png")
    got = ferplus.load("ferplus")
    assert got.summary["emotions"] == {"happy": 1, "sad": 1}
    assert got.reasons("fer2013new.csv") == {"no image name": 1, "no picture": 3}


def test_raf_db_uses_aligned_faces_and_attributes(release):
    release.picture(
        "Image/aligned/train_00001_aligned.jpg",
        "Image/aligned/test_0001_aligned.jpg",
        "Image/aligned/train_00002_aligned.jpg",
        "Image/original/train_00001.jpg",
        "Image/aligned/train_00009_aligned.jpg",
    )
    release.text(
        "EmoLabel/list_patition_label.txt",
        "train_00001.jpg 4",
        "train_00002.jpg 2",
        "test_0001.jpg 7",
        "test_0002.jpg 1",
        "x",
        "",
    )
    release.text("Annotation/manual/train_00001_manu_attri.txt", *["1.0\t2.0"] * 5, "1", "2", "4")
    got = release.load("rafdb")
    assert got.rows["Image/aligned/train_00001_aligned"] | {"image": ""} == {
        "image": "",
        "id": "Image/aligned/train_00001_aligned",
        "emotion": "happy",
        "intensity": "",
        "quality": "",
        "split": "train",
        "gender": "female",
        "race": "Asian",
        "age": "70+",
    }
    assert got.rows["Image/aligned/test_0001_aligned"]["emotion"] == "neutral"
    assert got.reasons("EmoLabel/list_patition_label.txt") == {
        "broken row": 1,
        "no picture": 1,
        "unknown label": 1,
    }
    assert got.reasons("pictures") == {"no row": 1}
    assert "1 pictures that are not aligned were skipped." in got.summary["notes"]


def test_raf_db_as_numbered_folders(release):
    release.picture("DATASET/train/1/a.jpg", "DATASET/test/6/b.jpg", "DATASET/test/3/c.jpg")
    got = release.load("raf-db")
    assert {r["emotion"]: r["split"] for r in got.rows.values()} == {"surprise": "train", "angry": "test"}
    assert got.summary["tables"]["pictures"]["not_used"] == {"unknown label": 1}


AFFECTNET = (
    "subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,expression,valence,arousal"
)


def test_affectnet_valence_and_arousal(release):
    release.picture("images/1/a.jpg", "images/1/b.jpg", "images/2/a.jpg", "images/2/c.jpg", "images/2/d.jpg")
    release.text(
        "training.csv",
        AFFECTNET,
        "1/a.jpg,0,0,9,9,1;2,1,0.5,-0.25",
        "1/b.jpg,0,0,9,9,1;2,9,-2,-2",
        "1/b.jpg,0,0,9,9,1;2,7,0.1,0.1",
        "2/a.jpg,0,0,9,9,1;2,2,-2,-2",
        "2/a.jpg,0,0,9,9,1;2,3,-2,-2",
        "3/none.jpg,0,0,9,9,1;2,2,0,0",
    )
    release.text("validation.csv", "2/c.jpg,0,0,9,9,1;2,6,3,0.5")
    got = release.load("affectnet")
    rows = {k: (r["emotion"], r["split"], r["valence"], r["arousal"]) for k, r in got.rows.items()}
    assert rows == {
        "images/1/a": ("happy", "train", "0.5", "-0.25"),
        "images/2/c": ("angry", "validation", "", "0.5"),
    }
    assert got.reasons("training.csv") == {
        "conflict": 2,
        "no emotion": 1,
        "no picture": 1,
        "unknown label": 1,
    }
    assert got.summary["tables"]["validation.csv"]["partly_used"] == {"outside the scale": 1}
    assert got.reasons("pictures") == {"no row": 1}


def test_diffusionfer_uses_the_cropped_faces(release):
    release.picture("cropped/happy/1.png", "original/happy/1.png", "cropped/fear/2.png")
    release.text(
        "dataset_sheet.csv",
        "subDirectory_filePath,valence,arousal,expression",
        "DiffusionEmotion_S_cropped/happy/1.png,0.7,0.3,1",
        "DiffusionEmotion_S_cropped/fear/2.png,-0.5,0.6,4",
    )
    got = release.load("diffusionfer", label="intended", mapping={"fear": "worry"})
    assert {k: (r["emotion"], r["valence"]) for k, r in got.rows.items()} == {
        "cropped/happy/1": ("happy", "0.7"),
        "cropped/fear/2": ("worry", "-0.5"),
    }


def test_ck_plus_uses_the_peak_of_each_labelled_sequence(release):
    frames = "cohn-kanade-images/{0}/{1}/{0}_{1}_{2:08d}.png"
    release.picture(
        *(frames.format("S005", "001", n) for n in (1, 2, 11)),
        *(frames.format("S010", "002", n) for n in (1, 9, 10)),
        frames.format("S011", "003", 4),
        frames.format("S012", "001", 5),
    )
    release.text("Emotion/S005/001/S005_001_00000011_emotion.txt", "   5.0000000e+00")
    release.text("Emotion/S010/002/S010_002_00000010_emotion.txt", "   1.0000000e+00")
    release.text("Emotion/S012/001/S012_001_00000005_emotion.txt", "   4.0000000e+00")
    release.text("Emotion/S099/001/S099_001_00000005_emotion.txt", "   7.0000000e+00")
    got = release.load("ck+")
    assert {r["subject"]: (r["emotion"], r["sequence"], r["frame"]) for r in got.rows.values()} == {
        "S005": ("happy", "001", "11"),
        "S010": ("angry", "002", "10"),
    }
    assert got.reasons("Emotion") == {"no picture": 1, "unknown label": 1}
    assert got.reasons("pictures") == {"sequence without a label": 1}
    assert any(note.startswith("4 frames before the peaks") for note in got.summary["notes"])


def test_ck_plus_as_class_folders(release):
    release.picture(
        "happy/S010_004_00000017.png", "anger/S010_005_00000018.png", "contempt/S011_001_00000001.png"
    )
    got = release.load("ckplus", mapping={"contempt": "angry"})
    assert {r["emotion"]: r["subject"] for r in got.rows.values()} == {"happy": "S010", "angry": "S011"}
    assert got.summary["emotions"] == {"angry": 2, "happy": 1}
