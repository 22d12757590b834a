"""Damages the files of a run folder at random: what an editor, a disk or somebody else may do to them."""

from __future__ import annotations

import gzip
import json
import os
import random
import shutil
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

OUTSIDE = "outside"
"""A folder of the working directory, which no command may touch."""

ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 3, 1.5, -0.0, 10**18, 2**63, 10**30, 10**400, 1e308, -1e308, 5e-324, float("nan"),
    float("inf"), "", "x", "x" * 5000, "happy", "\ud800", "\x1b[31mred\x07", "../../outside/file", "/etc/passwd", "\0", "1e999",
    "=1+1", "99999999999999999999", [], {}, [None], [[]], {"": None}, ["a", "a"], [1, 2, 3], {"a": {"b": [1]}},
    ["x"] * 2000, {str(n): n for n in range(500)},
)  # fmt: skip


def damage(folder: Path, rng: random.Random) -> str:
    """Damage one or two files of a run folder; returns what was done."""
    done = []
    for _ in range(rng.choice((1, 1, 1, 2))):
        files = sorted(p for p in folder.rglob("*") if p.is_file() and not p.is_symlink())
        likely = [p for p in files if p.suffix in (".json", ".jsonl", ".gz", ".csv")]
        path = rng.choice(likely if likely and rng.random() < 0.9 else files)
        change = rng.choices((edit_json, change_bytes, replace_file), (6, 2, 1))[0]
        done.append(f"{path.relative_to(folder)}: {change(path, rng)}")
    return "; ".join(done)


def edit_json(path: Path, rng: random.Random) -> str:
    """Change one value of a JSON document, or of a line."""
    if path.suffix == ".gz":
        try:
            text = gzip.decompress(path.read_bytes()).decode()
        except (OSError, EOFError, ValueError, zlib.error):  # Damaged before.
            return change_bytes(path, rng)
        new, what = _edit_lines(text, rng)
        path.write_bytes(gzip.compress(new.encode("utf-8", "surrogatepass")))
        return what
    if path.suffix not in (".json", ".jsonl"):
        return change_bytes(path, rng)
    text = path.read_text(encoding="utf-8", errors="surrogateescape")
    new, what = (_edit_lines if path.suffix == ".jsonl" else _edit_document)(text, rng)
    path.write_bytes(new.encode("utf-8", "surrogatepass"))
    return what


def _edit_lines(text: str, rng: random.Random) -> tuple[str, str]:
    lines = text.splitlines(keepends=True)
    if not lines:
        odd = json.dumps(rng.choice(ODD))
        return f"{odd}\n", f"a line {odd[:60]}"
    at = rng.randrange(len(lines))
    lines[at], what = _edit_document(lines[at], rng)
    lines[at] = lines[at].rstrip("\n") + "\n"
    return "".join(lines), f"line {at + 1}: {what}"


def _edit_document(text: str, rng: random.Random) -> tuple[str, str]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):  # Damaged before.
        return text[: len(text) // 2], "cut in two"
    places = list(_places(document))
    if not places or rng.random() < 0.05:
        odd = json.dumps(rng.choice(ODD))
        return odd, f"all of it is {odd[:60]}"
    holder, key = rng.choice(places)
    where = f"{key!r:.60}"
    what = rng.choice(("odd", "odd", "odd", "drop", "rename", "add", "swap", "deep", "digits", "twice"))
    if what == "odd":
        holder[key] = rng.choice(ODD)
        what = f"{where} = {json.dumps(holder[key])[:60]}"
    elif what == "drop":
        del holder[key]
        what = f"{where} dropped"
    elif what == "swap":
        other, place = rng.choice(places)
        holder[key] = json.loads(json.dumps(other[place]))
        what = f"{where} = the value of {place!r:.60}"
    elif what in ("rename", "add") and isinstance(holder, dict):
        holder[rng.choice(("x", "", "\x1b[2J", str(key).upper()))] = holder[key]
        if what == "rename":
            del holder[key]
        what = f"{where} {what}"
    elif what == "twice" and isinstance(holder, list):
        holder.append(holder[key])
        what = f"{where} twice"
    else:
        mark = "M" * 20
        holder[key] = mark
        raw = rng.choice(
            ("[" * 150 + "]" * 150, "[" * 100_000, "9" * 10_000, "-" + "9" * 400, "1e999", "NaN", "-Infinity")
        )
        return json.dumps(document).replace(f'"{mark}"', raw), f"{where} = {raw[:20]}"
    return json.dumps(document), what


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place of a JSON value, as its holder and its key or index."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in list(items):
        yield value, key
        yield from _places(inner)


def change_bytes(path: Path, rng: random.Random) -> str:
    """Change the bytes of a file, whatever it holds."""
    old = path.read_bytes()
    at = rng.randrange(len(old) + 1)
    lines = old.splitlines(keepends=True) or [b""]
    one = rng.randrange(len(lines))
    changes: dict[str, Callable[[], bytes]] = {
        "cut": lambda: old[:at],
        "empty": lambda: b"",
        "binary": lambda: old[:at] + rng.randbytes(50) + old[at:],
        "zeros": lambda: old[:at] + bytes(4096) + old[at:],
        "only zeros": lambda: bytes(len(old)),
        "flipped": lambda: (
            old[:at] + bytes(b ^ (1 << rng.randrange(8)) for b in old[at : at + 3]) + old[at + 3 :]
        ),
        "UTF-16": lambda: old.decode("utf-8", "replace").encode("utf-16"),
        "byte order mark": lambda: b"\xef\xbb\xbf" + old,
        "CRLF": lambda: old.replace(b"\n", b"\r\n"),
        "a line dropped": lambda: b"".join(lines[:one] + lines[one + 1 :]),
        "a line twice": lambda: b"".join([*lines[: one + 1], *lines[one:]]),
        "lines shuffled": lambda: b"".join(rng.sample(lines, len(lines))),
        "an empty line": lambda: b"".join([*lines[:one], b"\n", *lines[one:]]),
        "a long line": lambda: old + b'{"id":"' + b"x" * 3_000_000 + b'"}\n',
        "a nested line": lambda: old + b'{"id":' + b"[" * 100_000 + b"\n",
        "a foreign line": lambda: (
            old
            + b'{"id":"00","role":"judge","task":"t","by":"b","data":"d","sample_id":"s","wording":"w","repeat":0,"picture":null}\n'
        ),
        "twice": lambda: old + old,
    }
    name = rng.choice(list(changes))
    path.write_bytes(changes[name]())
    return name


def replace_file(path: Path, rng: random.Random) -> str:
    """Put something else in place of a file, or of the folder that it is in."""
    outside = Path.cwd() / OUTSIDE
    what = rng.choice(
        (
            "pipe",
            "folder",
            "link",
            "dangling link",
            "device",
            "own link",
            "gone",
            "hard link",
            "linked folder",
            "sparse",
        )
    )
    if what == "linked folder":
        if path.parent.name in ("images", "thumbnails"):
            shutil.rmtree(path.parent)
            path.parent.symlink_to(outside)
            return what
        (path.parent / "previous").symlink_to(outside)
        return "previous is a link"
    os.unlink(path)
    if what == "pipe":
        os.mkfifo(path)
    elif what == "folder":
        path.mkdir()
        (path / "x").touch()
    elif what == "link":
        path.symlink_to(outside / "file")
    elif what == "dangling link":
        path.symlink_to(outside / "new")
    elif what == "device":
        path.symlink_to("/dev/zero")
    elif what == "own link":
        path.symlink_to(path.name)
    elif what == "hard link":
        os.link(outside / "file", path)
    elif what == "sparse":
        with path.open("wb") as file:
            file.truncate(3 * 2**30)
    return what
