"""Plugins that are wrong in one way each, with the rule that each breaks."""

from __future__ import annotations

from dataclasses import dataclass

HEAD = """
import os, time
from pathlib import Path
from harness import Component, hookimpl
API_VERSION = "1.0"
"""
HOOK = """
@hookimpl
def harness_{hook}():
    return [{items}]
"""


@dataclass(frozen=True)
class Broken:
    """One plugin: its source, the rule that it breaks, and words of the verdict."""

    name: str
    rule: str
    says: str
    source: str
    requires: tuple[str, ...] = ("memobench",)
    behaves: bool = False
    """Whether the rule is one of behaviour, which the conformance kit checks."""


def offer(items: str, hook: str = "judges", body: str = "") -> str:
    """A plugin whose hook returns some items."""
    return HEAD + body + HOOK.format(hook=hook, items=items)


def component(kind: str, body: str, hook: str, name: str = "broken") -> str:
    """A plugin with one component, a class of a public kind with this body, made where it is loaded."""
    lines = "\n".join(f"        {line}" for line in body.strip("\n").splitlines())
    return f"""{HEAD}
def load():
    import numpy as np
    from PIL import Image
    from harness import (Capability, EMOTIONS, Face, HarnessOptions, ImageReply, JudgeReply, ReplyError, option, {kind})

    class Broken({kind}):
{lines}

    return Broken
{HOOK.format(hook=hook, items=f'Component("{name}", load, "is wrong")')}"""


def judge(body: str) -> str:
    """A plugin with a judge."""
    return component("Judge", body, "judges")


GOOD = """
capabilities = frozenset({Capability.CHOICE})
def judge(self, batch):
    return [JudgeReply(r.id, text=sorted(r.question.options)[0]) for r in batch]
"""
DECLARES = (
    Broken("unmarked", "hooks", "lacks @hookimpl", HEAD + "\ndef harness_judges():\n    return []\n"),
    Broken("misspelt", "hooks", "did it mean harness_judges", HEAD + "\n@hookimpl\ndef harness_judgse():\n    return []\n"),
    Broken("arguments", "hooks", "misuses a hook", HEAD + "\n@hookimpl\ndef harness_judges(wrong):\n    return []\n"),
    Broken("raising-hook", "hooks", "raises ValueError: boom", HEAD + '\n@hookimpl\ndef harness_judges():\n    raise ValueError("boom")\n'),
    Broken("no-components", "hooks", "returns str instead of Component", offer('"broken"')),
    Broken("empty", "hooks", "offers nothing", offer("")),
    Broken("bad-name", "components", "is no name", offer('Component("a b", lambda: 1, "x")')),
    Broken("silent", "components", "has no summary", offer('Component("broken", lambda: 1)')),
    Broken("twice", "components", "offered twice", offer('Component("a", lambda: 1, "x"), Component("a", lambda: 1, "x")')),
    Broken("no-loader", "components", "load is no function", offer('Component("broken", "broken:Broken", "x")')),
    Broken("import-error", "entry-point", "ZeroDivisionError: division by zero (import_error.py, line 6)", HEAD + "1 / 0\n"),
    Broken("missing-module", "entry-point", "No module named 'nowhere'", HEAD + "import nowhere\n"),
    Broken("exits-at-import", "entry-point", "exit code 0", HEAD + "os._exit(0)\n"),
    Broken("heavy", "light", "imports numpy", offer('Component("broken", lambda: 1, "x")', body="import numpy\n")),
    Broken("noisy", "quiet", "it prints 'noise'", offer('Component("broken", lambda: 1, "x")', body='os.write(1, b"noise")\n')),
    Broken("too-new", "api-version", "written for version 2.0", offer('Component("broken", lambda: 1, "x")').replace('"1.0"', '"2.0"')),
    Broken("no-version", "api-version", "states no API_VERSION", offer('Component("broken", lambda: 1, "x")').replace('API_VERSION = "1.0"', "")),
    Broken("other-core", "requires", "requires memobench >=99", offer('Component("broken", lambda: 1, "x")'), ("memobench>=99",)),
    Broken("no-core", "requires", "do not name memobench", offer('Component("broken", lambda: 1, "x")'), ()),
    Broken("lacks-package", "requires", "surely-not-there, which is not installed", offer('Component("broken", lambda: 1, "x")'), ("memobench", "surely-not-there")),
    Broken("wrong-class", "loads", "is not a Judge", offer('Component("broken", lambda: dict, "x")')),
    Broken("load-raises", "loads", "ZeroDivisionError", offer('Component("broken", lambda: 1 / 0, "x")')),
    Broken("load-exits", "loads", "it calls os._exit(0)", offer('Component("broken", lambda: os._exit(0), "x")')),
    Broken("load-hangs", "loads", "no end within", offer('Component("broken", lambda: time.sleep(1e6), "x")')),
    Broken("abstract", "made", "abstract", component("Detector", "pass", "detectors")),
    Broken("no-super", "made", "no `options`", judge(f"def __init__(self, options=None):\n    pass\n{GOOD}")),
    Broken("undescribed", "options", "has no description", judge(f"class Options(HarnessOptions):\n    size: int = 1\n{GOOD}")),
    Broken("odd-option", "options", "has no plain name", judge(f"class Options(HarnessOptions):\n    Größe: int = option(1, 'x')\n{GOOD}")),
    Broken("lax-options", "options", "accepts options that it does not have",
           judge(f"class Options(HarnessOptions):\n    model_config = dict(extra='allow')\n{GOOD}")),
    Broken("preset", "presets", "did it mean 'accuracy'", offer('Component("broken", summary="x", defaults={"acuracy": 1}, extends="echo")')),
    Broken("no-folder", "tasks", "does not exist", offer('Path("/nowhere/at/all")', "tasks")),
    Broken("bad-task", "tasks", "unknown key 'anwser'", offer("FOLDER", "tasks", """
import tempfile
FOLDER = Path(tempfile.gettempdir()) / f"memobench-broken-task-{os.getuid()}"
FOLDER.mkdir(exist_ok=True)
(FOLDER / "broken.toml").write_text('name = "broken"\\nrole = "judge"\\nstage = "coarse"\\nanwser = 1\\n')
""")),
    Broken("clash", "clashes", "the metric 'accuracy' is also that of memobench",
           component("Metric", "def estimate(self, scores, weights):\n    return np.zeros(len(weights))", "metrics", "accuracy")),
)  # fmt: skip
BEHAVES = (
    Broken("fails-always", "well formed requests are answered", "it fails: ValueError: boom",
           judge("def judge(self, batch):\n    raise ValueError('boom')")),
    Broken("fails-on-ratings", "every capability is answered[text-intensity]", "KeyError", judge("""
def judge(self, batch):
    for r in batch:
        yield JudgeReply(r.id, text=r.question.options[0] if r.question.kind == "choice" else {}["x"])
""")),
    Broken("other-options", "every capability is answered[logprobs-polarity]", "lacks ['negative', 'positive']", judge("""
capabilities = frozenset({Capability.LOGPROBS})
def judge(self, batch):
    return [JudgeReply(r.id, scores=dict.fromkeys(EMOTIONS, -1.0)) for r in batch]
""")),
    Broken("shrinks-pictures", "pictures stay as they are", "picture 1 of 5", judge("""
capabilities = frozenset({Capability.CHOICE})
def judge(self, batch):
    for r in batch:
        r.images[0].image.thumbnail((8, 8))
        yield JudgeReply(r.id, text=r.question.options[0])
""")),
    Broken("too-few", "one reply for each request", "5 requests, 4 replies",
           judge("def judge(self, batch):\n    return [JudgeReply(r.id, text='happy') for r in batch[1:]]")),
    Broken("duplicates", "one reply for each request", "is answered twice",
           judge("def judge(self, batch):\n    return [JudgeReply(r.id, text='happy') for r in [*batch, batch[0]]]")),
    Broken("other-ids", "one reply for each request", "which nobody asked",
           judge("def judge(self, batch):\n    return [JudgeReply('x' + r.id, text='happy') for r in batch]")),
    Broken("no-replies", "well formed requests are answered", "must yield JudgeReply, but yielded str",
           judge("def judge(self, batch):\n    return ['happy' for r in batch]")),
    Broken("empty-batch", "an empty batch is no problem", "IndexError",
           judge("def judge(self, batch):\n    batch[0]\n    return [JudgeReply(r.id, text='happy') for r in batch]")),
    Broken("one-kills-all", "one bad request fails alone", "a broken picture fails",
           judge("def judge(self, batch):\n    return [JudgeReply(r.id, text=str(r.images[0].image.size)) for r in batch]")),
    Broken("close-once", "opens", "", judge("def close(self):\n    del self.model\n" + GOOD)),
    Broken("never-the-same", "temperature 0 is deterministic", "another answer", judge("""
def judge(self, batch):
    return [JudgeReply(r.id, text=str(time.perf_counter_ns())) for r in batch]
""")),
    Broken("by-position", "answers do not depend on the batch", "another answer",
           judge("def judge(self, batch):\n    return [JudgeReply(r.id, text=str(n)) for n, r in enumerate(batch)]")),
    Broken("thread-bound", "it works in another thread", "thread", judge("""
capabilities = frozenset({Capability.CHOICE})
def open(self):
    import sqlite3
    self.db = sqlite3.connect(":memory:")
def judge(self, batch):
    self.db.execute("select 1")
    return [JudgeReply(r.id, text=sorted(r.question.options)[0]) for r in batch]
""")),
    Broken("judge-exits", "one reply for each request", "exit code 0", judge("def judge(self, batch):\n    os._exit(0)")),
    Broken("judge-hangs", "one reply for each request", "no end within", judge("def judge(self, batch):\n    time.sleep(1e6)")),
    Broken("constant-pictures", "the prompt determines the picture", "the same picture for two prompts",
           component("Generator", "def generate(self, batch):\n    return [ImageReply(r.id, Image.new('RGB', (8, 8))) for r in batch]", "generators")),
    Broken("sees-faces", "an empty picture has no face", "1 faces in a grey picture", component("Detector", "def detect(self, image):\n    return [Face(0, 0, 1, 1)]", "detectors")),
    Broken("constant-metric", "better answers have a better value[choice]", "the same value",
           component("Metric", "def estimate(self, scores, weights):\n    return np.full(len(weights), 0.5)", "metrics")),
    Broken("no-data", "it is read without a problem", "", component("DataSet", "def prepare(self):\n    return Path(__file__).parent / 'nothing'", "datasets")),
    Broken("careless", "values that do not exist[judge]", "NoneType", component("Reporter", """
def render(self, results, *, width=100, color=False):
    return "".join(f"{m.value:.3f}" + chr(10) for t in results.tasks for m in t.metrics if m.primary) or chr(10)
""", "reporters")),
    Broken("untidy", "the run is left as it is[judge]", "files of the run folder are changed",
           component("Exporter", "output = 'x'\ndef write(self, source, out):\n    (source.path / 'run.json').open('a').write(' ')\n    out.write_text('x')\n    return [out]", "exporters")),
    Broken("leaves-open", "replies are those of the judge", "was not closed",
           component("Executor", "def run(self, work, requests):\n    work.open()\n    yield from work.stream(requests)", "executors")),
)  # fmt: skip
