"""Exit codes and errors, from `harness.errors`."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

from harness import errors
from reference.markdown import table
from reference.sources import attribute_docs

INTRO = """# Errors and exit codes

A failure is one line that says what is wrong and where, and one that says how to fix it, on standard error:

<!-- output of: harness run --task coarse_emotoin --model echo --data portraits -->
```text
error: Unknown task 'coarse_emotoin'.
  -> Did you mean 'coarse_emotion'? Known: coarse_emotion, coarse_polarity, ...
```

`--traceback` shows where it came from. Nothing that was stored is lost by an error: the same command resumes.

## Exit codes

"""
MEANINGS = {
    "OK": "Success.",
    "REGRESSION": "",
    "BAD_REQUEST": "",
    "FAILED": "",
    "INCONCLUSIVE": "",
    "INTERNAL_ERROR": "An internal error. Please report it with the output of the same command and `--traceback`.",
    "INTERRUPTED": "Ctrl-C or `kill`. What was stored is kept: the same command resumes.",
}
MIDDLE = """
## Errors in Python

Everything that a user can cause or fix is a `harness.HarnessError` with `message`, `hint` and `exit_code`. Plugins raise the same
classes: `MissingPackage` from `open`, `RequestError` for options that cannot work together, `BadData` for a data set. Whatever
else a plugin raises is its own failure: samples that it concerns fail, and the plugin is named.

"""


def page() -> str:
    """The page."""
    docs = attribute_docs(errors.ExitCode)
    codes = [(f"`{c.value}`", f"`{c.name}`", MEANINGS[c.name] or docs[c.name]) for c in errors.ExitCode]
    return "".join(
        [INTRO, table(["Code", "Name", "Meaning"], codes), MIDDLE,
         table(["Error", "Exit code", "Raised for"], _rows(errors.HarnessError, 0))]
    )  # fmt: skip


def _rows(cls: type[errors.HarnessError], depth: int) -> Iterator[tuple[str, str, str]]:
    public = cls.__name__ in _public()
    name = f"harness.{cls.__name__}" if public else cls.__name__
    doc = " ".join((inspect.getdoc(cls) or "").split("\n\n")[0].split())
    yield f"{'&nbsp;&nbsp;&nbsp;' * depth}`{name}`", f"`{int(cls.exit_code)}`", doc
    for sub in sorted(cls.__subclasses__(), key=lambda c: (int(c.exit_code), c.__name__)):
        if sub.__module__ == errors.__name__:
            yield from _rows(sub, depth + 1)


def _public() -> list[str]:
    import harness

    return harness.__all__
