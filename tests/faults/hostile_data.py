"""Data sets from strangers: releases, manifests, archives and pictures, damaged at random, then imported and run."""

from __future__ import annotations

import csv
import io
import json
import random
import shutil
import stat
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

from faults.calls import ALLOWED, Tried, call
from faults.damage import OUTSIDE, change_bytes, edit_json, replace_file
from helpers import data
from PIL import Image

KINDS = (
    "manifest", "memo-bench", "class-folders", "fer2013", "ferplus", "raf-db", "affectnet", "diffusionfer", "ck+", "kdef", "hf"
)  # fmt: skip
LABELLED = ("manifest", "memo-bench", "class-folders", "diffusionfer", "hf")
"""Kinds whose releases do not say what their labels mean."""
CELLS = (
    "", " ", "x" * 200_000, "9" * 10_000, "-" + "9" * 400, "1e999", "nan", "-inf", "1e-400", "0x10", "\0", "\x1b[2J", "\u202e",
    "../../outside/file", "/etc/passwd", "/dev/zero", "C:\\\\x.png", "http://127.0.0.1/x.png", "file:///etc/passwd", "=1+1", "@x",
    "a/../../../outside/file", "happy,sad", '"', '""', "\n", "\r\n", "1,5", "1;5", "1.000,5", "\u0661", "\uff15", "happy", "\ud7ff",
    "faces/00000.png", ".", "..", "a" * 300 + ".png", "{emotion}", "%s", "True", "null", "1" * 5000 + "." + "2" * 5000,
)  # fmt: skip
RULES = (
    "{emotion}_{id}",
    "{generator}_{emotion}_{prompt_id}",
    "{" * 50,
    "{emotion}{emotion}",
    "(a+)+$",
    "{x}" * 200,
    "",
)


def make(root: Path) -> None:
    """A small release of each kind below `root / "releases"`, and the folder that no command may touch."""
    (root / OUTSIDE).mkdir()
    (root / OUTSIDE / "file").write_text("x")
    here = root / "releases"
    data.make(here / "manifest", 6)
    (here / "manifest" / "ratings.csv").write_text(
        "id,rater,question,value\n"
        + "".join(f"s{n % 6:05},r{n % 3},intensity,{1 + n % 5}\n" for n in range(18))
    )
    pictures = iter(range(1000))

    def picture(path: str) -> None:
        data.picture(here / path, next(pictures))

    def text(path: str, *lines: str) -> None:
        (here / path).parent.mkdir(parents=True, exist_ok=True)
        (here / path).write_text("".join(f"{line}\n" for line in lines))

    emotions = ("happy", "sad", "angry", "surprise", "worry", "neutral")
    names = [f"m{n % 2}_{emotion}_{n}.png" for n, emotion in enumerate(emotions)]
    for emotion, name in zip(emotions, names, strict=True):
        picture(f"memo-bench/dataset/{name}")
        picture(f"class-folders/train/{emotion}/1.png")
    text(
        "memo-bench/annotation_emo.csv",
        "Image,Score,Distortions",
        *(f"{n},3,{e}" for n, e in zip(names, emotions, strict=True)),
    )
    text("memo-bench/annotation_quality.csv", "Image,Quality", *(f"{n},2.5" for n in names))
    pixels = [" ".join(str((n * 7 + i) % 256) for i in range(48 * 48)) for n in range(4)]
    text(
        "fer2013/fer2013.csv",
        "emotion,pixels,Usage",
        *(f"{n + 3},{p},Training" for n, p in enumerate(pixels)),
    )
    shutil.copytree(here / "fer2013", here / "ferplus")
    head = "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"
    text("ferplus/fer2013new.csv", head, *(f"Training,fer{n:07}.png,0,8,1,1,0,0,0,0,0,0" for n in range(4)))
    text("raf-db/EmoLabel/list_patition_label.txt", *(f"train_{n:05}.jpg {1 + n % 7}" for n in range(5)))
    columns = "subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,expression,valence,arousal"
    rows = [f"a/{n}.png,0,0,9,9,1;2,{n},0.5,-0.5" for n in range(5)]
    text("affectnet/training.csv", columns, *rows)
    text("diffusionfer/dataset_sheet.csv", columns, *rows)
    for n in range(5):
        picture(f"raf-db/Image/aligned/train_{n:05}_aligned.jpg")
        picture(f"affectnet/a/{n}.png")
        picture(f"diffusionfer/cropped/a/{n}.png")
        picture(f"ck+/cohn-kanade-images/S005/00{n}/S005_00{n}_00000011.png")
        text(f"ck+/Emotion/S005/00{n}/S005_00{n}_00000011_emotion.txt", f"   {1 + n}.0000000e+00")
        picture(f"kdef/AF0{n + 1}/AF0{n + 1}{('AN', 'HA', 'NE', 'SA', 'SU')[n]}S.JPG")
    call("data", "export", str(here / "manifest"), "--out", str(here / "hf")).expect(0)


def _damaged_table(path: Path, rng: random.Random) -> str:
    """Change cells, rows or columns of a table."""
    raw = path.read_bytes().decode("utf-8", "surrogateescape")
    try:
        lines = csv.reader(io.StringIO(raw)) if path.suffix == ".csv" else map(str.split, raw.splitlines())
        rows = [list(line) for line in lines]
    except csv.Error:  # Damaged before.
        return change_bytes(path, rng)
    rows = rows or [[]]
    line = rng.choice(rows)
    at = rng.randrange(len(line) or 1)
    changes: dict[str, Callable[[], object]] = {
        "a cell": lambda: line.__setitem__(slice(at, at + 1), [rng.choice(CELLS)]),
        "a column": lambda: [row.__setitem__(slice(at, at + 1), [rng.choice(CELLS)]) for row in rows[1:]],
        "no header": lambda: rows.pop(0),
        "another header": lambda: rows[0].__setitem__(slice(at, at + 1), [rng.choice(("id", "image", "", "pixels", "x" * 100_000))]),
        "a row dropped": lambda: rows.remove(line),
        "a row twice": lambda: rows.append(line),
        "a row 20,000 times": lambda: rows.extend([line] * min(20_000, 2_000_000 // (len("".join(line)) + 1))),
        "a column dropped": lambda: [row.__delitem__(slice(at, at + 1)) for row in rows],
        "a column twice": lambda: [row.extend(row[at : at + 1]) for row in rows],
        "20,000 columns": lambda: [row.extend(f"c{n}" for n in range(20_000)) for row in rows],
        "shuffled": lambda: rng.shuffle(rows),
        "a long row": lambda: line.extend(["x"] * 5000),
    }  # fmt: skip
    what = rng.choice(("a cell", "a cell", "a cell", *changes))
    changes[what]()
    out = io.StringIO()
    if path.suffix == ".csv":
        csv.writer(out, delimiter=rng.choice((",", ",", ",", ";", "\t"))).writerows(rows)
    else:
        out.write("".join(" ".join(row) + "\n" for row in rows))
    path.write_bytes(out.getvalue().encode("utf-8", "surrogateescape"))
    return what


def try_release(root: Path, seed: int) -> Tried:
    """Damage a release in one or two places; import it, use what was imported, and run it as a folder."""
    rng = random.Random(seed)
    kind = rng.choice(KINDS)
    folder = root / "mine"
    _fresh(root, kind)
    if kind == "manifest" and rng.random() < 0.4:
        _as_json(folder / "manifest.csv")
    done = []
    for _ in range(rng.choice((1, 1, 2))):
        files = sorted(p for p in folder.rglob("*") if p.is_file() and not p.is_symlink())
        if not files:  # The only one was replaced.
            break
        tables = [p for p in files if p.suffix in (".csv", ".txt", ".parquet", ".jsonl")]
        path = rng.choice(tables if tables and rng.random() < 0.8 else files)
        edit = {".csv": _damaged_table, ".txt": _damaged_table, ".jsonl": edit_json}.get(
            path.suffix, change_bytes
        )
        change = rng.choices((edit, change_bytes, replace_file), (6, 2, 1))[0]
        done.append(f"{path.relative_to(folder)}: {change(path, rng)}")
    tried = Tried(f"{kind}, seed {seed}", "; ".join(done))
    _use(tried, root, kind, folder, rng)
    if kind == "manifest":
        for command in _on_folder(folder):
            tried.command(command, ALLOWED, [root / OUTSIDE])
    return tried


def _as_json(path: Path) -> None:
    """Write a manifest as JSON Lines, with numbers as numbers."""
    with path.open() as file:
        rows = [dict(row) for row in csv.DictReader(file)]
    typed = [{k: float(v) if k == "intensity" and v else v or None for k, v in row.items()} for row in rows]
    path.with_suffix(".jsonl").write_text("".join(json.dumps(row) + "\n" for row in typed))
    path.unlink()


def try_zip(root: Path, seed: int) -> Tried:
    """The same for archives: hostile entries, or bytes changed."""
    rng = random.Random(seed)
    kind = rng.choice(KINDS)
    _fresh(root, kind)
    archive = root / "mine.zip"
    with zipfile.ZipFile(archive, "w", rng.choice((zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED))) as file:
        for path in sorted((root / "mine").rglob("*")):
            file.write(path, str(path.relative_to(root / "mine")))
        what = _hostile_entry(file, rng) if rng.random() < 0.5 else ""
    if not what or rng.random() < 0.3:
        raw = bytearray(archive.read_bytes())
        # The directory is at the end: a byte of it matters more than one of a picture.
        span = len(raw) if rng.random() < 0.5 else min(len(raw), 600)
        for _ in range(rng.choice((1, 2, 8))):
            raw[len(raw) - 1 - rng.randrange(span)] = rng.randrange(256)
        archive.write_bytes(raw)
        what += " bytes changed"
    tried = Tried(f"{kind}.zip, seed {seed}", what.strip())
    _use(tried, root, kind, archive, rng)
    return tried


def _hostile_entry(file: zipfile.ZipFile, rng: random.Random) -> str:
    names = (
        "../outside/new", "/tmp/outside", "..\\outside\\new", "a/../../outside/new", "C:/new", "", ".", "a" * 5000, "\0x.png",
        "happy/1.png", "HAPPY/1.PNG", "con", "x\x1b[2J.png", "a/" * 2000 + "x.png", "manifest.csv", "manifest.csv/x.png",
    )  # fmt: skip
    name = rng.choice(names)
    entry = zipfile.ZipInfo("x")
    entry.filename = name
    kinds = (
        stat.S_IFREG | 0o644,
        stat.S_IFLNK | 0o777,
        stat.S_IFIFO | 0o644,
        stat.S_IFCHR | 0o644,
        stat.S_IFDIR | 0o755,
    )
    entry.external_attr = rng.choice(kinds) << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    content = rng.choice((b"x", b"../outside/file", b"\0" * 20_000_000, b"image\n" * 100_000))
    file.writestr(entry, content)
    return f"an entry {name[:40]!r} of {len(content)} bytes"


def try_picture(root: Path, seed: int) -> Tried:
    """A data folder with damaged pictures, judged."""
    rng = random.Random(seed)
    folder = root / "mine"
    _fresh(root, "class-folders")
    done = []
    for number, form in enumerate(("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF")):
        path = folder / "happy" / f"{number}.{form.lower()}"
        path.parent.mkdir(exist_ok=True)
        mode = rng.choice(("RGB", "L", "P", "RGB") if form in ("PNG", "GIF", "BMP", "TIFF") else ("RGB",))
        Image.effect_noise((rng.randrange(1, 90), rng.randrange(1, 90)), 60).convert(mode).save(path, form)
        raw = bytearray(path.read_bytes())
        change = rng.choice(("head", "head", "anywhere", "cut", "doubled"))
        if change == "cut":
            raw = raw[: rng.randrange(len(raw))]
        elif change == "doubled":
            raw += bytes(raw)
        else:
            for _ in range(rng.choice((1, 3, 10))):
                raw[rng.randrange(min(len(raw), 64) if change == "head" else len(raw))] = rng.randrange(256)
        path.write_bytes(raw)
        done.append(f"{form} {change}")
    tried = Tried(f"pictures, seed {seed}", ", ".join(done))
    _use(tried, root, "class-folders", folder, rng)
    for command in _on_folder(folder):
        tried.command(command, ALLOWED, [root / OUTSIDE])
    return tried


def _fresh(root: Path, kind: str) -> None:
    for name in ("mine", "mine.zip", "runs", "export", "xdg_data_home"):
        path = root / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    shutil.copytree(root / "releases" / kind, root / "mine")


def _use(tried: Tried, root: Path, kind: str, path: Path, rng: random.Random) -> None:
    """Import it, and use what was imported."""
    command = ["data", "import", kind, str(path), "--name", "it"]
    command += ["--label", "perceived"] if kind in LABELLED else []
    command += ["--copy"] if rng.random() < 0.5 else []
    command += ["--name-pattern", rng.choice(RULES)] if rng.random() < 0.1 else []
    if tried.command(command, ALLOWED, [root / OUTSIDE]).code:
        return
    for command in _on_imported():
        tried.command(command, ALLOWED, [root / OUTSIDE])


def _on_imported() -> Iterator[list[str]]:
    yield ["list", "data"]
    yield ["data", "verify", "it"]
    yield ["data", "people", "it"]
    yield [
        "run",
        "--task",
        "coarse_emotion",
        "--model",
        "echo",
        "--data",
        "it",
        "--limit",
        "20",
        "--out",
        "runs/it",
    ]
    yield ["data", "export", "it", "--out", "export", "--replace"]


def _on_folder(folder: Path) -> Iterator[list[str]]:
    yield [
        "run",
        "--task",
        "coarse_emotion,fine_intensity",
        "--model",
        "echo",
        "--data",
        str(folder),
        "--out",
        "runs/folder",
    ]
    yield ["run", "--task", "coarse_emotion", "--model", "echo", "--data", str(folder), "--dry-run"]
    yield ["data", "people", str(folder)]
    yield ["data", "export", str(folder), "--out", "export", "--replace"]
