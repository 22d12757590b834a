"""DiffusionFER (Kim, 2023): faces drawn by Stable Diffusion, with the expression, valence and arousal of each."""

from __future__ import annotations

from collections.abc import Iterator

from harness.datasets.imports.affectnet import add_affect
from harness.datasets.imports.base import ImportOptions, Kind, LabelReader, Record
from harness.datasets.imports.listed import Listing
from harness.datasets.imports.names import named
from harness.datasets.imports.pictures import PictureIndex, is_picture
from harness.datasets.imports.report import Report
from harness.datasets.imports.source import Source
from harness.datasets.imports.table import find_file, open_table
from harness.errors import BadData

SHEET = "dataset_sheet.csv"


class DiffusionFer(Kind):
    """`DiffusionEmotion_S/dataset_sheet.csv` (columns and numbers as in AffectNet), `cropped/` and `original/`.

    The faces that were cut out (`cropped/`) are taken where they are there: the sheet is about them.
    """

    name = "diffusionfer"
    summary = "DiffusionFER: dataset_sheet.csv, cropped/ and original/"

    def read(self, source: Source, options: ImportOptions, report: Report) -> Iterator[Record]:
        path = find_file(source, SHEET)
        if path is None:
            raise BadData(
                f"{source.name!r} is no DiffusionFER: it holds no {SHEET}.",
                "Give the folder DiffusionEmotion_S, with cropped/ or original/ unpacked.",
            )
        pictures = [p for p in source.files if is_picture(p)]
        cropped = [p for p in pictures if "cropped/" in p.casefold()]
        if cropped and len(cropped) < len(pictures):
            report.note(f"{len(pictures) - len(cropped)} pictures outside cropped/ were passed over.")
        listing = Listing(PictureIndex(cropped or pictures), LabelReader(options), report)
        add_affect(listing, open_table(source, path), report, {})
        yield from named(listing.records(), options, report)
