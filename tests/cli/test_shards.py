"""Shards of a run on several machines, put together again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from helpers import data
from helpers.command import InProcess
from helpers.results import lines

from harness import RequestError
from harness.run.shards import Shard, parse_shard

JUDGE = (
    "run",
    "--task",
    "comprehension",
    "--model",
    "echo",
    "-o",
    "accuracy=0.7",
    "--data",
    "many",
    "--repeats",
    "2",
)
GENERATOR = ("run", "--task", "generation", "--model", "echo", "-o", "size=32", "--judge", "echo",
             "--judge-option", "accuracy=0.7", "--limit", "30")  # fmt: skip
VARY = ("created", "name", "timings", "notes")


@pytest.fixture(autouse=True)
def _many(tmp_path: Path) -> None:
    data.make(tmp_path / "many", 90)


def results(folder: str) -> dict[str, Any]:
    """The results without what differs between two runs of the same command."""
    document = json.loads(Path(folder, "results.json").read_text())
    document["run"] = {k: v for k, v in document["run"].items() if k not in VARY}
    for task in document["tasks"]:
        task.pop("timings", None)
    return dict(document)


@pytest.mark.parametrize("command", [JUDGE, GENERATOR], ids=["judge", "generator"])
def test_shards_are_the_run_in_one_piece(command: tuple[str, ...], harness: InProcess) -> None:
    harness(*command, "--out", "whole").ok()
    for number in (1, 2, 3):
        harness(*command, "--shard", f"{number}/3", "--out", f"part-{number}").ok()
    harness("merge", "part-3", "part-1", "part-2", "--out", "merged").ok()
    assert results("merged") == results("whole")
    ids = [sorted(r["id"] for r in lines(Path(f"{folder}/replies.jsonl"))) for folder in ("merged", "whole")]
    assert ids[0] == ids[1]
    parts = [len(lines(Path(f"part-{n}/replies.jsonl"))) for n in (1, 2, 3)]
    assert sum(parts) == len(ids[1])
    assert min(parts) > 0.15 * sum(parts), "each shard has its share"
    assert harness("verify", "merged").ok()
    again = harness(*command, "--out", "merged", "--json").ok()
    assert len(lines(Path("merged/replies.jsonl"))) == len(ids[0]), "nothing is asked again"
    assert again.results["run"]["complete"]
    if command is GENERATOR:
        images = {p.name for p in Path("whole/images").iterdir()}
        assert {p.name for p in Path("merged/images").iterdir()} == images
        assert sorted(Path("merged/manifest.csv").read_text().splitlines()) == sorted(
            Path("whole/manifest.csv").read_text().splitlines()
        )


def test_a_shard_is_a_run_of_its_part(harness: InProcess) -> None:
    done = harness(*JUDGE, "--shard", "2/3", "--json").ok()
    assert done.results["run"]["complete"]
    (folder,) = Path("runs").iterdir()
    assert folder.name.endswith(".shard-2-of-3")
    assert "all but shard 2/3" in json.dumps(done.results["run"]["notes"])
    assert harness(*JUDGE, "--shard", "2/3").ok()
    assert len(list(Path("runs").iterdir())) == 1, "the same command resumes"


def test_missing_shards_leave_a_run_that_can_be_finished(harness: InProcess) -> None:
    harness(*JUDGE, "--out", "whole").ok()
    harness(*JUDGE, "--shard", "1/2", "--out", "part-1").ok()
    done = harness("merge", "part-1", "--out", "merged").fails(3, "shards are missing: 2")
    assert "without --shard" in done.err
    asked = len(lines(Path("merged/replies.jsonl")))
    harness(*JUDGE, "--out", "merged").ok()
    assert results("merged") == results("whole")
    assert len(lines(Path("merged/replies.jsonl"))) == len(lines(Path("whole/replies.jsonl"))) > asked


def test_failures_of_shards_are_those_of_the_merged_run(harness: InProcess) -> None:
    faulty = (*JUDGE, "-o", "fail_every=5")
    for number in (1, 2):
        harness(*faulty, "--shard", f"{number}/2", "--out", f"part-{number}").fails(3)
    harness("merge", "part-1", "part-2", "--out", "merged").fails(3)
    failed = sum(len(lines(Path(f"part-{n}/failures.jsonl"))) for n in (1, 2))
    assert len(lines(Path("merged/failures.jsonl"))) == failed > 0
    harness(*JUDGE, "--out", "merged").ok()


def test_what_cannot_be_merged_is_refused(harness: InProcess) -> None:
    harness(*JUDGE, "--out", "whole").ok()
    for number in (1, 2):
        harness(*JUDGE, "--shard", f"{number}/2", "--out", f"part-{number}").ok()
    harness(*JUDGE, "--shard", "1/3", "--out", "third").ok()
    harness(*JUDGE, "--seed", "9", "--shard", "2/2", "--out", "seeded").ok()
    shutil.copytree("part-1", "copy")
    refused = {
        ("whole",): "is a whole run, not a shard of one",
        ("part-1", "copy"): "are both shard 1/2",
        ("part-1", "part-1"): "are both shard 1/2",
        ("part-1", "third"): "is a shard of another run",
        ("part-1", "seeded"): "seed was 0, is 9",
        ("part-1", "nothing"): "There is no run 'nothing'",
        (): "No run is named",
    }
    for runs, message in refused.items():
        harness("merge", *runs, "--out", "merged").refuses(2, message)
        assert not Path("merged").exists()
    harness("merge", "part-1", "part-2", "--out", "whole").refuses(2, "is a run folder already")
    harness(*JUDGE, "--shard", "2/2", "--out", "part-1").refuses(2, "holds shard 1/2, and this is shard 2/2")
    harness(*JUDGE, "--out", "part-1").refuses(2, "holds shard 1/2, and this is a whole run")
    harness(*JUDGE, "--shard", "1/2", "--out", "whole").refuses(2, "holds a whole run, and this is shard 1/2")
    harness(*JUDGE, "--shard", "1/2", "--gate", "whole").refuses(2, "--gate compares whole runs")


@pytest.mark.parametrize(
    "text", ["0/2", "3/2", "x", "1/0", "1/99999", "1", "-1/2", "", "1/2/3", "9" * 400 + "/1"]
)
def test_shards_that_do_not_exist(text: str, harness: InProcess) -> None:
    harness(*JUDGE, "--shard", text).refuses(2, "--shard")
    with pytest.raises(RequestError):
        parse_shard(text)


def test_every_sample_is_in_one_shard() -> None:
    shards = [Shard(n, 7) for n in range(1, 8)]
    counts = [sum(shard.has("d", f"s{n}") for n in range(7000)) for shard in shards]
    assert sum(counts) == 7000
    assert all(850 < count < 1150 for count in counts)
    assert parse_shard((2, 7)) == parse_shard(" 2 / 7 ") == Shard(2, 7)
