"""The generator `folder`: existing images instead of generated ones."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from harness.errors import HarnessError
from harness.generators.folder import FolderGenerator
from harness.types import ImageRequest


def folder(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), "grey").save(root / name)
    return root


def generator(root: Path, pattern: str = "") -> FolderGenerator:
    return FolderGenerator(FolderGenerator.Options(ref=str(root), pattern=pattern))


class TestNames:
    def test_a_pattern_extracts_the_labels(self, tmp_path: Path) -> None:
        root = folder(tmp_path, "mj/Angry_4_p7_1.png", "mj/sadness_2.5_p8_0.jpg")
        found = {
            s.id: s for s in generator(root, "{emotion}_{intensity}_{prompt_id}_{index}").own_portraits()
        }
        angry = found["mj/Angry_4_p7_1"]
        assert (angry.emotion, angry.intensity) == ("angry", 4.0)
        assert angry.attributes == {
            "prompt_id": "p7",
            "index": "1",
            "file": "mj/Angry_4_p7_1.png",
            "source_id": "mj/Angry_4_p7_1",
        }
        assert found["mj/sadness_2.5_p8_0"].intensity == 2.5

    def test_a_pattern_may_include_folders(self, tmp_path: Path) -> None:
        root = folder(tmp_path, "midjourney/happy/01.png")
        (sample,) = generator(root, "{model}/{emotion}/{index}").own_portraits()
        assert (sample.emotion, sample.attributes["model"]) == ("happy", "midjourney")

    def test_neutral_has_no_intensity(self, tmp_path: Path) -> None:
        (sample,) = generator(folder(tmp_path, "neutral_3.png"), "{emotion}_{intensity}").own_portraits()
        assert sample.intensity is None

    def test_unmatched_names_are_reported(self, tmp_path: Path) -> None:
        made = generator(folder(tmp_path, "happy_1.png", "cover.png", "bored_2.png"), "{emotion}_{index}")
        assert len(made.own_portraits()) == 1
        notes = " ".join(made.notes())
        assert "the pattern does not match: 1 of 3 pictures, such as cover.png" in notes
        assert "the name contains no known emotion: 1 of 3 pictures, such as bored_2.png" in notes

    def test_pictures_in_formats_that_are_not_read_are_reported(self, tmp_path: Path) -> None:
        (folder(tmp_path, "happy_1.png") / "happy_2.heic").touch()
        (note,) = generator(tmp_path, "{emotion}_{index}").notes()
        assert "1 pictures, such as happy_2.heic: HEIC is not read" in note
        assert "pillow-heif" in note

    @pytest.mark.parametrize(
        ("pattern", "message"),
        [
            ("{index}", "has no field .emotion."),
            ("{emotion}_{emotion}", "has a duplicate field"),
            ("x_{emotion}", "matches none of the pictures"),
        ],
    )
    def test_invalid_patterns(self, tmp_path: Path, pattern: str, message: str) -> None:
        with pytest.raises(HarnessError, match=message):
            generator(folder(tmp_path, "happy_1.png"), pattern).own_portraits()

    def test_a_flat_folder_without_labels_suggests_a_pattern(self, tmp_path: Path) -> None:
        with pytest.raises(HarnessError, match="-o pattern="):
            generator(folder(tmp_path, "happy_1.png")).own_portraits()

    def test_a_missing_folder(self, tmp_path: Path) -> None:
        with pytest.raises(HarnessError, match="does not exist"):
            generator(tmp_path / "no", "{emotion}").own_portraits()

    def test_a_manifest_excludes_a_pattern(self, tmp_path: Path) -> None:
        root = folder(tmp_path, "happy_1.png")
        (root / "manifest.csv").write_text("image,emotion\nhappy_1.png,sad\n")
        with pytest.raises(HarnessError, match="has a manifest"):
            generator(root, "{emotion}_{index}").own_portraits()


class TestPictures:
    def test_images_are_returned(self, tmp_path: Path) -> None:
        made = generator(folder(tmp_path, "happy/1.png"))
        (sample,) = made.own_portraits()
        (reply,) = made.generate([ImageRequest("a", "", attributes=sample.attributes)])
        assert reply.image is not None
        assert reply.image.size == (8, 8)

    def test_images_are_upright(self, tmp_path: Path) -> None:
        root = folder(tmp_path, "happy/1.png")
        exif = Image.Exif()
        exif[0x0112] = 6
        Image.new("RGB", (8, 4)).save(root / "happy/1.png", exif=exif)
        made = generator(root)
        (sample,) = made.own_portraits()
        (reply,) = made.generate([ImageRequest("a", "", attributes=sample.attributes)])
        assert reply.image is not None
        assert reply.image.size == (4, 8)

    def test_a_broken_image_fails_alone(self, tmp_path: Path) -> None:
        root = folder(tmp_path, "happy/1.png", "happy/2.png")
        (root / "happy/1.png").write_bytes(b"\x89PNG")
        made = generator(root)
        replies = [
            r
            for s in made.own_portraits()
            for r in made.generate([ImageRequest(s.id, "", attributes=s.attributes)])
        ]
        assert [r.outcome for r in replies] == ["error", "ok"]
        assert replies[0].error is not None
        assert "cannot be read" in replies[0].error.message

    def test_a_changed_image_changes_the_identity(self, tmp_path: Path) -> None:
        root = folder(tmp_path, "happy/1.png")
        before = generator(root).identity()
        assert generator(root).identity() == before
        Image.new("RGB", (9, 9), "white").save(root / "happy/1.png")
        assert generator(root).identity() != before


def test_a_missing_picture_fails_its_own_request_only(tmp_path: Path) -> None:
    folder(tmp_path, "a.png")
    (tmp_path / "manifest.csv").write_text("image,emotion\na.png,happy\nmissing.png,sad\n")
    made = generator(tmp_path)
    assert made.identity()
    requests = [ImageRequest(s.id, "", attributes=s.attributes) for s in made.own_portraits()]
    assert [reply.outcome for reply in made.generate(requests)] == ["ok", "error"]
