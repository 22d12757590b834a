"""Incomplete checkpoints are found from headers and index files alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from harness.errors import RequestError
from harness.hub import Resolved, check_files, stored_tensors

TENSORS = {"a.weight": (2, 3), "b.weight": (4,), "c.weight": (1,)}


def write(file: Path, tensors: Mapping[str, tuple[int, ...]]) -> Path:
    """A safetensors file of float32 zeros."""
    header, end = {}, 0
    for name, shape in tensors.items():
        size = 4
        for side in shape:
            size *= side
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(header | {"__metadata__": {"format": "pt"}}).encode()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(len(text).to_bytes(8, "little") + text + bytes(end))
    return file


def sharded(folder: Path, index: bool = True) -> list[Path]:
    """One tensor in each of three shards."""
    shards = [
        write(folder / f"model-{n:05}-of-00003.safetensors", {name: shape})
        for n, (name, shape) in enumerate(TENSORS.items(), 1)
    ]
    if index:
        places = dict(zip(TENSORS, (shard.name for shard in shards), strict=True))
        (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": places}))
    return shards


def check(folder: Path, *expected: str) -> None:
    """Without `expected`, the folder must pass; otherwise the error must contain it."""
    model = Resolved("local", "my-model", folder)
    if not expected:
        assert check_files(model) is model
        return
    with pytest.raises(RequestError) as caught:
        check_files(model)
    assert caught.value.hint == "Download the model again."
    for text in ("'my-model' are incomplete", *expected):
        assert text in caught.value.message


def test_complete_checkpoints(tmp_path: Path) -> None:
    check(tmp_path)
    check_files(Resolved("hub", "org/name", None))
    write(tmp_path / "one" / "model.safetensors", TENSORS)
    sharded(tmp_path / "many")
    sharded(tmp_path / "bare", index=False)
    for name in ("one", "many", "bare"):
        check(tmp_path / name)
        assert {n: t.shape for n, t in stored_tensors(tmp_path / name).items()} == TENSORS


@pytest.mark.parametrize("index", [True, False])
def test_missing_shards(index: bool, tmp_path: Path) -> None:
    _, second, third = sharded(tmp_path, index)
    second.unlink()
    check(tmp_path, f"it lacks {second.name}")
    third.unlink()
    check(tmp_path, second.name, third.name)
    assert stored_tensors(tmp_path) == {}


@pytest.mark.parametrize("kept", [0, 7, 8, 60, -1])
def test_truncated_files(kept: int, tmp_path: Path) -> None:
    file = write(tmp_path / "one" / "model.safetensors", TENSORS)
    file.write_bytes(file.read_bytes()[:kept])
    check(file.parent, "model.safetensors is truncated")
    shard = sharded(tmp_path / "many")[2]
    shard.write_bytes(shard.read_bytes()[:kept])
    check(shard.parent, f"{shard.name} is truncated")


@pytest.mark.parametrize("header", [b"{" * 20, b"[]", b'{"a": 1}', b'{"a": {"dtype": "F32"}}', b"\xff" * 10])
def test_damaged_headers(header: bytes, tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header)
    check(tmp_path, "model.safetensors is damaged")


def test_files_that_are_not_safetensors(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_text("<html>Not found, but long enough to have a length</html>")
    check(tmp_path, "model.safetensors is truncated or damaged")


def test_tensors_that_only_the_index_has(tmp_path: Path) -> None:
    shard = sharded(tmp_path)[1]
    write(shard, {})
    check(tmp_path, "b.weight", "model.safetensors.index.json")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"weight_map": 3}'])
def test_an_unreadable_index(text: str, tmp_path: Path) -> None:
    sharded(tmp_path)
    (tmp_path / "model.safetensors.index.json").write_text(text)
    check(tmp_path, "model.safetensors.index.json cannot be read")


def test_one_complete_checkpoint_of_several_is_enough(tmp_path: Path) -> None:
    """An index may remain from other files, and Mistral's models are stored twice."""
    for shard in sharded(tmp_path):
        shard.unlink()
    write(tmp_path / "extra.safetensors", TENSORS)
    check(tmp_path, "it lacks model-00001")
    write(tmp_path / "consolidated.safetensors", TENSORS)
    check(tmp_path)
    assert stored_tensors(tmp_path) == {}, "engines map these names differently"
    write(tmp_path / "model.safetensors", TENSORS)
    check(tmp_path)
    assert set(stored_tensors(tmp_path)) == set(TENSORS)


def test_folders_that_engines_do_not_read(tmp_path: Path) -> None:
    write(tmp_path / "model.safetensors", TENSORS)
    sharded(tmp_path / "checkpoint-500")[0].unlink()
    check(tmp_path)


@pytest.mark.parametrize("half", ["lora_A", "lora_B"])
def test_halves_of_an_adapter(half: str, tmp_path: Path) -> None:
    names = [f"base.layers.{n}.q_proj.{part}.weight" for n in (0, 1) for part in ("lora_A", "lora_B")]
    write(tmp_path / "adapter_model.safetensors", dict.fromkeys(names, (2, 2)))
    check(tmp_path)
    lost = f"base.layers.1.q_proj.{half}.weight"
    write(tmp_path / "adapter_model.safetensors", {name: (2, 2) for name in names if name != lost})
    check(tmp_path, f"it lacks {lost}")
