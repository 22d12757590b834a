"""Task files, suites, prompt files and settings of the gate from strangers, damaged at random, then shown and run."""

from __future__ import annotations

import itertools
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from faults.calls import ALLOWED, Tried, call
from faults.damage import OUTSIDE, change_bytes, replace_file
from helpers import data

TASKS = Path(__file__).parents[2] / "tasks"
SMALL = ("-o", "size=64", "--limit", "2")
GATE = (
    'margin = 0.05\nalpha = 0.05\ngroups = ["emotion"]\nonly = ["coarse_emotion"]\n\n[limits]\nfailed = 0.02\n\n'
    "[tasks.coarse_emotion]\nmargin = 0.1\n"
)
VALUES = (
    "1", "-1", "0", "1e999", "nan", "inf", "-inf", "9" * 10_000, "0x" + "f" * 10_000, "1" * 5000 + ".5", "true", "''", '"x"',
    '"' + "x" * 100_000 + '"', "[]", "[[]]", "{}", "{a = 1}", "[" * 100_000, "[" * 40 + "]" * 40, "{a=" * 100_000, "1979-05-27",
    "07:32:00", '["happy"]', '["happy", "happy"]', '["a", "b"]', "[" + '"x",' * 20_000 + "]", '"\\ud800"', '"\\u0000"', '"\\u001b[2J"',
    '"{image}{image}{image}"', '"{options"', '"{0}{}%s{{}}"', '"../../outside/file"', '"/etc/passwd"', '"emotion"', '"portraits"',
    "a.b", "'''", '"""', '"""' + '\\"""' * 20_000, "# x", '"coarse_emotion"',
)  # fmt: skip


def make(root: Path) -> None:
    """A run and a baseline for the gate, a data folder, and the folder that no command may touch."""
    (root / OUTSIDE).mkdir()
    (root / OUTSIDE / "file").write_text("x")
    data.make(root / "faces", 6)
    judge = ["run", "--model", "echo", "--data", "faces", "--task", "coarse_emotion"]
    call(*judge, "--out", "whole/run").expect(0)
    call("gate", "--bless", "whole/run", "--baseline", "whole/baseline").expect(0)


def try_file(root: Path, seed: int) -> Tried:
    """Damage a file and use it."""
    rng = random.Random(seed)
    for name in ("runs", "mine"):
        shutil.rmtree(root / name, ignore_errors=True)
    shutil.copytree(TASKS, root / "mine")
    shutil.copytree(root / "whole" / "baseline", root / "mine" / "baseline")
    (root / "mine" / "baseline" / "gate.toml").write_text(GATE)
    files = sorted((root / "mine").glob("*.toml"))
    path = rng.choice(
        [*files, *files, *(root / "mine" / "prompts").glob("*.csv"), root / "mine" / "baseline" / "gate.toml"]
    )
    changes: tuple[Callable[[Path, random.Random], str], ...] = (_edited, change_bytes, replace_file)
    if path.suffix == ".csv":
        changes = changes[1:]
        path.write_text("".join(path.read_text().splitlines(keepends=True)[:20]))
    elif "suite" in path.read_text():
        changes = (*changes, _suite, _suite, _suite)
    what = rng.choices(changes, (6, 2, 1, 2, 2, 2)[: len(changes)])[0](path, rng)
    tried = Tried(f"{path.name}, seed {seed}", what)
    for command in _commands(path):
        tried.command(
            command, ALLOWED if command[0] != "gate" else {0, 1, 2, 3, 4}, [root / OUTSIDE, root / "whole"]
        )
    return tried


def _commands(path: Path) -> Iterator[list[str]]:
    name = str(path)
    if path.name == "gate.toml":
        yield ["gate", "--baseline", str(path.parent), "whole/run"]
        yield ["gate", "--baseline", "whole/baseline", "--config", name, "whole/run"]
        return
    if path.suffix == ".csv":
        yield ["generate", "--prompts", name, "--model", "echo", *SMALL, "--out", "runs/drawn"]
        return
    yield ["show", name]
    yield ["show", name, "--json"]
    yield ["run", "--task", name, "--model", "echo", "--data", "faces", "--dry-run"]
    yield ["run", "--task", name, "--model", "echo", "--data", "faces", "--limit", "2", "--out", "runs/judge"]
    yield ["run", "--task", name, "--model", "echo", *SMALL, "--judge", "echo", "--out", "runs/generator"]
    yield ["show", "runs/judge"]


def _edited(path: Path, rng: random.Random) -> str:
    """Change a line of a TOML file."""
    lines = path.read_text().splitlines()
    keyed = [n for n, line in enumerate(lines) if " = " in line]
    at = rng.choice(keyed)
    key = lines[at].partition(" = ")[0]
    value = rng.choice(VALUES)
    changes: dict[str, str] = {
        "value": f"{key} = {value}",
        "dropped": "",
        "twice": f"{lines[at]}\n{lines[at]}",
        "renamed": f"{key}x = 1",
        "parts": f"{'a.' * 100_000}a = 1",
        "quoted parts": '"a".' * 100_000 + "a = 1",
        "table": f"[{key}]\n[[{key}]]\n[{key}.{key}]",
        "many tables": "\n".join(f"[[{key}]]" for _ in range(5000)),
        "deep tables": "[" + ".".join(["x"] * 5000) + "]",
        "long key": "k" * 100_000 + " = 1",
        "placeholder": lines[at].replace("{", "{{x.__class__}"),
    }
    what = rng.choice(("value", "value", "value", "value", *changes))
    lines[at] = changes[what]
    path.write_text("\n".join(lines) + "\n")
    return f"{key}: {what} {value[:40] if what == 'value' else ''}"


def _suite(path: Path, rng: random.Random) -> str:
    """Make a suite list itself, others that list each other, or the same task many times."""
    folder = path.parent
    names = [
        p.stem for p in folder.glob("*.toml") if p.stem not in ("comprehension", "generation", "memo-bench")
    ]
    several = [f"s{n}" for n in range(30)]
    lists: dict[str, tuple[str, ...]] = {
        "itself": (path.stem,),
        "itself by path": (f"./{path.name}", f"../mine/{path.name}"),
        "a task 100,000 times": ("coarse_emotion",) * 100_000,
        "a task 900 times": ("coarse_emotion",) * 900,
        "many that do not exist": tuple(f"x{n}" for n in range(999)),
        "a ladder": ("s0", "s0"),
        "a circle": ("c0",),
        "all": tuple(names),
        "odd": (
            rng.choice(
                ("", ".", "..", "/", "/dev/zero", "x" * 5000, "../../outside/file", "a\\u0000b", "prompts")
            ),
        ),
    }
    for one, other in itertools.pairwise(several):
        _write(folder / f"{one}.toml", (other, other, "coarse_emotion"))
    _write(folder / f"{several[-1]}.toml", ("fine_intensity",))
    _write(folder / "c0.toml", ("c1", "coarse_emotion"))
    _write(folder / "c1.toml", ("c0",))
    what = rng.choice(list(lists))
    _write(path, lists[what])
    return what


def _write(path: Path, tasks: tuple[str, ...]) -> None:
    listed = ", ".join(f'"{task}"' for task in tasks)
    path.write_text(f'kind = "suite"\nname = "{path.stem}"\ntasks = [{listed}]\n')
