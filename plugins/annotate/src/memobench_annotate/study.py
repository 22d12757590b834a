"""An opened study: its settings, questions, pictures and answers."""

from __future__ import annotations

import hashlib
import json
import secrets
import threading
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path

from harness import BadData, Sample
from harness.people import SurveyQuestion, from_json, shown_file
from memobench_annotate.config import StudyConfig, check_names, read_config
from memobench_annotate.store import FILE as DATABASE
from memobench_annotate.store import Store
from memobench_annotate.tokens import hashed, new_token

QUESTIONS, DATA, TRAINING, MANIFEST = "questions.jsonl", "data", "training", "manifest.csv"
KEPT = 64 * 2**20
"""Bytes of pictures that are kept in memory, ready to be sent."""


class Study:
    """A study in its folder."""

    def __init__(
        self, folder: Path, config: StudyConfig, questions: Mapping[str, SurveyQuestion], store: Store
    ) -> None:
        self.folder, self.config, self.questions, self.store = folder, config, questions, store
        self.training = frozenset(json.loads(store.meta("training") or "[]"))
        """Ids of the questions that are set aside for training."""
        self.rated = {name: question for name, question in questions.items() if name not in self.training}
        """The other questions."""
        self._paths = {
            picture.digest: folder / (TRAINING if question.id in self.training else DATA) / picture.path
            for question in questions.values()
            for picture in question.pictures
        }
        self._shown: OrderedDict[str, tuple[bytes, str]] = OrderedDict()
        self._size, self._lock = 0, threading.Lock()

    @classmethod
    def open(cls, folder: Path) -> Study:
        """Open a study. Raises `BadData` for what is none, or whose questions were changed."""
        config = read_config(folder)
        store = Store(folder / DATABASE)
        try:
            questions = _read_questions(folder, store)
            tasks = list(dict.fromkeys(question.task for question in questions.values()))
            check_names(config, folder, tasks, {question.sample_id for question in questions.values()})
            return cls(folder, config, questions, store)
        except BaseException:
            store.close()
            raise

    @property
    def secret(self) -> bytes:
        """Known to this study alone."""
        return bytes.fromhex(self.store.meta("secret") or "")

    def new_live_token(self) -> str:
        """A token for the experimenter's page. Earlier ones end, cookies too."""
        token = new_token()
        self.store.set_meta("live", hashed(token))
        self.store.set_meta("live_cookie", "")
        return token

    @property
    def samples(self) -> list[Sample]:
        """The samples of the study's data set, by the ids that questions have."""
        found: dict[str, Sample] = {}
        for question in self.rated.values():
            if len(question.pictures) == 1:
                found.setdefault(
                    question.sample_id,
                    Sample(question.sample_id, question.pictures[0].path, question.emotion),
                )
        return list(found.values())

    def picture_path(self, digest: str) -> Path:
        """The file of a picture. Raises `KeyError`."""
        return self._paths[digest]

    def shown(self, digest: str) -> tuple[bytes, str]:
        """A picture as raters see it, and its media type. Raises `KeyError`, and `BadData` where the file changed."""
        with self._lock:
            if digest in self._shown:
                self._shown.move_to_end(digest)
                return self._shown[digest]
        found = shown_file(self.picture_path(digest), digest)
        with self._lock:
            if digest not in self._shown:
                self._shown[digest] = found
                self._size += len(found[0])
            while self._size > KEPT and len(self._shown) > 1:
                self._size -= len(self._shown.popitem(last=False)[1][0])
        return found

    def check_pictures(self) -> None:
        """Raise `BadData` where a picture of the study is missing or is not the one that it was."""
        wrong = []
        for digest, path in self._paths.items():
            try:
                same = hashlib.sha256(path.read_bytes()).hexdigest() == digest
            except OSError:
                same = False
            if not same:
                wrong.append(path)
        if wrong:
            raise BadData(
                f"{len(wrong)} of {len(self._paths)} pictures are missing, or are not what they were when the study was made: "
                f"{wrong[0]}.",
                "Put the originals back, or make a new study: answers about different pictures cannot be mixed.",
            )


def _read_questions(folder: Path, store: Store) -> dict[str, SurveyQuestion]:
    """The questions of a study, which are those that it was made with."""
    try:
        text = (folder / QUESTIONS).read_bytes()
    except OSError as e:
        raise BadData(
            f"{folder / QUESTIONS} cannot be read: {e.strerror or e}.", "Restore it from a copy."
        ) from e
    if hashlib.sha256(text).hexdigest() != store.meta("questions"):
        raise BadData(
            f"{folder / QUESTIONS} is not what it was when the study was made: answers would be about other questions.",
            "Restore it from a copy, or make a new study.",
        )
    found = [from_json(line) for line in text.decode().split("\n") if line]
    return {question.id: question for question in found}


def new_secret() -> str:
    """A secret for a new study, as hex digits."""
    return secrets.token_hex(32)
