"""Every importer of emotion sets and exported ratings: zip files, changed bytes, and names that lead outside."""

from __future__ import annotations

import json
import random
import shutil
import zipfile
from collections import Counter
from pathlib import Path

import pytest
from helpers import emotion_sets

from harness import HarnessError
from harness.datasets.imports import KINDS as ALL
from harness.datasets.imports import ImportOptions, data_home, import_data, kind_of
from harness.registry.registry import registry

OPTIONS = {"mllmvisualemotion": {"domain": "evoked"}}
QUESTION = {"id": 1, "image_url": "a.png", "question": "Which?", "options": "{'A': 'Joy'}", "correct_answer": "A",
            "question_type": "What/How", "image_label": "Ranking:{'Joy': 9} category:Joy Valence:5"}  # fmt: skip
RESULT = {"from_name": "emotion", "type": "choices", "value": {"choices": ["happy"]}}


def emonet(root: Path, name: str) -> None:
    emotion_sets.table(
        root / "binary.csv", [("path", "annotator", "value", "emotion"), (name, "h1", "True", "Anger")]
    )


def label_studio(root: Path, name: str) -> None:
    emotion_sets.document(
        root / "x.json", [{"data": {"image": name}, "annotations": [{"completed_by": 1, "result": [RESULT]}]}]
    )


def wide(root: Path, name: str) -> None:
    emotion_sets.table(
        root / "x.csv", [("WorkerId", "Input.image_url", "Answer.emotion"), ("W1", name, "happy")]
    )


def emoset(root: Path, name: str) -> None:
    emotion_sets.document(root / "train.json", [["anger", "x", name, "annotation/a.json"]])


def t2i(root: Path, name: str) -> None:
    emotion_sets.document(
        root / "scores.json", [{"id": "x", "image": name, "overall": {"manual_score": [1, 2, 3]}}]
    )


def mvei(root: Path, name: str) -> None:
    emotion_sets.document(
        root / "MVEI_metadata.json",
        [{"image_id": name, "statement_list": [{"statement": "x", "label": "correct"}]}],
    )


def eemo(root: Path, name: str) -> None:
    emotion_sets.document(root / "single.json", [{**QUESTION, "image_url": name}])


def mllm(root: Path, name: str) -> None:
    emotion_sets.document(root / "emotion_dataset.json", [{"image": name, "label": "joy"}])


def coco(root: Path, name: str) -> None:
    emotion_sets.document(
        root / "x.json",
        {
            "images": [{"id": 1, "file_name": name}],
            "annotations": [{"image_id": 1, "category_id": 1}],
            "categories": [{"id": 1, "name": "happy"}],
        },
    )


def cvat(root: Path, name: str) -> None:
    text = f'<annotations><image name="{name}"><tag label="happy"/></image></annotations>'
    (root / "annotations.xml").write_text(text)


KINDS = {"emonet-face": emonet, "label-studio": label_studio, "wide": wide, "emoset": emoset, "t2i-eval-bench": t2i,
         "mvei": mvei, "eemo-bench": eemo, "mllmvisualemotion": mllm, "coco": coco, "cvat": cvat}  # fmt: skip


def take(kind: str, path: Path) -> dict:
    return import_data(kind_of(kind), path, ImportOptions(**OPTIONS.get(kind, {})), name="mine", replace=True)


@pytest.fixture
def made(tmp_path):
    """`made(kind, name)`: a release of one picture, which its table names `name`."""

    def make(kind: str, name: str = "a.png") -> Path:
        root = tmp_path / "release"
        shutil.rmtree(root, ignore_errors=True)
        emotion_sets.pictures(root, "a.png")
        KINDS[kind](root, name)
        return root

    return make


@pytest.mark.parametrize("kind", KINDS)
def test_a_folder_and_a_zip_give_the_same(kind, made, tmp_path):
    root = made(kind)
    folder = take(kind, root)
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as file:
        for path in sorted(root.iterdir()):
            file.write(path, path.name)
    packed = take(kind, tmp_path / "x.zip")
    assert folder["samples"] == packed["samples"] == 1
    same = ("with", "emotions", "tables", "domain", "unmapped", "label")
    assert {k: folder[k] for k in same} == {k: packed[k] for k in same}
    assert folder["root"] == str(root)
    assert packed["root"] is None
    assert (data_home() / "mine/pictures/a.png").read_bytes() == (root / "a.png").read_bytes()


@pytest.mark.parametrize(
    "name", ["../outside.png", "/etc/passwd", "..\\outside.png", "https://x.org/outside.png"]
)
@pytest.mark.parametrize("kind", KINDS)
def test_names_that_lead_outside_find_nothing(kind, name, made, tmp_path):
    root = made(kind, name)
    emotion_sets.pictures(tmp_path, "outside.png")
    with pytest.raises(HarnessError, match="Nothing in") as e:
        take(kind, root)
    assert e.value.exit_code == 2
    assert not (data_home() / "mine").exists()


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_changed_bytes_import_or_are_refused(kind, made):
    root = made(kind)
    path = next(p for p in root.iterdir() if p.suffix != ".png")
    intact, rng, outcomes = path.read_bytes(), random.Random(3), Counter()
    for _ in range(60):
        broken = bytearray(intact)
        for _ in range(rng.choice((1, 1, 2, 6))):
            at = rng.randrange(len(broken))
            broken[at : at + rng.choice((0, 1, 1, 5))] = bytes(
                [rng.choice((0, 10, 34, 44, 91, 123, 255, rng.randrange(256)))]
            )
        path.write_bytes(broken)
        outcomes[outcome(kind, root)] += 1
    assert set(outcomes) == {1, "refused"}, outcomes


@pytest.mark.slow
@pytest.mark.parametrize("kind", [k for k in KINDS if k not in ("emonet-face", "wide", "cvat")])
def test_json_of_any_other_shape_is_refused_or_accounted_for(kind, made):
    """Members are replaced by values of other types, one at a time."""
    root = made(kind)
    path = next(p for p in root.iterdir() if p.suffix == ".json")
    document = json.loads(path.read_text())
    shapes = (None, 7, -1e400, True, "", "\ud800\0", [], {}, [[]], [{}], {"a": {}}, [None, 1, "x"])
    for place in places(document):
        for shape in shapes:
            path.write_text(json.dumps(replaced(document, place, shape)))
            assert outcome(kind, root) in (1, "refused"), (place, shape)


def outcome(kind: str, root: Path) -> int | str:
    """The number of samples, or that the release is refused as bad data."""
    try:
        return take(kind, root)["samples"]
    except HarnessError as e:
        return "refused" if e.exit_code == 2 else f"exit code {e.exit_code}"


def places(value, path=()):
    """The path of every value in a document."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in items:
        yield from places(part, (*path, key))


def replaced(value, path, new):
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = replaced(value[path[0]], path[1:], new)
    return copy


def test_the_command_knows_every_kind():
    """The registry names importers without loading them."""
    listed = {f.component.name: f.component.summary for f in registry().components("importer")}
    assert {name: kind.summary for name, kind in ALL.items()} == {k: v for k, v in listed.items() if k in ALL}
