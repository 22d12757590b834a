"""The judge `recorded:FILE`: scores replies that already exist, such as the published outputs of a model."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Literal, NamedTuple

from harness.components.judge import Judge
from harness.components.options import HarnessOptions, option
from harness.datasets.home import REPLIES, imported
from harness.datasets.table import Text, open_table, open_text
from harness.errors import BadData, BadOption, nearest
from harness.types import Capability, JudgeReply, JudgeRequest, Question, ReplyError

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "id": ("id", "sample", "sample_id"),
    "text": ("text", "reply", "response", "output"),
    "model": ("model",),
    "question": ("question",),
}
"""Column or member -> accepted names."""
_NEEDED = ("id", "text")
_EXAMPLE = 'Each line must be an object like {"id": "sample-1", "text": "happy"}.'


class _Row(NamedTuple):
    line: int
    id: str
    text: str
    model: str
    question: str


class RecordedJudge(Judge):
    """Replies from a JSONL or CSV file with the columns `id` (of a sample) and `text`.

    A column `model` allows several models in one file, a column `question` (`emotion`, `intensity`, ...) replies to several
    questions about a sample. Replies are read like those of any model.
    """

    takes: ClassVar[Literal["pixels", "bytes"]] = "bytes"
    reads_prompt = False

    class Options(HarnessOptions):
        # The identity contains the replies, not where they are stored.
        ref: str = option(
            "", "JSONL or CSV file with the columns id and text, or DATASET/MODEL", affects_answer=False
        )
        model: str = option("", "the model whose replies count, if the file has a column model")

    @property
    def capabilities(self) -> frozenset[Capability]:
        return frozenset({Capability.TEXT, Capability.MULTI_IMAGE})

    def identity(self) -> Mapping[str, str]:
        """The replies themselves."""
        listed = sorted((sample, question, text) for (sample, question), text in self._replies.items())
        return {"replies": hashlib.blake2b(json.dumps(listed).encode(), digest_size=16).hexdigest()}

    def cannot_answer(self, question: Question) -> str:
        asked = {about for _, about in self._replies}
        if "" in asked or question.target in asked:
            return ""
        return f"{self.options.ref!r} has replies to questions about {', '.join(sorted(asked))} only"

    def open(self) -> None:
        """Reads the file, if that has not been done."""
        _ = self._replies

    def judge(self, batch: Sequence[JudgeRequest]) -> Iterator[JudgeReply]:
        for request in batch:
            found = self._replies.get((request.sample_id, request.question.target))
            text = self._replies.get((request.sample_id, "")) if found is None else found
            if text is not None:
                yield JudgeReply(request.id, text=text)
                continue
            known = next(iter(self._replies))[0]
            message = f"{self.options.ref!r} has no reply for {request.sample_id!r}"
            hint = f"Its ids must be those of the data set; its first is {known!r}."
            yield JudgeReply(request.id, error=ReplyError("no_reply", message, retryable=False, hint=hint))

    @cached_property
    def _replies(self) -> Mapping[tuple[str, str], str]:
        """Sample and question ("" for any) -> the reply."""
        path = _path(self.options.ref)
        replies: dict[tuple[str, str], str] = {}
        models: dict[str, None] = {}
        for row in _rows(path):
            models[row.model] = None
            if self.options.model and row.model != self.options.model:
                continue
            if (row.id, row.question) in replies:
                what = f"the id {row.id!r}" + (f" with the question {row.question!r}" if row.question else "")
                fix = "Keep one row for each sample."
                if len(models) > 1:
                    fix = f"Choose one of its models: -o model={next(iter(models))}."
                raise BadOption(f"{path.name}, line {row.line}: {what} is duplicated.", fix)
            replies[row.id, row.question] = row.text
        if not replies and models and self.options.model:
            guess = nearest(self.options.model, models)
            raise BadOption(
                f"{path.name} has no replies of the model {self.options.model!r}.",
                f"Did you mean {guess!r}?"
                if guess
                else f"It has: {', '.join(filter(None, models)) or 'no column model'}.",
            )
        if not replies:
            raise BadOption(f"{path.name} contains no replies.", _EXAMPLE)
        return replies


def _path(ref: str) -> Path:
    """The file: as given, or of a model in an imported data set."""
    if not ref:
        raise BadOption(
            "recorded needs a file with replies.",
            "Name it after a colon: recorded:FILE, or recorded:DATASET/MODEL.",
        )
    path = Path(os.path.expanduser(ref))
    if path.is_file():
        return path
    name, _, model = ref.partition("/")
    home = imported().get(name)
    stored = sorted(file.stem for file in (home / REPLIES).glob("*.jsonl")) if home else []
    if home and model in stored:
        return home / REPLIES / f"{model}.jsonl"
    if stored:
        guess = nearest(model, stored)
        raise BadOption(
            f"The data set {name!r} has no stored replies of {model!r}.",
            f"Did you mean recorded:{name}/{guess}?" if guess else f"It has those of: {', '.join(stored)}.",
        )
    raise BadOption(
        f"The file {ref!r} does not exist.",
        "Give a JSONL or CSV file with the columns id and text, or DATASET/MODEL.",
    )


def _rows(path: Path) -> Iterator[_Row]:
    """The rows of a file. Raises `BadOption` with file and line for what cannot be read."""
    try:
        with path.open("rb") as file:
            start = file.read(4096).lstrip(b"\xef\xbb\xbf \t\r\n")
        if start.startswith(b"{"):
            yield from _objects(open_text(path.name, lambda: path.open("rb")))
        else:
            yield from _table(path)
    except OSError as e:
        raise BadOption(f"{str(path)!r} cannot be read: {e.strerror or e}.", "Check the path.") from e
    except BadData as e:
        raise BadOption(e.message, e.hint) from e


def _table(path: Path) -> Iterator[_Row]:
    name = path.name
    table = open_table(name, lambda: path.open("rb"), needs=[COLUMNS[column] for column in _NEEDED])
    at = {
        column: table.column(*names)
        for column, names in COLUMNS.items()
        if column in _NEEDED or any(map(table.has, names))
    }
    for row in table.rows():
        if row.problem:
            raise BadOption(f"{name}, line {row.line}: {row.problem}.", "Correct the row, or remove it.")
        cells = {column: row.cells[i] if i < len(row.cells) else "" for column, i in at.items()}
        if not cells["id"]:
            raise BadOption(f"{name}, line {row.line}: the id is empty.", "Give the id of a sample.")
        yield _Row(row.line, cells["id"], cells["text"], cells.get("model", ""), cells.get("question", ""))


def _objects(text: Text) -> Iterator[_Row]:
    for number, line in enumerate(text.lines(), start=1):
        if not line.strip():
            continue
        where = f"{text.path}, line {number}"
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError) as e:
            raise BadOption(f"{where}: not valid JSON: {e}.", _EXAMPLE) from e
        if not isinstance(entry, dict):
            raise BadOption(f"{where}: not an object.", _EXAMPLE)
        found = {
            column: next((entry[n] for n in names if n in entry), None) for column, names in COLUMNS.items()
        }
        for column, value in found.items():
            if not isinstance(value, str) and (column in _NEEDED or value is not None):
                raise BadOption(f"{where}: {column!r} is missing or not text.", _EXAMPLE)
        yield _Row(number, *(found[column] or "" for column in COLUMNS))
