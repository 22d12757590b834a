"""Damages run folders at random, and checks that every command that reads them says what is wrong, and nothing worse.

`python tests/faults/damage.py [COUNT] [SEED]` damages COUNT folders, says how many held, and ends with 1 if one did not.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from helpers import data

from harness.cli.main import _guarded

LONGEST = 20.0
"""Seconds that a command may take: far more than any needs here, so that only a hang is one."""
ALLOWED = {0, 2, 3}
GATE = {0, 1, 2, 3, 4}
OUTSIDE = "outside"
"""A folder beside the runs, which no command may touch."""

ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 3, 1.5, -0.0, 10**18, 2**63, 10**30, 10**400, 1e308, -1e308, 5e-324, float("nan"),
    float("inf"), "", "x", "x" * 5000, "happy", "\ud800", "\x1b[31mred\x07", "../../outside/file", "/etc/passwd", "\0", "1e999",
    "=1+1", "99999999999999999999", [], {}, [None], [[]], {"": None}, ["a", "a"], [1, 2, 3], {"a": {"b": [1]}},
    ["x"] * 2000, {str(n): n for n in range(500)},
)  # fmt: skip


@dataclass
class Workshop:
    """Whole runs of each kind, and the commands that made them."""

    root: Path
    runs: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def make(cls, root: Path) -> Workshop:
        """Make the runs below `root`, which becomes the working directory."""
        os.chdir(root)
        made = cls(root)
        (root / OUTSIDE).mkdir()
        (root / OUTSIDE / "file").write_text('{"id": "1"}\n')
        data.make(root / "faces", 12)
        judge = ["run", "--model", "echo", "-o", "accuracy=0.7", "--data", "faces", "--repeats", "2"]
        made.run("judge", *judge, "--task", "coarse_emotion,fine_intensity")
        made.run("limited", *judge, "--task", "nuance_confusable", "--limit", "7")
        made.run("scored", "run", "--model", "fer", "--data", "faces", "--task", "coarse_emotion")
        made.run("failing", *judge, "--task", "coarse_emotion", "-o", "fail_every=3")
        two = ["--judge", "echo", "--judge", "fer"]
        made.run(
            "generator",
            "run",
            "--task",
            "t2i_emotion",
            "--model",
            "echo",
            "-o",
            "size=64",
            *two,
            "--limit",
            "4",
        )
        made.run(
            "drawn",
            "generate",
            "--prompts",
            "emotion_600",
            "--model",
            "echo",
            "-o",
            "size=64",
            "--limit",
            "4",
        )
        call("gate", "--bless", "runs/judge", "--baseline", "runs/baseline").expect(0)
        made.runs["baseline"] = []
        shutil.copytree(root / "runs", root / "whole")
        return made

    def run(self, name: str, *arguments: str) -> None:
        command = [*arguments, "--out", f"runs/{name}"]
        call(*command).expect(0, 3)
        self.runs[name] = command

    def commands(self, name: str) -> Iterator[tuple[list[str], set[int]]]:
        """The commands that read the run of this name, with the exit codes that they may end with."""
        run = f"runs/{name}"
        if name == "baseline":
            yield ["gate", "--baseline", run, "whole/judge"], GATE
            yield ["gate", "--self-test", "--baseline", run], GATE
        else:
            yield ["gate", "--baseline", "whole/baseline", run], GATE
            yield ["gate", "--bless", run, "--baseline", "runs/blessed"], ALLOWED
        yield ["list", "runs"], ALLOWED
        yield ["list", "runs", "--json"], ALLOWED
        yield ["verify", run], ALLOWED
        yield ["verify", run, "--json"], ALLOWED
        yield ["show", run], ALLOWED
        yield ["show", run, "--full"], ALLOWED
        yield ["show", run, "--json"], ALLOWED
        yield ["show", run, "--samples"], ALLOWED
        yield ["show", run, "--samples", "--failed", "--json"], ALLOWED
        yield ["compare", run, "whole/judge"], ALLOWED
        yield ["compare", "whole/judge", run, "--format", "markdown"], ALLOWED
        for form in ("csv", "jsonl", "parquet", "every-eval-ever"):
            yield ["export", run, "--format", form, "--out", f"out/{form}", "--force"], ALLOWED
        yield ["export", run, "--format", "csv"], ALLOWED
        yield ["report", run, "whole/judge", "--out", "out/report.html"], ALLOWED
        yield ["leaderboard", "runs"], ALLOWED
        for kind in ("ladder", "confusion", "groups"):
            yield ["plot", run, "--kind", kind, "--out", f"out/{kind}.svg"], ALLOWED
        yield ["cite", run], ALLOWED
        if name == "drawn":
            yield (
                ["run", "--task", "coarse_emotion", "--model", "echo", "--data", run, "--out", "runs/of"],
                ALLOWED,
            )
        if self.runs[name]:
            yield self.runs[name], ALLOWED
        yield ["score", run], ALLOWED
        yield ["score", run, "--group-by", "emotion", "--strict"], ALLOWED
        yield ["show", run], ALLOWED

    def restore(self, name: str) -> None:
        """Put the whole runs back."""
        shutil.rmtree("runs", ignore_errors=True)
        shutil.rmtree("out", ignore_errors=True)
        os.makedirs("out")
        shutil.copytree(self.root / "whole" / name, self.root / "runs" / name)

    def outside(self) -> str:
        """A digest of everything that no command may change."""
        digest = hashlib.sha256()
        for folder in (OUTSIDE, "whole", "faces"):
            for path in sorted((self.root / folder).rglob("*")):
                digest.update(f"{path}{path.stat().st_mode}".encode())
                if path.is_file() and path.name != ".lock":  # A lock says who held it last.
                    digest.update(path.read_bytes())
        return digest.hexdigest()


@dataclass(frozen=True)
class Called:
    """What a command printed, and how it ended."""

    arguments: tuple[str, ...]
    code: int
    out: str
    seconds: float

    def expect(self, *codes: int) -> None:
        """Raise AssertionError if it ended otherwise."""
        assert self.code in codes, f"exit {self.code}: harness {' '.join(self.arguments)}\n{self.out}"


class Hang(BaseException):
    """A command took too long."""


def call(*arguments: str) -> Called:
    """Run the command in this process. A command that takes longer than `LONGEST` counts as exit code 124."""
    stream = io.TextIOWrapper(io.BytesIO(), "utf-8", "backslashreplace", write_through=True)

    def too_long(number: int, frame: object) -> None:
        raise Hang

    before = signal.signal(signal.SIGALRM, too_long)
    signal.setitimer(signal.ITIMER_REAL, LONGEST)
    start = time.monotonic()
    try:
        with contextlib.redirect_stdout(stream), contextlib.redirect_stderr(stream):
            code = _guarded(list(arguments), True)
    except Hang:
        code = 124
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    stream.flush()
    printed = stream.buffer.getvalue().decode("utf-8", "replace")  # type: ignore[attr-defined]
    if "Hang" in printed and code == 70:
        code = 124
    return Called(arguments, int(code), printed, time.monotonic() - start)


# What is done to a folder ---------------------------------------------------------------------------------------------


def damage(folder: Path, rng: random.Random) -> str:
    """Damage one or two files of a run folder; returns what was done."""
    done = []
    for _ in range(rng.choice((1, 1, 1, 2))):
        files = sorted(p for p in folder.rglob("*") if p.is_file() and not p.is_symlink())
        likely = [p for p in files if p.suffix in (".json", ".jsonl", ".gz", ".csv")]
        path = rng.choice(likely if likely and rng.random() < 0.9 else files)
        change = rng.choices((_edited, _bytes, _replaced), (6, 2, 1))[0]
        done.append(f"{path.relative_to(folder)}: {change(path, rng)}")
    return "; ".join(done)


def _edited(path: Path, rng: random.Random) -> str:
    """Change one value of a JSON document, or of a line."""
    if path.suffix == ".gz":
        import gzip

        text = gzip.decompress(path.read_bytes()).decode()
        new, what = _edit_lines(text, rng)
        path.write_bytes(gzip.compress(new.encode("utf-8", "surrogatepass")))
        return what
    if path.suffix not in (".json", ".jsonl"):
        return _bytes(path, rng)
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
    except ValueError:
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


def _bytes(path: Path, rng: random.Random) -> str:
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


def _replaced(path: Path, rng: random.Random) -> str:
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


# The check --------------------------------------------------------------------------------------------------------------


@dataclass
class Tried:
    """One damaged folder, and what went wrong with it."""

    name: str
    seed: int
    what: str
    wrong: list[str]


def try_one(workshop: Workshop, seed: int) -> Tried:
    """Damage one folder and run every command on it."""
    rng = random.Random(seed)
    name = rng.choice(sorted(workshop.runs))
    workshop.restore(name)
    what = damage(Path("runs") / name, rng)
    tried = Tried(name, seed, what, [])
    before = workshop.outside()
    for arguments, codes in workshop.commands(name):
        called = call(*arguments)
        shown = f"harness {' '.join(arguments)}: exit {called.code}"
        if called.code not in codes:
            tried.wrong.append(f"{shown}\n{called.out[-3000:]}")
        if called.code and not called.out.strip():
            tried.wrong.append(f"{shown}: it says nothing")
        if workshop.outside() != before:
            tried.wrong.append(f"{shown}: it wrote outside of its folder")
            before = workshop.outside()
    return tried


def main(count: int, seed: int) -> int:
    """Damage `count` folders, print those that did not hold, and how many did."""
    with tempfile.TemporaryDirectory() as root:
        for variable in ("XDG_CACHE_HOME", "XDG_DATA_HOME"):
            os.environ[variable] = str(Path(root) / variable.lower())
        workshop = Workshop.make(Path(root))
        held, start = 0, time.monotonic()
        for number in range(count):
            tried = try_one(workshop, seed * 1_000_000 + number)
            held += not tried.wrong
            for wrong in tried.wrong:
                print(f"{tried.name}, seed {tried.seed}: {tried.what}\n{wrong}\n", flush=True)
        os.chdir("/")
    print(f"damaged run folders: {held} of {count} held, seed {seed}, {time.monotonic() - start:.0f} s")
    return int(held < count)


if __name__ == "__main__":
    sys.exit(main(int((sys.argv[1:] or ["100"])[0]), int((sys.argv[2:] or ["1"])[0])))
