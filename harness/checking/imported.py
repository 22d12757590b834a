"""What importing a plugin's entry module costs and prints, measured in a fresh interpreter."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from collections.abc import Sequence

from harness.checking.records import Verdict

HEAVY = frozenset(
    [
        "PIL",
        "aiohttp",
        "altair",
        "anthropic",
        "boto3",
        "cv2",
        "datasets",
        "diffusers",
        "google",
        "httpx",
        "jax",
        "jinja2",
        "keras",
        "matplotlib",
        "mlflow",
        "numpy",
        "onnx",
        "onnxruntime",
        "openai",
        "pandas",
        "polars",
        "pyarrow",
        "pydantic",
        "ray",
        "requests",
        "rich",
        "scipy",
        "skimage",
        "sklearn",
        "sqlalchemy",
        "tensorflow",
        "tokenizers",
        "torch",
        "torchvision",
        "transformers",
        "vllm",
        "vl_convert",
    ]
)
"""Packages that take tenths of a second or more to import."""
LIMIT = 60.0
_CODE = """
import sys
sys.path[:] = [p for p in sys.path if p]
import importlib, json, os
before = set(sys.modules)
modules = [importlib.import_module(name) for name in {names!r}]
for module in modules:
    for hook in list(vars(module).values()):
        if getattr(hook, "memobench_impl", None) is not None:
            for item in hook() or ():
                break
sys.stdout.flush()
loaded = sorted({{name.partition(".")[0] for name in set(sys.modules) - before}})
with open({out!r}, "w") as file:
    json.dump(loaded, file)
os._exit(0)
"""


@functools.lru_cache(maxsize=8)
def _measured(names: tuple[str, ...]) -> tuple[str, frozenset[str], str]:
    """What went wrong, the packages imported, and what was printed on standard output."""
    import tempfile

    with tempfile.NamedTemporaryFile("r", suffix=".json") as file:
        code = _CODE.format(names=list(names), out=file.name)
        try:
            done = subprocess.run(
                [sys.executable, "-c", code],
                capture_output=True,
                text=True,
                errors="replace",
                timeout=LIMIT,
                stdin=subprocess.DEVNULL,
            )
        except subprocess.TimeoutExpired:
            return f"no end within {LIMIT:.0f} seconds", frozenset(), ""
        text = file.read()
    if not text:
        last = done.stderr.strip().splitlines()[-1:] or [f"it ends with exit code {done.returncode}"]
        return last[0], frozenset(), done.stdout
    return "", frozenset(json.loads(text)), done.stdout


def light(values: Sequence[str]) -> Verdict:
    """Whether the modules of entry points, and their hooks, import nothing heavy."""
    problem, loaded, _ = _measured(_names(values))
    if problem:
        return Verdict(
            "light", "failed", f"importing it and calling its hooks fails: {problem}", "See the error"
        )
    heavy = sorted(loaded & HEAVY)
    if not heavy:
        return Verdict("light", "held")
    fix = (
        'Move the class to a module of its own, and name it: Component("mine", lazy("package.module:Class"))'
    )
    return Verdict("light", "failed", f"importing {' and '.join(values)} imports {', '.join(heavy)}", fix)


def quiet(values: Sequence[str]) -> Verdict:
    """Whether they print nothing."""
    problem, _, printed = _measured(_names(values))
    if problem:
        return Verdict("quiet", "skipped", "see the rule light")
    if printed.strip():
        return Verdict(
            "quiet", "failed", f"it prints {printed.strip()!r:.100}", "Print nothing at import; use logging"
        )
    return Verdict("quiet", "held")


def _names(values: Sequence[str]) -> tuple[str, ...]:
    return tuple(value.partition(":")[0].strip() for value in values)
