"""Finds incomplete safetensors checkpoints from their headers and index files, without reading tensors.

Engines differ in what they do with them: some fail late with an obscure message, some run on uninitialised memory.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import RequestError
from harness.hub.references import Resolved

INDEX = ".safetensors.index.json"
_SHARD = re.compile(r"(?P<stem>.+)-(?P<number>\d{5})-of-(?P<count>\d{5})\.safetensors")
_LENGTH = 8
"""Bytes of the header's length, at the beginning of a file."""
_LONGEST = 100 * 2**20
"""The longest header that the format allows."""


@dataclass(frozen=True, slots=True)
class TensorHeader:
    """Data type (as safetensors spells it) and shape of a stored tensor."""

    dtype: str
    shape: tuple[int, ...]


class _Incomplete(Exception):
    """What a set of files lacks."""


@dataclass(frozen=True, slots=True)
class _Files:
    """Files that are a checkpoint together: one file, or shards with the index that names them, if there is one."""

    stem: str
    names: tuple[str, ...]
    index: str = ""


def check_files(model: Resolved) -> Resolved:
    """Return `model`, or raise `RequestError` if the checkpoint in its folder is incomplete.

    Shards may be missing, files may be truncated or lack tensors that the index names, and adapters may lack halves of
    their tensors. A folder with several checkpoints needs one that is complete; one without safetensors files passes,
    as does a model that has not been downloaded yet.
    """
    folder, problems = model.path, []
    if folder is None:
        return model
    for files in _checkpoints(folder):
        try:
            _read(folder, files)
        except _Incomplete as e:
            problems.append(str(e))
        else:
            return model
    if problems:
        raise RequestError(
            f"The weights of {model.ref!r} are incomplete: {problems[0]}.", "Download the model again."
        )
    return model


def stored_tensors(folder: Path) -> dict[str, TensorHeader]:
    """The tensors of the checkpoint in `folder` by name; {} if it has other file names than transformers gives it."""
    for files in _checkpoints(folder):
        try:
            if files.stem == "model":
                return _read(folder, files)
        except _Incomplete:
            continue
    return {}


def _checkpoints(folder: Path) -> list[_Files]:
    """The checkpoints in a folder, the one that engines prefer first."""
    indexed: set[str] = set()
    sharded = []
    for index in sorted(p.name for p in folder.glob(f"*{INDEX}")):
        try:
            names = tuple(sorted(set(_weight_map(folder / index).values())))
        except _Incomplete:
            names = ()
        indexed.update(names)
        sharded.append(_Files(index.partition(".")[0], names, index))
    single, numbered = [], set()
    for name in sorted(p.name for p in folder.glob("*.safetensors")):
        match = _SHARD.fullmatch(name)
        if match is None and name not in indexed:
            single.append(_Files(name.partition(".")[0], (name,)))
        elif match and name not in indexed and not (folder / f"{match['stem']}{INDEX}").exists():
            numbered.add((match["stem"], int(match["count"])))
    for stem, count in sorted(numbered):
        names = tuple(f"{stem}-{number:05}-of-{count:05}.safetensors" for number in range(1, count + 1))
        sharded.append(_Files(stem.partition(".")[0], names))
    stems = {files.stem for files in (*sharded, *single) if files in sharded or files.stem == "model"}
    # Beside a named checkpoint, other files are additions; only `consolidated` is one of its own (Mistral).
    single = [files for files in single if not stems or files.stem in (*stems, "consolidated")]
    return single + sharded


def _read(folder: Path, files: _Files) -> dict[str, TensorHeader]:
    """The tensors of a checkpoint. Raises `_Incomplete`."""
    missing = [name for name in files.names if not (folder / name).is_file()]
    if missing:
        raise _Incomplete(f"it lacks {_listed(missing, 'files')}")
    found = {name: _header(folder / name) for name in files.names}
    if files.index:
        named = _weight_map(folder / files.index)
        lacking = [tensor for tensor, name in named.items() if tensor not in found[name]]
        if lacking:
            raise _Incomplete(f"its files lack {_listed(lacking, 'tensors')} that {files.index} names")
    tensors = {name: tensor for header in found.values() for name, tensor in header.items()}
    for half, other in ((".lora_A.", ".lora_B."), (".lora_B.", ".lora_A.")):
        lacking = [
            n for n in (name.replace(half, other) for name in tensors if half in name) if n not in tensors
        ]
        if lacking:
            raise _Incomplete(f"it lacks {_listed(lacking, 'tensors')}")
    return tensors


def _weight_map(index: Path) -> Mapping[str, str]:
    """The file of each tensor. Raises `_Incomplete` if the index cannot be read."""
    try:
        return {
            str(tensor): str(name) for tensor, name in json.loads(index.read_bytes())["weight_map"].items()
        }
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as e:
        raise _Incomplete(f"{index.name} cannot be read") from e


def _header(file: Path) -> dict[str, TensorHeader]:
    """The tensors of a safetensors file. Raises `_Incomplete` if the file is truncated or damaged."""
    size = file.stat().st_size
    with file.open("rb") as stream:
        length = int.from_bytes(stream.read(_LENGTH), "little")
        if size < _LENGTH or length > min(_LONGEST, size - _LENGTH):
            raise _Incomplete(f"{file.name} is truncated or damaged ({size:,} bytes)")
        try:
            header: dict[str, Any] = json.loads(stream.read(length))
            header.pop("__metadata__", None)
            tensors = {
                n: TensorHeader(str(t["dtype"]), tuple(map(int, t["shape"]))) for n, t in header.items()
            }
            end = max((int(t["data_offsets"][1]) for t in header.values()), default=0)
        except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError) as e:
            raise _Incomplete(f"{file.name} is damaged: its header cannot be read") from e
    expected = _LENGTH + length + end
    if size < expected:
        raise _Incomplete(f"{file.name} is truncated: it has {size:,} bytes of {expected:,}")
    return tensors


def _listed(names: Collection[str], noun: str) -> str:
    """The first names, and how many more there are."""
    shown = sorted(names)[:3]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more} more {noun}" if more else "")
