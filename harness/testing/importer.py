"""The contract of importers: kinds of release for `harness data import`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import pytest

from harness import EMOTIONS, HarnessError
from harness.datasets.imports import LABELS, Importer, ImportOptions, import_data
from harness.testing.contract import Contract


class ImporterContract(Contract):
    """Inherit and override `importer`, and `release` with a small release as its publisher lays it out."""

    import_options: ClassVar[ImportOptions] = ImportOptions()
    """What a user gives with the release, such as the meaning of its labels."""

    @pytest.fixture
    def importer(self) -> Importer:
        """The importer under test."""
        pytest.fail("override the fixture `importer`")

    @pytest.fixture
    def release(self, tmp_path: Path) -> Path:
        """A release of a few pictures: a folder or a file."""
        pytest.fail("override the fixture `release`")

    @pytest.fixture
    def imported(self, importer: Importer, release: Path) -> dict[str, Any]:
        """The report on importing the release, of which nothing is kept."""
        return _report(importer, release, self.import_options)

    def test_it_is_named_and_described(self, importer: Importer) -> None:
        """`name` and `summary` are texts; `label` is what its labels mean, or "".

        Fix: `name = "mine"`, `summary = "..."`, `label = "perceived"`.
        """
        for field in ("name", "summary"):
            value = getattr(importer, field, None)
            assert isinstance(value, str), f"{field} is {value!r:.60}"
            assert value.strip(), f"{field} is empty"
        assert importer.label in ("", *LABELS), f"label is {importer.label!r}, not {' or '.join(LABELS)}"

    def test_the_release_is_read(self, imported: dict[str, Any]) -> None:
        """A release gives samples with emotions.

        Fix: yield a `Record` for each picture; send each row that cannot be used to `report`.
        """
        assert imported["samples"] > 0, f"no sample: {imported['notes']!r:.200}"
        unknown = set(imported["emotions"]) - set(EMOTIONS)
        assert not unknown - {"", "none", "no label"}, f"emotions that are none of the six: {sorted(unknown)}"

    def test_the_release_is_read_the_same_again(
        self, importer: Importer, release: Path, imported: dict[str, Any]
    ) -> None:
        """The same release gives the same samples.

        Fix: sort files; keep nothing from call to call.
        """
        again = _report(importer, release, self.import_options)
        assert again["samples"] == imported["samples"], (
            f"{imported['samples']} samples, then {again['samples']}"
        )
        assert again["emotions"] == imported["emotions"], "other emotions the second time"

    def test_another_release_is_refused(self, importer: Importer, tmp_path: Path) -> None:
        """A folder that is no such release is refused with a reason.

        Fix: raise `BadData` with what is missing and how to get it.
        """
        other = tmp_path / "other"
        (other / "nothing").mkdir(parents=True)
        (other / "nothing" / "notes.txt").write_text("no release\n", encoding="utf-8")
        with pytest.raises(HarnessError) as raised:
            _report(importer, other, self.import_options)
        assert raised.value.message, "the error says nothing"


def _report(importer: Importer, release: Path, options: ImportOptions) -> dict[str, Any]:
    found = import_data(
        importer,
        release,
        options,
        name="conformance-check",
        copy=False,
        replace=False,
        dry_run=True,
        progress=lambda done: None,
    )
    return dict(found)
