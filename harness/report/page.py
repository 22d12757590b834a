"""Assembles the page: `harness report`."""

from __future__ import annotations

import functools
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness._version import __version__
from harness.charts.theme import INSTALL, require_report
from harness.comparing.records import Comparison
from harness.errors import BadOutput, MissingPackage, RequestError
from harness.escaping import plain
from harness.installing import is_importable
from harness.report import board, compared, measures, origin, reading, thumbnails
from harness.report.answers import collect, set_units
from harness.report.blocks import Notes, Section
from harness.report.entries import Entry, line_up
from harness.report.figures import Figures
from harness.report.head import head
from harness.report.packing import Packed, pack
from harness.report.payload import as_text, json_script
from harness.report.policy import policy
from harness.report.stored import StoredReport, read_runs
from harness.store.files import new_output, storage_errors, write_atomically
from harness.store.outputs import refuse_file_of_a_run, refuse_other_format

MAX_MB = 3.0
"""Size of the page without its pictures, in million bytes."""
LONGEST = 2000
"""Characters of any text outside the gallery."""
_FOLDER = Path(__file__).parent
_CREDITS = "Charts: Vega, Vega-Lite and Vega-Embed, (c) University of Washington Interactive Data Lab, BSD 3-Clause licence, with their dependencies."


@dataclass(frozen=True)
class WrittenReport:
    """What was written."""

    path: Path
    size: int
    """Bytes."""
    answers: int
    pictures: int
    embedded: int
    notes: Sequence[str]
    """What the page does not hold, and why."""


def write_report(
    runs: Sequence[Path],
    out: Path,
    *,
    embed: int | None = thumbnails.DEFAULT,
    max_mb: float = MAX_MB,
    gallery: bool = True,
) -> WrittenReport:
    """Write the page of one run or several to `out`, a file.

    `embed` is how many thumbnails it holds at most (None for all); other pictures are linked relative to `out`. `max_mb`
    bounds the page without pictures: long replies are shortened to fit. `gallery=False` leaves all answers out. Raises
    `RequestError` where a run has no results, `MissingPackage` without the extra `report`, and `BadOutput` or
    `StorageError` where the file cannot be written.
    """
    require_page()
    if not runs:
        raise RequestError("No run is named.", "For example: harness report RUN --out report.html")
    if os.path.isdir(out):
        raise BadOutput(
            f"{str(out)!r} is a folder.", f"Name a file: harness report RUN --out {out / 'report.html'}"
        )
    refuse_file_of_a_run(out, "report.html")
    refuse_other_format(out, "a page", (".html", ".htm"))
    page = _Page(read_runs(runs), out, embed, max_mb, gallery)
    data = page.render().encode("utf-8")
    with new_output(out, "Choose a different place for the page."), storage_errors(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(out, data)
    return WrittenReport(
        out, len(data), len(page.answers), len(page.answers.pictures), len(page.thumbnails), page.notes
    )


def require_page() -> None:
    """Raise `MissingPackage` where the extra `report` is not installed."""
    if not is_importable("jinja2"):
        raise MissingPackage("The report", "jinja2", INSTALL)
    require_report()


class _Page:
    """One page being made."""

    def __init__(
        self, runs: Sequence[StoredReport], out: Path, embed: int | None, max_mb: float, gallery: bool
    ) -> None:
        self.runs, self.out, self.embed, self.max_mb = runs, out.absolute(), embed, max_mb
        self.entries: list[Entry] = line_up(runs)
        self.answers = collect(runs) if gallery else collect([])
        self.gallery = gallery
        self.notes: list[str] = list(self.answers.notes)
        self.thumbnails: dict[int, str] = {}
        self.compared: Comparison | str | None = None
        self.figures = Figures(runs)

    def render(self) -> str:
        """The page."""
        self._compare()
        sections = self._sections()
        scripts = [_bundle(), _script()] if self.figures.made else [_script()]
        style = _source("report.css")
        parts = {
            "head": head(self.runs, self.entries, self.compared),
            "sections": sections,
            "version": __version__,
            "credits": _CREDITS if self.figures.made else "",
            "charts": json_script(self.figures.specs()) if self.figures.made else "",
            "scripts": scripts,
            "style": style,
            "policy": policy(scripts, [style]),
        }
        answers, small = "", "{}"
        if len(self.answers):
            used = len(_written({**parts, "answers": " ", "thumbnails": small}))
            answers = as_text(self._packed(used).data)
            if self.embed != 0:
                chosen = thumbnails.choose(self.answers, self.embed)
                self.thumbnails = thumbnails.embedded(self.answers.pictures, chosen)
            small = json_script({str(number): data for number, data in self.thumbnails.items()})
        # Packing may have added notes.
        parts["sections"] = self._with_notes(sections)
        return _written({**parts, "answers": answers, "thumbnails": small})

    def _compare(self) -> None:
        if len(self.runs) > 1:
            self.compared = compared.compare_runs(self.runs)
        primary = {
            (k, name): spec.primary.asks or name
            for k, run in enumerate(self.runs)
            for name, spec in (run.record.tasks if run.record else {}).items()
        }
        places = set_units(self.answers, self.runs, primary) if len(self.answers) else {}
        if isinstance(self.compared, Comparison):
            compared.mark_changes(self.compared, self.answers, places, self.runs)

    def _packed(self, used: int) -> Packed:
        links = thumbnails.links(self.answers.pictures, self.out)
        meta = {
            "runs": [
                {"name": plain(run.name, 200), "model": plain(run.results.run.model, 200)}
                for run in self.runs
            ]
        }
        room = int((self.max_mb * 1e6 - used) * 3 / 4)
        found = pack(self.answers, links, meta, max(room, 0))
        self.notes += [
            f"{note} `harness report --max-mb N` leaves more room, `harness export` has everything."
            for note in found.notes
        ]
        return found

    def _sections(self) -> list[Section]:
        runs, entries, figures = self.runs, self.entries, self.figures
        ladder = Section(
            "ladder",
            "Coarse to nuance",
            "The primary metric of each task beside the best trivial predictor and, where people rated the same pictures, one person.",
        )
        ladder.blocks = [figures.ladder(), measures.ladder(entries, runs)]
        gap = measures.valence(entries, runs)
        valence = Section(
            "valence", "Valence gap", "How much better positive emotions do than negative ones; 0 is no gap."
        )
        valence.blocks = [figures.valence(), gap] if gap else []
        found = [
            ladder,
            *([compared.section(self.compared, runs), board.section(runs, figures)] if len(runs) > 1 else []),
            reading.confusion(entries, runs),
            figures.intensity(entries, self.answers),
            valence,
            measures.groups(entries, runs, figures.groups),
            measures.agreement(entries, runs),
            reading.reading(entries, runs, self.answers.failures),
            measures.metrics(entries, runs),
            *([self._gallery()] if self.gallery else []),
            origin.costs(entries, runs),
            origin.provenance(entries, runs),
            origin.notes(entries, runs),
        ]
        for section in found:
            section.blocks = [block for block in section.blocks if block is not None]
        return [section for section in found if section.blocks or section.id == "gallery"]

    def _gallery(self) -> Section:
        section = Section(
            "gallery", "Answers", "Every question with its picture, the raw reply and how it was read."
        )
        section.blocks = [Notes("", self.answers.notes)] if self.answers.notes else []
        if not len(self.answers) and not self.answers.notes:
            section.blocks = [Notes("", ["The run holds no answers yet."])]
        return section

    def _with_notes(self, sections: Sequence[Section]) -> list[Section]:
        """The sections with what the page does not hold, which is known only once it is packed."""
        notes = origin.notes(self.entries, self.runs, self.notes)
        kept = [section for section in sections if section.id != "notes"]
        return [*kept, notes] if notes.blocks else kept


def _written(parts: dict[str, Any]) -> str:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader(_FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    raw = {name: Markup(parts[name]) for name in ("charts", "style", "answers", "thumbnails")}
    scripts = [Markup(script) for script in parts["scripts"]]
    return environment.get_template("report.html.jinja").render({**parts, **raw, "scripts": scripts})


def _shown(value: Any) -> Any:
    """Texts without control characters, on one line and of bounded length, before they are escaped."""
    if isinstance(value, str) and not hasattr(value, "__html__"):
        return plain(value, LONGEST)
    return value


def _source(name: str) -> str:
    """A file of the page, as browsers see it: their hash is of the text with these line ends."""
    return (_FOLDER / "static" / name).read_text(encoding="utf-8").replace("\r\n", "\n")


def _script() -> str:
    """The page's own script: its modules in order, in one scope."""
    modules = sorted((_FOLDER / "static").glob("*.js"), key=lambda path: path.name)
    return '"use strict";\n(() => {\n' + "\n".join(_source(path.name) for path in modules) + "\n})();"


@functools.cache
def _bundle() -> str:
    """Vega, Vega-Lite and Vega-Embed, as one script that cannot end its element."""
    import vl_convert

    text: str = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    safe = text.replace("\r\n", "\n").replace("</script", "<\\/script").replace("<!--", "<\\!--")
    # In a scope of its own: its functions have names such as gc.
    return f"/* {_CREDITS} */\n(() => {{\n{safe}\n}})();"
