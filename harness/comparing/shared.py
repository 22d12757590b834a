"""The rows that several runs share, in one order, and what of each run has no counterpart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from harness.arrays import Mask
from harness.comparing.comparable import entry_name
from harness.comparing.loaded import Entry, EntryKey, LoadedRun, Unit
from harness.errors import RequestError
from harness.metrics import groups as grouping
from harness.scoring.rows import Rows
from harness.tasks.answers import LABELS
from harness.tasks.clusters import CLUSTERS


@dataclass(frozen=True)
class SharedRows:
    """One entry of every run, on the units that all of them answered."""

    key: EntryKey
    entries: Sequence[Entry]
    """One for each run."""
    units: Sequence[Unit]
    """The units answered by all, in their order."""
    rows: Sequence[Rows]
    """One for each run: row i is about `units[i]` in each."""

    def groups(self, columns: Sequence[str]) -> list[tuple[dict[str, str], Mask]]:
        """The groups of the shared rows by these columns; cells that are too small for the task are left out."""
        return [group for cells in self._cells(columns).values() for group in cells.groups]

    def _cells(self, columns: Sequence[str]) -> dict[str, grouping.Cells]:
        spec, rows = self.entries[0].spec, self.rows[0]
        labels = {*LABELS, rows.answer.truth.field}
        return {
            name: grouping.intersections(
                {name: rows.column(name)}, 1 if name in labels else spec.group.smallest
            )
            for name in columns
        }

    def ungrouped(self, columns: Sequence[str]) -> list[str]:
        """Warnings about what of these columns is in no group: small groups, and columns that have none."""
        entry = self.entries[0]
        cells = self._cells(columns)
        none = [name for name, cell in cells.items() if not cell.groups and not cell.small]
        found = [f"no groups by {', '.join(none)}: too many values, or none"] if none else []
        found += grouping.small_cells(cells.values(), entry.spec.group.smallest)
        return [f"{entry_name(entry)}: {warning}" for warning in found]

    def select(self, mask: Mask) -> list[Rows]:
        """The rows of a group, of each run."""
        chosen = np.flatnonzero(mask).tolist()
        return [rows.select(chosen) for rows in self.rows]


def shared_entries(runs: Sequence[LoadedRun]) -> tuple[list[SharedRows], list[str]]:
    """What all runs have in common, and warnings about what they do not.

    Raises `RequestError` where they have no task, or no sample, in common.
    """
    runs = same_data_names(runs)
    first = runs[0]
    keys = [key for key in first.entries if all(key in run.entries for run in runs)]
    warnings = []
    for run in runs:
        alone = [entry_name(entry) for key, entry in run.entries.items() if key not in keys]
        if alone and keys:
            warnings.append(f"only in {run.record.name}, so not compared: {', '.join(alone)}")
    if not keys:
        held = "; ".join(
            f"{run.record.name} has {', '.join(map(entry_name, run.entries.values()))}" for run in runs
        )
        raise RequestError(
            f"The runs share no task: {held}.", "Compare runs of the same task, data and judge."
        )
    found = []
    for key in keys:
        shared, notes = shared_rows(key, runs)
        warnings += notes
        if shared.units:
            found.append(shared)
    if not found:
        raise RequestError(
            f"The runs share no sample{': ' if warnings else ''}{'; '.join(warnings)}.",
            "Compare runs on the same samples.",
        )
    return found, warnings


def same_data_names(runs: Sequence[LoadedRun]) -> Sequence[LoadedRun]:
    """The runs with their data sets named as in the first one, where the contents are the same."""
    first = runs[0]
    names = {digest: name for name, digest in first.record.data.items()}
    renamed = []
    for run in runs:
        others: Mapping[str, str] = {
            name: names[digest]
            for name, digest in run.record.data.items()
            if digest in names and name not in first.record.data
        }
        entries = {
            key._replace(data=others.get(key.data, key.data)): entry for key, entry in run.entries.items()
        }
        data = {others.get(name, name): digest for name, digest in run.record.data.items()}
        renamed.append(
            replace(run, record=replace(run.record, data=data), entries=entries) if others else run
        )
    return renamed


def shared_rows(key: EntryKey, runs: Sequence[LoadedRun]) -> tuple[SharedRows, list[str]]:
    """What all runs answered of an entry that each of them has, and warnings about what only some answered."""
    entries = [run.entries[key] for run in runs]
    generated = bool(key.judge)
    common = [
        unit
        for unit in entries[0].places
        if all(unit in entry.places for entry in entries[1:]) and _alike(unit, entries, generated)
    ]
    units = sorted(common)
    rows = [entry.rows.select(entry.places[unit] for unit in units) for entry in entries]
    warnings = []
    what = "portraits" if generated else "answers"
    for run, entry in zip(runs, entries, strict=True):
        alone = len(entry.places) - len(units)
        if alone:
            warnings.append(
                f"{entry_name(entry)}: {alone} of {len(entry.places)} {what} of {run.record.name} "
                "have no counterpart in every other run and are not compared"
            )
    return SharedRows(key, entries, units, rows), warnings


def _alike(unit: Unit, entries: Sequence[Entry], generated: bool) -> bool:
    """Whether a unit has one truth, one cluster, and for judges one picture, in all runs."""
    places = [entry.places[unit] for entry in entries]
    truths = {entry.rows.truths[place] for entry, place in zip(entries, places, strict=True)}
    if len(truths) > 1:
        return False
    samples = [entry.rows.samples[place] for entry, place in zip(entries, places, strict=True)]
    columns = [entries[0].spec.cluster] if entries[0].spec.cluster else CLUSTERS
    if len({tuple(sample.attributes.get(column) for column in columns) for sample in samples}) > 1:
        return False
    return generated or len({sample.pictures for sample in samples}) == 1
