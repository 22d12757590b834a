"""The contract of exporters."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from harness import Exporter, ExportSource
from harness.testing.contract import ComponentContract
from harness.testing.runs import finished_runs


class ExporterContract(ComponentContract):
    """Inherit and override `exporter`; override `source` to export a run of your own."""

    @pytest.fixture
    def stored(self) -> dict[str, Path]:
        """Folders of small runs, made once."""
        return {role: run.path for role, run in finished_runs().items()}

    @pytest.fixture
    def exporter(self) -> Exporter:
        """The exporter under test."""
        pytest.fail("override the fixture `exporter`")

    @pytest.fixture
    def component(self, exporter: Exporter) -> Exporter:
        """The exporter, for the tests that all kinds of component share."""
        return exporter

    @pytest.fixture(params=["judge", "generator"])
    def source(self, request: pytest.FixtureRequest, stored: dict[str, Path]) -> ExportSource:
        """A run of a judge on two tasks, and one of a generator: with failed and unparsed answers, and odd texts."""
        return ExportSource.of(stored[request.param])

    def test_its_output_has_a_name(self, exporter: Exporter) -> None:
        """`output` is the name of a file or folder inside the run folder.

        Fix: `output = "mine.json"`, without a path.
        """
        name = exporter.output
        assert isinstance(name, str), f"output is {name!r:.60}"
        assert name, "output is empty"
        assert Path(name).name == name, f"output is {name!r}, which is no plain name"

    def test_it_writes_files_and_names_them(
        self, exporter: Exporter, source: ExportSource, tmp_path: Path
    ) -> None:
        """`write` returns the files or folders that it wrote: `out`, and what is in it or beside it.

        Fix: return the list of all paths written, and write nothing elsewhere.
        """
        out = tmp_path / "out" / exporter.output
        out.parent.mkdir()
        written = [Path(path) for path in exporter.write(source, out)]
        assert written, "it writes nothing"
        for path in written:
            assert path.exists(), f"{path.name} is named, and was not written"
            assert out.parent in path.parents, f"{path} is neither {out} nor in it or beside it"
        there = {path for path in out.parent.rglob("*") if path.is_file()}
        extra = [p for p in there if p not in written and not set(p.parents) & set(written)]
        assert not extra, f"{min(p.name for p in extra)} was written, and is not named"

    def test_writing_again_replaces(self, exporter: Exporter, source: ExportSource, tmp_path: Path) -> None:
        """Writing the same run to the same place replaces what was written.

        Fix: open files with "w", and create folders with `exist_ok=True`.
        """
        out = tmp_path / exporter.output
        first = sorted(map(str, exporter.write(source, out)))
        again = sorted(map(str, exporter.write(source, out)))
        assert first == again, f"first {first!r:.120}, then {again!r:.120}"

    def test_the_run_is_left_as_it_is(self, exporter: Exporter, source: ExportSource, tmp_path: Path) -> None:
        """No file of the run folder is changed.

        Fix: write to `out` alone.
        """
        before = _digests(source.path)
        exporter.write(source, tmp_path / exporter.output)
        assert _digests(source.path) == before, "files of the run folder are changed"


def _digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix != ".lock"
    }
