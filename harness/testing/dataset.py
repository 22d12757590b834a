"""The contract of data sets."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import ClassVar

import pytest
from PIL import Image

from harness import DataSet
from harness.datasets.folder import DataFolder, read_folder
from harness.testing.contract import ComponentContract


class DataSetContract(ComponentContract):
    """Inherit and override `dataset`. Set `opened_pictures` lower where pictures are large."""

    opened_pictures: ClassVar[int] = 50
    """How many pictures are opened and decoded."""

    @pytest.fixture
    def dataset(self) -> DataSet:
        """The data set under test."""
        pytest.fail("override the fixture `dataset`")

    @pytest.fixture
    def component(self, dataset: DataSet) -> DataSet:
        """The data set, for the tests that all kinds of component share."""
        return dataset

    @pytest.fixture
    def folder(self, dataset: DataSet) -> Path:
        """Where the data set put itself."""
        folder = dataset.prepare()
        assert isinstance(folder, Path), f"prepare returns {type(folder).__name__} instead of a Path"
        assert folder.is_dir(), f"prepare returns {str(folder)!r}, which is no folder"
        return folder

    @pytest.fixture
    def data(self, folder: Path) -> DataFolder:
        """What the core reads there."""
        return read_folder(folder)

    def test_it_is_read_without_a_problem(self, data: DataFolder) -> None:
        """The folder holds samples whose pictures and labels can be used.

        Fix: write `manifest.csv` with the column `image` (a path relative to the folder), and labels of the six emotions.
        """
        assert data.samples, "the folder holds no sample"
        wrong = [s for s in data.samples if s.problem]
        assert not wrong, (
            f"{len(wrong)} of {len(data.samples)} samples cannot be used, {wrong[0].id!r}: {wrong[0].problem}"
        )

    def test_ids_are_unique(self, data: DataFolder) -> None:
        """Every sample has an id of its own.

        Fix: give the column `id` a different value in each row.
        """
        ids = [s.id for s in data.samples]
        twice = sorted({i for i in ids if ids.count(i) > 1}) if len(set(ids)) < len(ids) else []
        assert not twice, f"{len(twice)} ids are given twice, such as {twice[0]!r}"

    def test_pictures_can_be_opened(self, data: DataFolder, folder: Path) -> None:
        """Pictures exist and decode.

        Fix: write complete PNG, JPEG or WebP files before the manifest.
        """
        for sample in data.samples[: self.opened_pictures]:
            assert sample.path is not None, f"{sample.id!r} has no picture"
            path = Path(data.root) / sample.path
            try:
                with Image.open(path) as image:
                    image.load()
            except OSError as e:
                pytest.fail(f"the picture of {sample.id!r} cannot be opened: {e}")

    def test_labels_are_there(self, data: DataFolder) -> None:
        """Samples say which emotion they show, or how strong it is, or how good they are.

        Fix: fill in the columns `emotion`, `intensity` or `quality`.
        """
        labelled = [s for s in data.samples if s.emotion or s.intensity is not None or s.quality is not None]
        assert labelled, "no sample has a label"

    def test_preparing_again_changes_nothing(self, dataset: DataSet, folder: Path) -> None:
        """A second call returns the same folder with the same files.

        Fix: keep what exists; write to a temporary folder and rename it.
        """
        before = _manifest(folder)
        again = dataset.prepare()
        assert again == folder, f"first {folder}, then {again}"
        assert _manifest(again) == before, "the second call writes another folder content"


def _manifest(folder: Path) -> dict[str, str]:
    """The files of a folder; of the tables also the digest."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            table = path.suffix in (".csv", ".jsonl")
            content = hashlib.sha256(path.read_bytes()).hexdigest() if table else str(path.stat().st_size)
            found[str(path.relative_to(folder))] = content
    return found
