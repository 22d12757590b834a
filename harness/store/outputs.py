"""Keeps the files of run folders from being replaced by what is made of them: pages, tables, exports."""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from pathlib import Path

from harness.errors import BadOutput
from harness.store.runfolder import RUN

_OF_A_RUN = re.compile(
    r"(run|results.*|gate)\.json|(samples|replies|failures|ratings)\.jsonl(\.gz)?|ratings\.csv|manifest\..*"
)
"""Names of files that a run folder holds."""
FORMATS = {
    ".csv", ".eval", ".html", ".htm", ".json", ".jsonl", ".md", ".parquet", ".pdf", ".png", ".svg", ".tex",
    ".xls", ".xlsx",
}  # fmt: skip
"""Endings that say what a file holds."""


def is_of_a_run(out: Path) -> bool:
    """Whether a file lies in a run folder and is, or would be taken for, a file of that run."""
    return os.path.exists(out.parent / RUN) and _OF_A_RUN.fullmatch(out.name) is not None


def refuse_file_of_a_run(out: Path, instead: str) -> None:
    """Raise `BadOutput` where writing to `out` would damage a run; `instead` is a name in the same folder that would not."""
    if is_of_a_run(out):
        raise BadOutput(
            f"{str(out)!r} is, or would be taken for, a file of the run itself.",
            f"Choose a different --out, such as {out.with_name(instead)}.",
        )


def refuse_other_format(out: Path, what: str, suffixes: Collection[str]) -> None:
    """Raise `BadOutput` where the ending of `out` says that it holds something else than `what`, which has `suffixes`."""
    suffix = out.suffix.lower()
    if suffix in FORMATS and suffix not in suffixes:
        raise BadOutput(
            f"{str(out)!r} is not named as {what}.",
            f"Choose a different --out, such as {out.with_suffix(next(iter(suffixes)))}.",
        )
