"""Compares two results.json: exits 1 if a number or count differs or a key of the old one is missing.

    python tools/compare_results.py OLD/results.json NEW/results.json

Creation time, package versions and timings may differ. Differences in text (methods, warnings) are printed and do not
count, unless --text is given.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

VOLATILE = {"created", "versions", "timings"}


def differences(old: Any, new: Any, where: str = "") -> Iterator[tuple[str, bool]]:
    """Each difference, and whether it is in text alone."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in {**old, **new}:
            if key in VOLATILE:
                continue
            here = f"{where}.{key}" if where else key
            if key not in new:
                yield f"{here}: missing", False
            elif key in old:
                yield from differences(old[key], new[key], here)
    elif isinstance(old, list) and isinstance(new, list):
        if len(old) != len(new):
            yield f"{where}: {len(old)} items, then {len(new)}", all(isinstance(i, str) for i in old + new)
        for number, pair in enumerate(zip(old, new, strict=False)):
            yield from differences(*pair, f"{where}[{number}]")
    elif old != new:
        yield f"{where}: {old!r}, then {new!r}", isinstance(old, str) and isinstance(new, str)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("--text", action="store_true", help="differences in text count too")
    options = parser.parse_args()
    found = list(differences(*(json.loads(path.read_bytes()) for path in (options.old, options.new))))
    for line, text in found:
        print(f"{'text' if text else 'VALUE'}  {line}")
    wrong = sum(options.text or not text for _, text in found)
    print(f"{wrong} differences" + (f", {len(found) - wrong} in text" if not options.text else ""))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
