"""Plugins that are broken, or fail during a run: the others still work, and stored answers are kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from helpers import plugins
from helpers.command import InProcess
from helpers.plugins import Install

RUN = ["run", "--task", "coarse_emotion", "--data", "faces", "--out", "run", "--json", "--model"]

BROKEN = {
    "does not parse": ("def harness_judges(:\n", "fails to import: SyntaxError"),
    "raises on import": ("raise RuntimeError('no GPU')\n", "fails to import: RuntimeError: no GPU"),
    "exits on import": ("import sys\nsys.exit('no GPU')\n", "fails to import: SystemExit: no GPU"),
    "needs a missing package": ("import not_there_at_all\n", "No module named 'not_there_at_all'"),
    "misspells a hook": (
        "from harness import hookimpl\n@hookimpl\ndef harness_juges():\n    return []\n", "harness_juges"),
    "does not mark its hook": ("def harness_judges():\n    return []\n", "harness_judges lacks @hookimpl"),
    "gives its hook an argument": (
        "from harness import hookimpl\n@hookimpl\ndef harness_judges(config):\n    return []\n", "config"),
    "hook raises": (
        "from harness import hookimpl\n@hookimpl\ndef harness_judges():\n    raise KeyError('x')\n",
        "harness_judges raises KeyError: 'x'"),
    "hook returns nothing": (
        "from harness import hookimpl\n@hookimpl\ndef harness_judges():\n    return 3\n", "harness_judges"),
    "hook returns classes": (
        "from harness import hookimpl, Judge\n@hookimpl\ndef harness_judges():\n    return [Judge]\n",
        "instead of Component"),
}  # fmt: skip


@pytest.mark.parametrize(("source", "reason"), BROKEN.values(), ids=BROKEN.keys())
def test_only_the_broken_plugin_is_disabled(
    source: str, reason: str, harness: InProcess, install: Install, faces: Path
) -> None:
    install("broken-plugin", source)
    install(
        "sound-plugin",
        plugins.judge(
            "sound", "def judge(self, batch):\n    return [JudgeReply(r.id, text='sad') for r in batch]"
        ),
    )
    rows = {row["plugin"]: row["state"] for row in json.loads(harness("list", "plugins", "--json").ok().out)}
    assert rows["sound-plugin"] == "works"
    assert rows["broken-plugin"].startswith("disabled: ")
    assert reason in rows["broken-plugin"]
    assert reason.split()[-1] in harness("list", "plugins").ok().out
    assert reason in harness("doctor").ok().out
    assert harness(*RUN, "sound").ok().task["answered"] == 12
    assert harness(*RUN, "brokn").fails(2, "Disabled plugins: broken-plugin", reason)


def test_a_plugin_without_its_module(harness: InProcess, install: Install, faces: Path) -> None:
    install("gone-plugin", "", entry="module_that_is_gone")
    assert "module_that_is_gone" in harness("list", "plugins").ok().out.replace("\n", "")
    assert harness(*RUN, "echo").ok()


def test_two_owners_of_a_name(harness: InProcess, install: Install, faces: Path) -> None:
    for word in ("sad", "happy"):
        install(
            f"plugin-{word}",
            plugins.judge(
                "twin",
                f"def judge(self, batch):\n    return [JudgeReply(r.id, text='{word}') for r in batch]",
            ),
        )
    assert harness(*RUN, "echo").ok()
    assert harness(*RUN, "twin").fails(2, "plugin-happy/twin and plugin-sad/twin", "instead of the bare name")
    entry = (
        harness("run", "--task", "coarse_emotion", "--data", "faces", "--json", "--model", "plugin-sad/twin")
        .ok()
        .task
    )
    assert entry["metrics"][0]["value"] == pytest.approx(1 / 6)


UNUSABLE = {
    "missing class": ("Component('mine', lazy('mine_plugin:Nothing'))", 3, ["'mine'", "mine-plugin", "Nothing"]),
    "missing module": ("Component('mine', lazy('not_there_at_all:Judge'))", 2,
                               ["needs the package 'not_there_at_all'", "pip install not_there_at_all"]),
    "not a class": ("Component('mine', lambda: 3)", 3, ["'mine'", "mine-plugin", "not a Judge"]),
    "a class of a different kind": ("Component('mine', lambda: dict)", 3, ["'mine'", "mine-plugin", "not a Judge"]),
    "loader that raises": ("Component('mine', lambda: 1 / 0)", 3, ["'mine'", "ZeroDivisionError"]),
    "__init__ that raises": ("Component('mine', lambda: Init)", 3, ["'mine'", "no luck"]),
    "identity that raises": ("Component('mine', lambda: Identity)", 3, ["mine", "identity", "no luck"]),
    "capabilities that raise": ("Component('mine', lambda: Capabilities)", 3, ["mine", "capabilities", "no luck"]),
    "defaults for unknown options": ("Component('mine', lambda: Plain, defaults={'x': 1})", 2, ["mine", "x"]),
}  # fmt: skip


@pytest.mark.parametrize(("component", "code", "expected"), UNUSABLE.values(), ids=UNUSABLE.keys())
def test_judge_that_cannot_be_made(
    component: str, code: int, expected: list[str], harness: InProcess, install: Install, faces: Path
) -> None:
    install(
        "mine-plugin",
        f"""
from harness import Component, Judge, hookimpl, lazy

class Plain(Judge):
    pass

class Init(Judge):
    def __init__(self, options):
        raise RuntimeError("no luck")

class Identity(Judge):
    def identity(self):
        raise RuntimeError("no luck")

class Capabilities(Judge):
    @property
    def capabilities(self):
        raise RuntimeError("no luck")

@hookimpl
def harness_judges():
    return [{component}]
""",
    )
    outcome = harness(*RUN, "mine").fails(code, *expected)
    assert "  -> " in outcome.err, "it says how to fix it"
    assert not Path("run").exists(), "nothing was started"
    assert "mine" in harness("show", "mine").ok().out
    assert "mine" in harness("list", "models").ok().out


def test_judge_whose_open_needs_a_missing_package(harness: InProcess, install: Install, faces: Path) -> None:
    install("mine", plugins.judge("mine", "def open(self):\n    import not_there_at_all"))
    assert harness(*RUN, "mine").fails(
        2, "'mine' needs the package 'not_there_at_all'", "pip install not_there_at_all"
    )


def test_judge_that_names_its_missing_package(harness: InProcess, install: Install, faces: Path) -> None:
    body = "def open(self):\n    from harness import MissingPackage\n    raise MissingPackage('mine', 'torch', 'pip install mine[gpu]')"
    install("mine", plugins.judge("mine", body))
    assert harness(*RUN, "mine").fails(
        2, "mine needs the package 'torch'", "Install it: pip install mine[gpu]"
    )


def test_judge_whose_open_raises(harness: InProcess, install: Install, faces: Path) -> None:
    install(
        "mine",
        plugins.judge(
            "mine",
            """
def open(self):
    if not os.path.exists("fixed"):
        raise RuntimeError("weights are gone")

def judge(self, batch):
    return [JudgeReply(r.id, text="happy") for r in batch]

def close(self):
    open("closed", "w").close()
""",
        ),
    )
    assert harness(*RUN, "mine").fails(
        3, "'mine' could not be started", "RuntimeError: weights are gone", "doctor"
    )
    assert Path("closed").exists(), "it was closed anyway"
    Path("fixed").touch()
    assert harness(*RUN, "mine").ok().task["answered"] == 12


FAULTY = {
    "raises on some items": ("""
        for r in batch:
            if r.sample_id == "s00006":
                raise ValueError("cannot read this face")
            yield JudgeReply(r.id, text="happy")
     """, 10, "ValueError: cannot read this face"),  # the rest of that batch fails with it
    "replies with errors": ("""
        for r in batch:
            failed = r.sample_id == "s00006"
            yield JudgeReply(r.id, text="happy", error=ReplyError("rate_limit", "slow down") if failed else None)
     """, 11, "rate_limit: slow down"),
    "replies with an error that is text": ("""
        for r in batch:
            yield JudgeReply(r.id, text="happy", error="slow down" if r.sample_id == "s00006" else None)
     """, 11, "slow down"),
    "too few replies": ("return [JudgeReply(r.id, text='happy') for r in batch[:-1]]", 9, "no_reply: mine gave no reply"),
    "no replies": ("return []", 0, "no_reply: mine gave no reply"),
    "None": ("return None", 0, "TypeError"),
    "replies that are not JudgeReply": ("return [{'text': 'happy'} for r in batch]", 0, ""),
    "ids that were not requested": (
        "return [JudgeReply('nonsense', text='happy')] + [JudgeReply(r.id, text='happy') for r in batch]", 12,
        "'nonsense', which was not requested"),
    "ids that are not text": (
        "return [JudgeReply(x, text='happy') for x in (None, 7)] + [JudgeReply(r.id, text='happy') for r in batch]",
        12, "which was not requested"),
    "duplicate id": ("return [JudgeReply(r.id, text=t) for r in batch for t in ('happy', 'sad')]", 12, "already has a reply"),
    "text that is not text": ("return [JudgeReply(r.id, text=7 if r.sample_id == 's00006' else 'happy') for r in batch]", 11,
                          "invalid_reply: text is int"),
    "a score that is NaN": (
        "return [JudgeReply(r.id, text='happy', scores={'happy': float('nan')} if r.sample_id == 's00006' else None) "
        "for r in batch]", 11, "invalid_reply: the score of 'happy' is nan, a fault of the judge or its engine"),
    "a score that is infinite": (
        "return [JudgeReply(r.id, text='happy', scores={'happy': float('inf')} if r.sample_id == 's00006' else None) "
        "for r in batch]", 11, "invalid_reply: the score of 'happy' is inf, a fault of the judge or its engine"),
    "a rating that is NaN": (
        "return [JudgeReply(r.id, text='happy', rating=float('nan') if r.sample_id == 's00006' else None) "
        "for r in batch]", 11, "invalid_reply: rating is nan, a fault of the judge or its engine"),
    "scores that are a list": (
        "return [JudgeReply(r.id, text='happy', scores=[1.0] if r.sample_id == 's00006' else None) for r in batch]", 11,
        "invalid_reply: scores is list"),
    "a rating that is text": (
        "return [JudgeReply(r.id, text='happy', rating='5' if r.sample_id == 's00006' else None) for r in batch]", 11,
        "invalid_reply: rating is str"),
    "extra that is not JSON": (
        "return [JudgeReply(r.id, text='happy', extra={'x': object()} if r.sample_id == 's00006' else {}) for r in batch]",
        11, "invalid_reply"),
    "extra that is not a mapping": (
        "return [JudgeReply(r.id, text='happy', extra=5 if r.sample_id == 's00006' else {}) for r in batch]", 11,
        "invalid_reply: extra is int"),
    "usage that is not a mapping": (
        "return [JudgeReply(r.id, text='happy', usage=5 if r.sample_id == 's00006' else None) for r in batch]", 11,
        "invalid_reply: usage is int"),
}  # fmt: skip


@pytest.mark.parametrize(("judging", "answered", "expected"), FAULTY.values(), ids=FAULTY.keys())
def test_judge_that_breaks_its_contract(
    judging: str, answered: int, expected: str, harness: InProcess, install: Install, faces: Path
) -> None:
    body = "def judge(self, batch):\n" + (judging if judging.startswith("\n") else f"    {judging}")
    install("mine", plugins.judge("mine", _dedented(body)))
    outcome = harness(*RUN, "mine").fails(3)
    entry = outcome.task
    assert (entry["n"], entry["answered"], entry["failed"]) == (12, answered, 12 - answered)
    shown = outcome.err + harness("show", "run", "--samples", "--failed").ok().out
    assert expected in shown


def _dedented(body: str) -> str:
    head, *lines = body.splitlines()
    return "\n".join(
        [head, *(line.removeprefix("    ") if line.startswith("        ") else line for line in lines)]
    )


def test_judge_whose_stream_raises_midway(harness: InProcess, install: Install, faces: Path) -> None:
    install(
        "mine",
        plugins.judge(
            "mine",
            """
def stream(self, requests):
    for number, r in enumerate(requests):
        open("asked", "a").write(r.sample_id + chr(10))
        if number == 5 and not os.path.exists("fixed"):
            raise ConnectionError("the line is dead")
        yield JudgeReply(r.id, text="happy")
""",
        ),
    )
    outcome = harness(*RUN, "mine").fails(3, "7 failed")
    assert outcome.task["answered"] == 5
    shown = harness("show", "run", "--samples", "--failed").ok().out
    assert shown.count("ConnectionError: the line is dead") == 7
    first = set(Path("asked").read_text().split()[:5])
    Path("asked").unlink()
    assert harness(*RUN, "mine").fails(3)
    shown = harness("show", "run", "--samples", "--failed").ok().out
    assert not [s for s in first if s in shown], "answered requests are not among the failed"
    assert not first & set(Path("asked").read_text().split()), "answered requests are not repeated"
    Path("fixed").touch()
    assert harness(*RUN, "mine").ok().task["answered"] == 12


def test_huge_replies_are_parsed_and_shown_shortened(
    harness: InProcess, install: Install, faces: Path
) -> None:
    install(
        "mine",
        plugins.judge(
            "mine",
            """
def judge(self, batch):
    return [JudgeReply(r.id, text="The face is happy. " * 30_000 + "So: happy") for r in batch]
""",
        ),
    )
    assert harness(*RUN, "mine", "--limit", "2").ok().task["answered"] == 2
    assert len(harness("show", "run", "--samples").ok().out) < 2_000


def test_max_failures_stops_the_run(harness: InProcess, install: Install, faces: Path) -> None:
    install(
        "mine",
        plugins.judge(
            "mine",
            """
def judge(self, batch):
    for r in batch:
        open("asked", "a").write(r.sample_id + chr(10))
        yield JudgeReply(r.id, error=ReplyError("unauthorized", "wrong key")) if not os.path.exists("key") else JudgeReply(r.id, text="sad")
""",
        ),
    )
    assert harness(*RUN, "mine", "--max-failures", "3").fails(
        3, "Stopped after 3 failures", "unauthorized: wrong key", "run the same"
    )
    assert len(Path("asked").read_text().split()) == 3
    results = json.loads(Path("run/results.json").read_text())
    assert results["run"]["complete"] is False
    Path("key").touch()
    assert harness(*RUN, "mine", "--max-failures", "3").ok().task["answered"] == 12


DATA_SETS = {
    "raises": ("def prepare(self):\n        raise RuntimeError('server is down')", "server is down"),
    "cannot write": (
        "def prepare(self):\n        raise OSError(28, 'No space left on device')",
        "No space left",
    ),
    "returns nothing": ("def prepare(self):\n        return None", "faulty"),
}


@pytest.mark.parametrize(("method", "expected"), DATA_SETS.values(), ids=DATA_SETS.keys())
def test_data_set_that_cannot_be_prepared(
    method: str, expected: str, harness: InProcess, install: Install
) -> None:
    install(
        "mine",
        f"""
from harness import Component, DataSet, hookimpl

class Faulty(DataSet):
    {method}

@hookimpl
def harness_datasets():
    return [Component("faulty", lambda: Faulty)]
""",
    )
    assert harness("run", "--task", "coarse_emotion", "--model", "echo", "--data", "faulty").fails(
        3, "'faulty'", expected
    )
