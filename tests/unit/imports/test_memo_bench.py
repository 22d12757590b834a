"""Imports of clean and dirty copies of the MEMO-Bench release, and the reasons for unused rows."""

from __future__ import annotations

import csv
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from harness.datasets import read_folder
from harness.datasets.imports import ImportOptions, data_home, import_data, kind_of, verify
from harness.errors import BadData, BadOption, RequestError, UnknownName

EMOTIONS = ("happy", "sad", "angry", "surprise", "worry", "neutral")
PATTERN = "{model}_{emotion}_{prompt}"


class Release:
    """A small release: two generators, six emotions, two prompts each."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.emotions: list[list[str]] = []
        self.qualities: list[list[str]] = []
        for number, name in enumerate(self.names()):
            self.add_picture(name, number)
            self.emotions.append([f"{name}.png", str(1 + number % 5), name.split("_")[1]])
            self.qualities.append([f"{name}.png", str(10 + number)])

    @staticmethod
    def names() -> list[str]:
        return [f"{m}_{e}_{p:03}" for m in ("alpha", "beta") for e in EMOTIONS for p in (1, 2)]

    def add_picture(self, name: str, number: int = 0) -> None:
        path = self.root / "dataset" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (number, 0, 0)).save(path)

    def write(self, encoding: str = "utf-8", end: str = "\n", separator: str = ",") -> Path:
        tables = {
            "annotation_emo.csv": (["Image", "Score", "Distortions"], self.emotions),
            "annotation_quality.csv": (["Image", "Quality"], self.qualities),
        }
        for file, (header, rows) in tables.items():
            with (self.root / file).open("w", encoding=encoding, newline="") as out:
                csv.writer(out, lineterminator=end, delimiter=separator).writerows([header, *rows])
        return self.root


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))


@pytest.fixture
def release(tmp_path: Path) -> Release:
    return Release(tmp_path / "release")


def run_import(
    path: Path, label: str | None = "intended", pattern: str | None = None, **more: Any
) -> dict[str, Any]:
    options = ImportOptions(label, pattern, more.pop("mapping", {}), more.pop("scales", {}))
    return import_data(kind_of("memo-bench"), path, options, **more)


def unused(name: str = "memo-bench") -> Iterator[tuple[str, str, str, str]]:
    with (data_home() / name / "unused.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            yield row["file"], row["line"], row["reason"], row["effect"]


def samples(name: str = "memo-bench") -> dict[str, Any]:
    return {s.id.rpartition("/")[2]: s for s in read_folder(data_home() / name).samples}


def test_a_clean_release_is_used_completely(release: Release) -> None:
    summary = run_import(release.write(), pattern=PATTERN)
    assert summary["samples"] == 24
    assert summary["emotions"] == dict.fromkeys(sorted(EMOTIONS), 4)
    assert summary["groups"] == {"generator": {"alpha": 12, "beta": 12}}
    assert list(unused()) == []
    found = samples()
    assert found["beta_worry_002"].emotion == "worry"
    assert found["beta_worry_002"].attributes == {"generator": "beta", "prompt_id": "worry-2"}
    assert (found["alpha_happy_001"].intensity, found["alpha_happy_001"].quality) == (1.0, 10.0)
    assert summary["preview"][0] == {
        "file": "dataset/alpha_angry_001.png",
        "generator": "alpha",
        "emotion": "angry",
        "prompt_id": "001",
    }


@pytest.mark.parametrize(
    ("encoding", "end", "separator"),
    [("utf-8-sig", "\r\n", ","), ("utf-16", "\n", ";"), ("utf-8", "\r\n", "\t"), ("cp1252", "\n", ";")],
)
def test_table_formats(release: Release, encoding: str, end: str, separator: str) -> None:
    release.emotions[0][1] = "2.5" if separator == "," else "2,5"
    summary = run_import(release.write(encoding, end, separator))
    assert summary["samples"] == 24
    assert list(unused()) == []
    assert samples()["alpha_happy_001"].intensity == 2.5


@pytest.mark.parametrize(
    "name",
    [
        "ALPHA_HAPPY_001",
        "dataset/alpha_happy_001.png",
        "./dataset\\alpha_happy_001",
        "images/alpha_happy_001.PNG",
        "alpha_happy_001.jpg",
    ],
)
def test_pictures_are_found_by_the_names_that_tables_use(release: Release, name: str) -> None:
    release.emotions[0][0] = name
    assert run_import(release.write())["samples"] == 24
    assert list(unused()) == []


def test_an_ambiguous_image_name_is_not_guessed(release: Release) -> None:
    Image.new("RGB", (8, 8)).save(release.root / "dataset" / "alpha_happy_001.jpg")
    release.emotions[0][0] = release.qualities[0][0] = "alpha_happy_001"
    summary = run_import(release.write())
    assert summary["samples"] == 23
    assert [reason for _, _, reason, _ in unused()] == ["several pictures"] * 2


@pytest.mark.parametrize(
    ("label", "reason"),
    [("", "no label"), ("happy/sad", "two labels"), ("happy, sad", "two labels"), ("Happy and Worried", "two labels"),
     ("disgust", "unknown label"), ("3", "unknown label")],
)  # fmt: skip
def test_an_unknown_label_is_not_guessed(release: Release, label: str, reason: str) -> None:
    release.emotions[0][2] = label
    release.qualities.pop(0)
    summary = run_import(release.write())
    assert summary["samples"] == 23
    assert ("annotation_emo.csv", "2", reason, "not used") in list(unused())


@pytest.mark.parametrize("label", ["Happiness", " HAPPY ", '"happy"', "joy", "happy/Happiness"])
def test_synonyms_are_the_same_label(release: Release, label: str) -> None:
    release.emotions[0][2] = label
    run_import(release.write())
    assert samples()["alpha_happy_001"].emotion == "happy"


def test_a_user_may_map_labels_and_leave_some_out(release: Release) -> None:
    release.emotions[0][2], release.emotions[1][2] = "fear", "unclear"
    run_import(release.write(), mapping={"Fear": "worry", "unclear": ""})
    assert samples()["alpha_happy_001"].emotion == "worry"
    assert [reason for _, _, reason, _ in unused()] == ["left out by --map"]
    with pytest.raises(RequestError, match=r"did you mean 'worry'"):
        run_import(release.root, mapping={"fear": "wory"}, replace=True)


@pytest.mark.parametrize(
    ("score", "reason"),
    [
        ("", "no number"),
        ("n/a", "not a number"),
        ("nan", "not a number"),
        ("inf", "not a number"),
        ("4/5", "not a number"),
        ("1,234.5", "not a number"),
    ],
)
def test_an_invalid_score_does_not_affect_the_label(release: Release, score: str, reason: str) -> None:
    release.emotions[0][1] = score
    run_import(release.write())
    assert list(unused()) == [("annotation_emo.csv", "2", reason, "partly used")]
    assert (samples()["alpha_happy_001"].emotion, samples()["alpha_happy_001"].intensity) == ("happy", None)


def test_duplicate_rows_count_once_and_conflicting_rows_are_skipped(release: Release) -> None:
    release.emotions.append([release.emotions[0][0].removesuffix(".png"), "1.0", "Happy"])
    release.emotions += [[release.emotions[1][0], "2", "sad"], [release.emotions[1][0], "2", "happy"]]
    release.qualities.append([release.qualities[2][0], "99"])
    summary = run_import(release.write())
    assert sorted(unused()) == [
        ("annotation_emo.csv", "26", "duplicate", "not used"),
        ("annotation_emo.csv", "27", "conflict", "not used"),
        ("annotation_emo.csv", "28", "conflict", "not used"),
        ("annotation_emo.csv", "3", "conflict", "not used"),
        ("annotation_quality.csv", "26", "conflict", "not used"),
        ("annotation_quality.csv", "4", "conflict", "not used"),
    ]
    assert summary["tables"]["annotation_emo.csv"] == {
        "rows": 27,
        "not_used": {"conflict": 3, "duplicate": 1},
        "partly_used": {},
    }
    found = samples()
    assert (found["alpha_happy_002"].emotion, found["alpha_happy_002"].quality) == (None, 11.0)
    assert (found["alpha_sad_001"].emotion, found["alpha_sad_001"].quality) == ("sad", None)


def test_missing_broken_and_unnamed_pictures_are_distinguished(release: Release) -> None:
    release.emotions.append(["gone.png", "1", "happy"])
    release.emotions.append(["", "1", "happy"])
    release.add_picture("stranger")
    (release.root / "dataset" / "alpha_happy_001.png").write_bytes(b"")
    intact = (release.root / "dataset" / "alpha_happy_002.png").read_bytes()
    (release.root / "dataset" / "alpha_happy_002.png").write_bytes(intact[: len(intact) // 2])
    summary = run_import(release.write())
    assert summary["samples"] == 22
    assert sorted(reason for _, _, reason, _ in unused()) == [
        "no image name",
        "no picture",
        "no row",
        *["unusable picture"] * 4,
    ]


def test_rows_with_too_few_or_too_many_cells_are_skipped(release: Release) -> None:
    release.emotions[0].append("more")
    release.emotions[1].pop()
    run_import(release.write())
    assert [reason for _, _, reason, _ in unused()] == ["broken row", "broken row"]


def test_scales_are_inferred_or_declared(release: Release) -> None:
    summary = run_import(release.write())
    assert summary["scales"]["intensity"] == {
        "low": 1,
        "high": 5,
        "source": "inferred",
        "least": 1.0,
        "greatest": 5.0,
    }
    assert (summary["scales"]["quality"]["low"], summary["scales"]["quality"]["high"]) == (1, 100)
    summary = run_import(release.root, scales={"intensity": (0.0, 4.0)}, replace=True)
    assert summary["scales"]["intensity"]["source"] == "declared"
    assert summary["tables"]["annotation_emo.csv"]["partly_used"] == {"outside the scale": 4}
    notes = read_folder(data_home() / "memo-bench").notes
    assert any("quality is assumed to be 1 to 100" in note for note in notes)
    assert not any("intensity is assumed" in note for note in notes)


def test_the_meaning_of_labels_is_required(release: Release) -> None:
    with pytest.raises(RequestError, match="--label intended or --label perceived"):
        run_import(release.write(), label=None)
    run_import(release.root, label="perceived", pattern=PATTERN)
    assert samples()["alpha_sad_001"].attributes["intended"] == "sad"
    assert "people perceived" in read_folder(data_home() / "memo-bench").notes[0]


def test_unmatched_and_contradicting_names_are_reported(release: Release) -> None:
    release.add_picture("odd name")
    release.emotions.append(["odd name", "1", "sad"])
    release.emotions[0][2] = "sad"
    notes = run_import(release.write(), pattern=PATTERN)["notes"]
    assert any("does not match 1 of 25 pictures, such as dataset/odd name.png" in note for note in notes)
    assert any("1 file names contradict their label" in note for note in notes)
    with pytest.raises(BadOption, match="no field in braces"):
        run_import(release.root, pattern="plain", replace=True)


def test_a_zip_gives_the_same_result_as_its_folder(release: Release, tmp_path: Path) -> None:
    release.write()
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for file in sorted(release.root.rglob("*.*")):
            archive.write(file, Path("MEMO-Bench") / file.relative_to(release.root))
        archive.writestr("__MACOSX/MEMO-Bench/._annotation_emo.csv", b"\0junk")
    plain, packed = run_import(release.root), run_import(tmp_path / "all.zip", name="packed")
    assert (packed["samples"], packed["emotions"]) == (plain["samples"], plain["emotions"])
    assert (packed["root"], plain["root"]) == (None, str(release.root))
    assert len(list((data_home() / "packed" / "pictures").rglob("*.png"))) == 24
    assert samples("packed").keys() == samples().keys()


def test_other_folders_are_refused_with_a_reason(release: Release, tmp_path: Path) -> None:
    release.write()
    with pytest.raises(BadData, match=r"contains no annotation_emo.csv"):
        run_import(release.root / "dataset")
    (tmp_path / "notes.txt").write_text("x")
    for path in (tmp_path / "nowhere", tmp_path / "notes.txt"):
        with pytest.raises(BadData):
            run_import(path)
    with pytest.raises(UnknownName, match="memo-bench"):
        kind_of("memo-bnch")
    (release.root / "annotation_emo.csv").write_text("Image,Score\n")
    with pytest.raises(BadData, match="no column 'Distortions'"):
        run_import(release.root)
    assert list(data_home().iterdir()) == []


def test_an_existing_name_is_refused_without_replace(release: Release) -> None:
    run_import(release.write())
    with pytest.raises(RequestError, match="--replace"):
        run_import(release.root)
    release.emotions.pop()
    release.qualities.pop()
    assert run_import(release.write(), replace=True)["samples"] == 23
    assert len(samples()) == 23
    assert run_import(release.root, name="other", dry_run=True)["samples"] == 23
    assert [p.name for p in data_home().iterdir()] == ["memo-bench"]


def test_verify_finds_changed_and_missing_pictures(release: Release) -> None:
    run_import(release.write())
    total, differences = verify("memo-bench")
    assert (total, list(differences)) == (24, [])
    release.add_picture("alpha_happy_001", 77)
    (release.root / "dataset" / "beta_sad_001.png").unlink()
    found = {(d.image, d.what) for d in verify("memo-bench")[1]}
    assert found == {("dataset/alpha_happy_001.png", "changed"), ("dataset/beta_sad_001.png", "missing")}
    document = data_home() / "memo-bench" / "import.json"
    document.write_text(json.dumps(json.loads(document.read_text()) | {"samples": 3}))
    with pytest.raises(BadData, match="was modified"):
        verify("memo-bench")


def test_a_downloaded_folder_cannot_redirect_to_other_pictures(release: Release, tmp_path: Path) -> None:
    run_import(release.write())
    copy = tmp_path / "downloaded"
    copy.mkdir()
    for file in ("manifest.csv", "import.json"):
        (copy / file).write_bytes((data_home() / "memo-bench" / file).read_bytes())
    assert read_folder(copy).root == copy


def test_folders_disambiguate_repeated_names(release: Release) -> None:
    for generator in ("flux", "sdxl"):
        (release.root / "dataset" / generator).mkdir()
        for number in (1, 2):
            if (generator, number) != ("sdxl", 1):
                Image.new("RGB", (8, 8)).save(release.root / "dataset" / generator / f"{number}.png")
    release.emotions += [[f"{g}/{n}.png", "1", "happy"] for g in ("flux", "sdxl") for n in (1, 2)]
    assert run_import(release.write())["samples"] == 27
    assert [(line, reason) for _, line, reason, _ in unused()] == [("28", "no picture")]


def test_a_scale_is_inferred_from_used_rows(release: Release) -> None:
    release.emotions += [["alpha_happy_001", "95", "happy"], ["gone", "99", "happy"]]
    assert run_import(release.write())["scales"]["intensity"]["greatest"] < 95


def test_prompt_numbers_are_decimal(release: Release) -> None:
    release.add_picture("alpha_happy_\N{SUPERSCRIPT TWO}")
    release.emotions.append(["alpha_happy_\N{SUPERSCRIPT TWO}", "1", "happy"])
    summary = run_import(release.write(), pattern="{generator}_{emotion}_{prompt_id}")
    assert summary["samples"] == 25


def test_the_exact_name_wins_over_another_case(release: Release) -> None:
    for name in ("A", "a"):
        Image.new("RGB", (8, 8)).save(release.root / "dataset" / f"{name}.png")
        release.emotions.append([f"{name}.png", "1", "happy"])
    assert run_import(release.write())["samples"] == 26


def test_an_empty_quality_table_is_ignored(release: Release) -> None:
    root = release.write()
    (root / "annotation_quality.csv").write_bytes(b"")
    assert "annotation_quality.csv is empty: no picture has a quality." in run_import(root)["notes"]
