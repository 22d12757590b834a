"""Finds the data sets of a run, by registered name or by path, and checks that they have the labels asked for."""

from __future__ import annotations

import itertools
import os
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.components.failures import is_interrupt, message_of
from harness.datasets import DataFolder, read_folder
from harness.errors import BadData, BadOption, HarnessError, PluginError, RequestError, nearest, unknown
from harness.registry.factory import make
from harness.registry.registry import registry
from harness.run.stored_images import changed_images
from harness.run.suites import has_label, needed
from harness.run.supervisor import current
from harness.run.watch import Watch
from harness.store.runfolder import RUN
from harness.tasks.answers import truth_of
from harness.tasks.catalog import ResolvedTask
from harness.tasks.pairing import no_pairs
from harness.tasks.spec import TaskSpec

SHOWN = 5
"""Labels that a note names."""


def find_data_sets(
    references: Sequence[str], watch: Watch, options: Mapping[str, Any] = {}
) -> tuple[DataFolder, ...]:
    """The data sets of a judge run, each read from its folder. `options` are those of registered ones."""
    if not references:
        raise RequestError("No data set is named.", "Give --data; see `harness list data`.")
    _check_options(options, references)
    folders = [find_data_set(reference, watch, options) for reference in references]
    if len({folder.name for folder in folders}) < len(folders):
        raise RequestError("Two data sets have the same name.", "Rename one of the folders.")
    return tuple(folders)


def _check_options(options: Mapping[str, Any], references: Sequence[str]) -> None:
    """Refuse options that are for none of the data sets."""
    registered = {f.component.name for f in registry().components("data set")}
    named = {_bare(reference) for reference in references}
    for key in options:
        target = key.rpartition(".")[0]
        if target not in named & registered if target else not named & registered:
            raise BadOption(
                f"--data-option {key}: {repr(target) + ' is not' if target else 'none of the data is'} a registered data set "
                "of this run.",
                f"Registered data sets: {', '.join(sorted(registered)) or 'none'}. Folders have no options.",
            )


def _bare(reference: str) -> str:
    return reference.partition(":")[0].rpartition("/")[2]


def find_data_set(reference: str, watch: Watch, options: Mapping[str, Any] = {}) -> DataFolder:
    """A data set by registered name, or by path."""
    path = _expanded(reference)
    registered = {f.component.name for f in registry().components("data set")}
    if reference.partition(":")[0] in registered or (
        reference.rpartition("/")[2] in registered and not os.path.exists(path)
    ):
        return _prepare(reference, watch, options)
    if os.path.exists(path) or "/" in reference:
        return _as_generated(read_folder(path), watch)
    guess = nearest(reference, registered)
    raise unknown("data set", reference, registered, "" if guess else "A path to a folder works too.")


def _as_generated(folder: DataFolder, watch: Watch) -> DataFolder:
    """The samples of generated images, where those that were exchanged since have a problem: nothing judges them."""
    if not (folder.home / RUN).is_file():
        return folder
    changed = changed_images(folder.home)
    if not changed:
        return folder
    watch.note(f"{len(changed)} images of {folder.name} were deleted or exchanged after being generated")
    problem = (
        "the image was deleted or exchanged after being generated: run the command that generated it again"
    )
    samples = [replace(s, problem=problem) if s.id in changed else s for s in folder.samples]
    return replace(folder, samples=samples)


def _prepare(reference: str, watch: Watch, options: Mapping[str, Any]) -> DataFolder:
    found = registry().find("data set", reference)
    name = found.component.name
    own = {key: value for key, value in options.items() if "." not in key}
    own |= {key.rpartition(".")[2]: v for key, v in options.items() if key.rpartition(".")[0] == name}
    # Only noted if it takes a while: most times the data set exists already.
    notice = threading.Timer(1.0, watch.note, [f"preparing the data set {reference}, on first use only ..."])
    notice.daemon = True
    notice.start()
    try:
        with current().calling(f"the data set {reference}", "preparing itself"):
            folder = Path(make(found, own).prepare())
    except HarnessError:
        raise
    except BaseException as e:  # prepare() is a plugin's code
        if is_interrupt(e):
            raise
        raise PluginError(
            f"The data set {reference!r} cannot be prepared: {type(e).__name__}: {message_of(e)}.",
            "Check that there is room in the cache; see `harness doctor`.",
        ) from e
    finally:
        notice.cancel()
    try:
        return read_folder(folder, name)
    except HarnessError as e:
        raise type(e)(f"The data set {name!r} of {found.dist}: {e.message}", e.hint) from e


def _expanded(reference: str) -> Path:
    try:
        return Path(reference).expanduser()
    except RuntimeError as e:
        raise BadData(f"The data folder {reference!r} cannot be found: {e}", "Give its full path.") from e


def check_domains(data: Sequence[DataFolder]) -> None:
    """Refuse data sets of different domains in one run: their values are never pooled."""
    if len({folder.domain for folder in data}) > 1:
        raise RequestError(
            "Data sets of shown and of evoked emotion cannot share a run: "
            + ", ".join(f"{folder.name} ({folder.domain})" for folder in data)
            + ".",
            "Run them separately.",
        )


def unknown_labels(tasks: Sequence[ResolvedTask], data: Sequence[DataFolder]) -> tuple[str, ...]:
    """Notes on labels of the data that tasks with a vocabulary of their own do not ask about, with how often they occur."""
    notes = []
    for task, folder in itertools.product(tasks, data):
        answer = task.spec.answer
        if answer is None or not answer.truth.vocabulary:
            continue
        truth = answer.truth
        given = (s.attributes.get(truth.field, "") for s in folder.samples if truth_of(answer, s) is None)
        counts = Counter(label for label in given if label)
        if counts:
            shown = ", ".join(f"{label} ({count:,})" for label, count in counts.most_common(SHOWN))
            more = f", and {len(counts) - SHOWN} more" if len(counts) > SHOWN else ""
            unknown = next((label for label in counts if truth.label(label) is None), "")
            guess = nearest(unknown, truth.vocabulary) if unknown else None
            hint = f"; did you mean {guess!r} instead of {unknown!r}?" if guess else ""
            notes.append(
                f"{task.spec.name} does not ask about samples of {folder.name} with these labels: {shown}{more}{hint}"
            )
    return tuple(notes)


def check_labels(data: Sequence[DataFolder], questions: Mapping[str, TaskSpec], seed: int) -> None:
    """Refuse data in which no sample has a label that any task asks for."""
    if any(s.problem for folder in data for s in folder.samples):
        return
    if any(has_label(q, folder, seed) for folder in data for q in questions.values()):
        return
    names = ", ".join(folder.name for folder in data)
    if all(q.pairs for q in questions.values()):
        raise BadData(
            f"Nothing to compare: {'; '.join(no_pairs(q, names) for q in questions.values())}.",
            "Add the columns to the manifest, or choose another task or data set.",
        )
    fields = sorted({needed(spec) for spec in questions.values()})
    raise BadData(
        f"No sample of {names} has what {', '.join(questions)} asks for: {' or '.join(fields)}.",
        "Add the column to the manifest, or choose another task or data set.",
    )
