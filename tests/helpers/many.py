"""A run folder of any size, made from the files of a small real run: no model is asked and few pictures are written."""

from __future__ import annotations

import json
import random
from pathlib import Path

import harness
from helpers import data

WORDS = [
    "the",
    "face",
    "looks",
    "rather",
    "calm",
    "with",
    "raised",
    "brows",
    "and",
    "a",
    "slight",
    "smile",
    "so",
    "I",
    "would",
    "say",
    "it",
    "shows",
    "clear",
    "signs",
    "of",
]


def make_run(folder: Path, samples: int, *, pictures: int = 60, seed: int = 0) -> Path:
    """`folder/run`: the answers of echo to `coarse_emotion` on `samples` portraits, with replies of 3 to 25 words.

    The data set lies in `folder/faces`; its samples share `pictures` files.
    """
    faces = data.make(folder / "faces", pictures)
    run = folder / "run"
    harness.evaluate("coarse_emotion", model="echo", data=faces, out=run)
    drawn = random.Random(seed)
    stored = [json.loads(line) for line in (run / "samples.jsonl").read_text().splitlines()]
    replies = {r["sample_id"]: r for r in map(json.loads, (run / "replies.jsonl").read_text().splitlines())}
    with (run / "samples.jsonl").open("w") as sample_file, (run / "replies.jsonl").open("w") as reply_file:
        for number in range(samples):
            model = stored[number % len(stored)]
            reply = replies[model["id"]]
            name = f"s{number:06}"
            sample = {
                **model,
                "id": name,
                "attributes": {**model["attributes"], "subject": f"person{number // 12}"},
            }
            answer = model["emotion"] if drawn.random() < 0.8 else drawn.choice(data.EMOTIONS)
            said = " ".join(drawn.choices(WORDS, k=drawn.randint(2, 24)))
            text = f"{said}. Answer: {answer}" if drawn.random() < 0.97 else said
            sample_file.write(json.dumps(sample) + "\n")
            reply_file.write(
                json.dumps({**reply, "id": f"{number:032x}", "sample_id": name, "text": text}) + "\n"
            )
    document = json.loads((run / "run.json").read_text())
    document["plan"] = dict.fromkeys(document["plan"], samples)
    (run / "run.json").write_text(json.dumps(document))
    return run
