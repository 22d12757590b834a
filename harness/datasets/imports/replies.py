"""Writes the replies of models that a release stores: a JSONL file for each model, for the judge `recorded`."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from pathlib import Path
from typing import TextIO

from harness.datasets.home import REPLIES
from harness.datasets.imports.base import StoredReply
from harness.datasets.imports.report import Report

MAX_MODELS = 200
"""Maximum number of models of a release."""
_OTHER = re.compile(r"[^A-Za-z0-9._-]+")


class ReplyWriter:
    """The stored replies of an imported data set."""

    def __init__(self, folder: Path, report: Report, samples: Collection[str]) -> None:
        """`samples` are the ids of the data set."""
        self._folder, self._report, self._samples = folder / REPLIES, report, samples
        self._files: dict[str, TextIO] = {}
        self._written: set[tuple[str, str]] = set()
        self.count = 0

    @property
    def models(self) -> list[str]:
        """The names of the models, as the judge `recorded` takes them."""
        return sorted(self._files)

    def add(self, reply: StoredReply) -> None:
        """Write a reply, or report why it is not used."""
        file, _, line = reply.where.rpartition(":")
        model = _OTHER.sub("-", reply.model).strip("-.")[:100] or "unnamed"
        reason, detail = "", reply.sample
        if reply.sample not in self._samples:
            reason = "reply to no sample"
        elif (model, reply.sample) in self._written:
            reason = "second reply"
        elif model not in self._files and len(self._files) >= MAX_MODELS:
            reason, detail = "too many models", reply.model
        if reason:
            self._report.leave_out(file, line, "", reason, detail)
            return
        if model not in self._files:
            self._folder.mkdir(exist_ok=True)
            self._files[model] = (self._folder / f"{model}.jsonl").open("w", encoding="utf-8")
        self._written.add((model, reply.sample))
        # Lone surrogates are no text, and nothing that reads the file could write them.
        text = reply.text.encode("utf-8", "replace").decode()
        self._files[model].write(json.dumps({"id": reply.sample, "text": text}) + "\n")
        self.count += 1

    def close(self) -> None:
        for file in self._files.values():
            file.close()
