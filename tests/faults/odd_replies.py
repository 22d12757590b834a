"""Replies of the corpus, cut, joined, repeated and mixed with odd signs: each is read, or not, in no time and without an error."""

from __future__ import annotations

import functools
import json
import random
import time
from collections.abc import Callable
from pathlib import Path

from faults.calls import Tried
from faults.test_pumped_replies import EMOTIONS, LEVELS, UNITS

from harness.parsing import Parsed, Unparsed, read_choice, read_pair, read_rating

CORPUS = Path(__file__).parents[1] / "unit" / "parsing" / "corpus.jsonl"
LENGTH = 4000
SECONDS = 5.0
"""Processor time for one reply. Generous: most take some milliseconds, and what is worse than linear takes minutes."""
READERS: tuple[Callable[[str], object], ...] = (
    lambda text: read_choice(text, EMOTIONS),
    lambda text: read_choice(text, EMOTIONS, labels=list("ABCDEF")),
    lambda text: read_rating(text, LEVELS),
    lambda text: read_rating(text, LEVELS, labels=list("12345")),
    lambda text: read_pair(text, labels=["A", "B"]),
)
SIGNS = "\0\x1b\u200b\u202e\ud800\ufffd\ufeff\U0001f600\u0300\u0661\uff11\u2028\x85\t\r"


@functools.cache
def _corpus() -> tuple[str, ...]:
    return tuple(json.loads(line)["text"] for line in CORPUS.read_text(encoding="utf-8").splitlines())


def mutated(rng: random.Random) -> str:
    """A reply with one to four changes, of at most `LENGTH` characters."""
    text = rng.choice(_corpus())
    for _ in range(rng.randint(1, 4)):
        at, end = sorted((rng.randint(0, len(text)), rng.randint(0, len(text))))
        changes: dict[str, Callable[[], str]] = {
            "cut": lambda text=text, at=at: text[:at],
            "without": lambda text=text, at=at, end=end: text[:at] + text[end:],
            "joined": lambda text=text, at=at: text[:at] + rng.choice(_corpus()) + text[at:],
            "repeated": lambda text=text, at=at, end=end: text[:end] + text[at:end] * rng.choice((2, 20, 2000)) + text[end:],
            "pumped": lambda text=text, at=at: text[:at] + rng.choice(UNITS) * rng.choice((1, 30, 4000)) + text[at:],
            "sign": lambda text=text, at=at: text[:at] + rng.choice(SIGNS) * rng.choice((1, 3)) + text[at:],
            "case": lambda text=text: rng.choice((text.upper(), text.swapcase(), text.title())),
            "reversed": lambda text=text: text[::-1],
        }  # fmt: skip
        text = rng.choice(list(changes.values()))()[: 4 * LENGTH]
    # The end counts as much as the beginning.
    return text if len(text) <= LENGTH else text[: LENGTH // 2] + text[-LENGTH // 2 :]


def try_reply(_: object, seed: int) -> Tried:
    """Read one reply as an answer to a question."""
    rng = random.Random(seed)
    text, reader = mutated(rng), rng.randrange(len(READERS))
    tried = Tried(f"reader {reader}, seed {seed}", repr(text[:200]))
    began = time.process_time()
    try:
        found = READERS[reader](text)
        if not isinstance(found, (Parsed, Unparsed)):
            tried.wrong.append(f"it is read as {found!r}")
    except Exception as e:
        tried.wrong.append(f"{type(e).__name__}: {e}")
    if (took := time.process_time() - began) > SECONDS:
        tried.wrong.append(f"it took {took:.1f} s")
    return tried
