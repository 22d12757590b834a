"""Packs columns for the page: typed arrays and lists of texts in one gzip stream, written as base64.

Layout of the stream: 4 bytes, the length of the header (little-endian); the header, JSON padded with spaces to a multiple
of 8; then the blocks, each padded to a multiple of 8, so that a browser reads numbers in place. The header gives
`tables` (name -> `{"rows": n, "columns": {name: column}}`) and `meta` (anything). A column is one of

    {"kind": "codes", "type": T, "at": A, "values": V}   codes of texts; V is the block of the texts
    {"kind": "numbers", "type": T, "at": A, "scale": S}  integers times S; the smallest value of T stands for no value
    {"kind": "constant", "value": X}                     the same in all rows

with T one of u8, u16, u32, i16, i32, A an offset into the blocks. "delta": true says that differences of neighbours are
stored. A block of texts is `{"at": A, "bytes": N}`, a JSON list.
"""

from __future__ import annotations

import base64
import gzip
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

_TYPES: dict[str, Any] = {"u8": "<u1", "u16": "<u2", "u32": "<u4", "i16": "<i2", "i32": "<i4"}
NONE_OF = {"i16": -(2**15), "i32": -(2**31)}


class Codes:
    """A column of texts in which many are alike."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        self._known: dict[str, int] = {}
        self.values: list[str] = []
        """The distinct texts, by code."""
        self.codes: list[int] = []
        for value in values:
            self.add(value)

    def add(self, value: str) -> None:
        """Append a text."""
        code = self._known.get(value)
        if code is None:
            code = self._known[value] = len(self.values)
            self.values.append(value)
        self.codes.append(code)

    def __len__(self) -> int:
        return len(self.codes)

    def __getitem__(self, row: int) -> str:
        return self.values[self.codes[row]]

    def __iter__(self) -> Iterator[str]:
        return (self.values[code] for code in self.codes)

    def put(self, row: int, value: str) -> None:
        """Replace the text of a row."""
        self.add(value)
        self.codes[row] = self.codes.pop()

    def cut(self, limit: int) -> Codes:
        """The same column with each text at most `limit` characters long, and how many more it had in brackets."""
        if all(len(value) <= limit for value in self.values):
            return self
        shorter = [shortened(value, limit) for value in self.values]
        return Codes(shorter[code] for code in self.codes)

    def select(self, rows: Iterable[int]) -> Codes:
        """These rows alone."""
        return Codes(self[row] for row in rows)


def shortened(text: str, limit: int) -> str:
    """The first `limit` characters, and how many more there are."""
    return text if len(text) <= limit else f"{text[:limit]} [{len(text) - limit:,} more characters]"


@dataclass
class Numbers:
    """A column of numbers, stored as integers: value = integer * `scale`. None where there is no value."""

    values: list[float | None] = field(default_factory=list)
    scale: float = 1

    def __len__(self) -> int:
        return len(self.values)


Column = Codes | Numbers


class Packer:
    """Collects blocks and the header that says where each is."""

    def __init__(self) -> None:
        self._blocks = bytearray()
        self._tables: dict[str, Any] = {}

    def add_table(self, name: str, columns: Mapping[str, Column]) -> None:
        """Add a table of columns of one length."""
        lengths = {len(column) for column in columns.values()}
        assert len(lengths) <= 1, f"the columns of {name} differ in length"
        packed = {key: self._column(column) for key, column in columns.items()}
        self._tables[name] = {"rows": max(lengths, default=0), "columns": packed}

    def packed(self, meta: Mapping[str, Any], level: int = 9) -> bytes:
        """The stream, compressed at a level of gzip. Equal input gives equal bytes."""
        header = json.dumps({"meta": meta, "tables": self._tables}, separators=(",", ":")).encode("ascii")
        header += b" " * (-(len(header) + 4) % 8)
        stream = len(header).to_bytes(4, "little") + header + bytes(self._blocks)
        return gzip.compress(stream, level, mtime=0)

    def _column(self, column: Column) -> dict[str, Any]:
        if isinstance(column, Codes):
            if len(column.values) == 1:
                return {"kind": "constant", "value": column.values[0]}
            codes = np.array(column.codes, np.int64)
            return {"kind": "codes", **self._integers(codes), "values": self._texts(column.values)}
        if all(value is None for value in column.values):
            return {"kind": "constant", "value": None}
        return {"kind": "numbers", "scale": column.scale, **self._scaled(column)}

    def _scaled(self, column: Numbers) -> dict[str, Any]:
        found = np.array([math.nan if v is None else v for v in column.values], np.float64) / column.scale
        missing = ~np.isfinite(found)
        if not missing.any() and float(found.min(initial=0)) >= 0:
            return self._integers(np.rint(found).astype(np.int64))
        kind = "i16" if float(np.abs(found[~missing]).max(initial=0)) < 2**15 - 1 else "i32"
        top = -NONE_OF[kind] - 1
        whole = np.rint(np.clip(np.where(missing, 0, found), -top, top)).astype(np.int64)
        return {
            "type": kind,
            "at": self._block(np.where(missing, NONE_OF[kind], whole), kind),
            "empty": NONE_OF[kind],
        }

    def _integers(self, codes: npt.NDArray[np.int64]) -> dict[str, Any]:
        """Codes from 0 in the narrowest type; as differences where these take fewer distinct values."""
        top = int(codes.max(initial=0))
        kind = "u8" if top < 2**8 else "u16" if top < 2**16 else "u32"
        steps = np.diff(codes, prepend=0)
        if kind != "u8" and len(np.unique(steps)) * 4 < len(np.unique(codes)):
            # Differences wrap around in the type, and so do their sums.
            return {
                "type": kind,
                "at": self._block(steps % 2 ** (8 * int(_TYPES[kind][2])), kind),
                "delta": True,
            }
        return {"type": kind, "at": self._block(codes, kind)}

    def _texts(self, values: Sequence[str]) -> dict[str, int]:
        data = json.dumps(values, separators=(",", ":")).encode("ascii")
        return {"at": self._append(data), "bytes": len(data)}

    def _block(self, values: npt.NDArray[np.int64], kind: str) -> int:
        return self._append(values.astype(_TYPES[kind]).tobytes())

    def _append(self, data: bytes) -> int:
        at = len(self._blocks)
        self._blocks += data + b"\0" * (-len(data) % 8)
        return at


def as_text(packed: bytes) -> str:
    """The stream as base64, for an element of the page."""
    return base64.b64encode(packed).decode("ascii")


def unpack(text: str) -> tuple[dict[str, Any], dict[str, dict[str, list[Any]]]]:
    """What the page reads from `as_text`: `meta`, and table -> column -> values."""
    stream = gzip.decompress(base64.b64decode(text))
    size = int.from_bytes(stream[:4], "little")
    header, blocks = json.loads(stream[4 : 4 + size]), stream[4 + size :]
    tables = {
        name: {key: _unpacked(column, table["rows"], blocks) for key, column in table["columns"].items()}
        for name, table in header["tables"].items()
    }
    return header["meta"], tables


def _unpacked(column: Mapping[str, Any], rows: int, blocks: bytes) -> list[Any]:
    if column["kind"] == "constant":
        return [column["value"]] * rows
    kind = _TYPES[column["type"]]
    stored = np.frombuffer(blocks, kind, rows, column["at"])
    numbers = stored.cumsum(dtype=kind) if column.get("delta") else stored
    if column["kind"] == "codes":
        at, size = column["values"]["at"], column["values"]["bytes"]
        texts = json.loads(blocks[at : at + size])
        return [texts[code] for code in numbers]
    empty = column.get("empty")
    return [None if value == empty else int(value) * column["scale"] for value in numbers]


def json_script(document: Any) -> str:
    """JSON for an element of the page: ASCII, and without characters that could end the element."""
    text = json.dumps(document, separators=(",", ":"), sort_keys=True)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
