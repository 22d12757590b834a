"""Data folders: manifests, class folders, labels, and the stratified sample order."""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path

import pytest
from helpers import data
from hypothesis import given
from hypothesis import strategies as st

from harness import BadData
from harness.datasets import fold_emotion, read_folder, stratified
from harness.types import EMOTIONS

ROWS = [
    {
        "image": "a/1.png",
        "id": "one",
        "emotion": "Happy",
        "intensity": "2.5",
        "quality": "4",
        "subject": "p1",
        "note": " x ",
    },
    {
        "image": "a/2.png",
        "id": "",
        "emotion": "SADNESS",
        "intensity": "",
        "quality": "",
        "subject": "",
        "note": "",
    },
    {
        "image": "a/3.png",
        "id": "three",
        "emotion": "",
        "intensity": "3",
        "quality": "",
        "subject": "p1",
        "note": "y",
    },
]


def parquet(path: Path, rows: list[dict[str, str]]) -> None:
    import pyarrow
    from pyarrow import parquet as pq

    columns = {k: [r[k] or None for r in rows] for k in rows[0]}
    numbers = {k: [None if v is None else float(v) for v in columns[k]] for k in ("intensity", "quality")}
    pq.write_table(pyarrow.table({**columns, **numbers}), path)


@pytest.fixture(params=["csv", "csv with a mark", "jsonl", "parquet"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The same rows in every form of manifest."""
    if request.param == "jsonl":
        (tmp_path / "manifest.jsonl").write_text(
            "\n".join(json.dumps(r) for r in ROWS) + "\n\n", encoding="utf-8"
        )
    elif request.param == "parquet":
        parquet(tmp_path / "manifest.parquet", ROWS)
    else:
        data.manifest(tmp_path, ROWS)
        path = tmp_path / "manifest.csv"
        mark = "\ufeff" if request.param == "csv with a mark" else ""
        path.write_text(mark + path.read_text(encoding="utf-8"), encoding="utf-8")
    return tmp_path


def test_manifests(folder: Path) -> None:
    one, two, three = read_folder(folder).samples
    assert (one.id, one.path, one.emotion, one.intensity, one.quality) == (
        "one",
        "a/1.png",
        "happy",
        2.5,
        4.0,
    )
    assert dict(one.attributes) == {"subject": "p1", "note": "x"}
    assert (two.id, two.emotion, two.intensity, two.quality, dict(two.attributes)) == (
        "a/2",
        "sad",
        None,
        None,
        {},
    )
    assert (three.emotion, three.intensity, three.problem) == (None, 3.0, None)


def test_names_and_digests(folder: Path) -> None:
    first = read_folder(folder)
    assert first.name == folder.name
    assert read_folder(folder, "other").digest == first.digest
    assert len(first.digest) == 64


def test_the_digest_follows_the_labels(tmp_path: Path) -> None:
    data.manifest(tmp_path, ROWS)
    digests = {read_folder(tmp_path).digest}
    for column, value in [
        ("emotion", "angry"),
        ("intensity", "1"),
        ("subject", "p2"),
        ("image", "b.png"),
        ("id", "uno"),
    ]:
        data.manifest(tmp_path, [{**ROWS[0], column: value}, *ROWS[1:]])
        digests.add(read_folder(tmp_path).digest)
    assert len(digests) == 6


def test_class_folders(tmp_path: Path) -> None:
    for name in (
        "Happy/1.png",
        "Happy/2.JPG",
        "anger/x.webp",
        "anger/x.png",
        "Surprised/.hidden.png",
        "fear/1.png",
        "notes/a.txt",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "Happy" / "list.txt").touch()
    found = read_folder(tmp_path)
    assert [(s.id, s.path, s.emotion) for s in found.samples] == [
        ("Happy/1", "Happy/1.png", "happy"),
        ("Happy/2", "Happy/2.JPG", "happy"),
        ("anger/x.png", "anger/x.png", "angry"),
        ("anger/x.webp", "anger/x.webp", "angry"),
    ]
    other, fear = found.notes
    assert "1 entries of 'Happy'" in other
    assert "'list.txt'" in other
    assert "'fear' (1 pictures)" in fear


def test_pictures_without_a_label_are_reported(tmp_path: Path) -> None:
    (tmp_path / "loose.png").touch()
    with pytest.raises(BadData, match="1 pictures without labels"):
        read_folder(tmp_path)
    data.picture(tmp_path / "happy" / "1.png")
    (note,) = read_folder(tmp_path).notes
    assert "'loose.png'" in note


def test_a_manifest_comes_before_class_folders(tmp_path: Path) -> None:
    data.make(tmp_path, 6)
    data.picture(tmp_path / "happy" / "1.png")
    assert len(read_folder(tmp_path).samples) == 6


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_emotions_fold_to_themselves(emotion: str) -> None:
    assert {fold_emotion(w) for w in (emotion, emotion.upper(), f" {emotion.title()} ")} == {emotion}


SYNONYMS = {"Anger": "angry", "sadness": "sad", "HAPPINESS": "happy", "surprised": "surprise", "worried": "worry",
            "anxious": "worry", "no emotion": "neutral", "no-emotion": "neutral"}  # fmt: skip


@pytest.mark.parametrize(("label", "emotion"), SYNONYMS.items())
def test_synonyms_fold(label: str, emotion: str) -> None:
    assert fold_emotion(label) == emotion


@pytest.mark.parametrize(
    "label", ["fear", "disgust", "contempt", "fearful", "", "happy sad", "3", "un happy"]
)
def test_labels_outside_the_six_are_not_folded(label: str) -> None:
    assert fold_emotion(label) is None


@pytest.mark.parametrize("name", ["missing", "file"])
def test_missing_folders_are_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BadData, match=r"does not exist|is not a folder"):
        read_folder(tmp_path / name)


@pytest.mark.slow
def test_large_manifests_stay_small_in_memory(tmp_path: Path) -> None:
    import tracemalloc

    lines = (f"faces/{i:06}.png,happy,3,p{i % 50},m{i % 12}\n" for i in range(10_000))
    (tmp_path / "manifest.csv").write_text("image,emotion,intensity,subject,generator\n" + "".join(lines))
    tracemalloc.start()
    found = read_folder(tmp_path)
    used = tracemalloc.get_traced_memory()[0] / len(found.samples)
    tracemalloc.stop()
    assert used < 800, "bytes for each sample"


keys = st.lists(
    st.tuples(st.text(min_size=1, max_size=8), st.sampled_from("abc")), unique_by=lambda p: p[0], max_size=60
)


def order(items: list[tuple[str, str]], seed: int) -> list[tuple[str, str]]:
    return stratified(items, key=lambda p: p[0], stratum=lambda p: p[1], seed=seed)


@pytest.mark.slow
@given(keys, st.integers(0, 5), st.randoms(use_true_random=False))
def test_the_order_does_not_depend_on_the_input_order(items, seed, random) -> None:  # type: ignore[no-untyped-def]
    shuffled = random.sample(items, len(items))
    assert order(items, seed) == order(shuffled, seed)
    assert sorted(order(items, seed)) == sorted(items)


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 5))
def test_every_prefix_is_proportional(a: int, b: int, seed: int) -> None:
    items = [(f"a{i}", "a") for i in range(a)] + [(f"b{i}", "b") for i in range(b)]
    taken = order(items, seed)
    for n in range(len(items) + 1):
        counts = Counter(stratum for _, stratum in taken[:n])
        for stratum, size in (("a", a), ("b", b)):
            assert abs(counts[stratum] - n * size / len(items)) <= 1.0


def test_matched_sets_stay_together() -> None:
    items = [(f"{stratum}{i}", stratum, f"set {i}") for stratum in "abc" for i in range(20)]
    taken = stratified(items, key=lambda p: p[0], stratum=lambda p: p[1], seed=1, matched=lambda p: p[2])
    for n in range(0, 60, 3):
        assert [*Counter(together for _, _, together in taken[:n]).values()] == [3] * (n // 3)
    shuffled = random.Random(3).sample(items, len(items))
    assert taken == stratified(
        shuffled, key=lambda p: p[0], stratum=lambda p: p[1], seed=1, matched=lambda p: p[2]
    )


def test_the_seed_changes_the_order() -> None:
    items = [(f"k{i}", "a") for i in range(50)]
    assert order(items, 0) != order(items, 1)
