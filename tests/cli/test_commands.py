"""What each command does when nothing fails."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers import data, plugins
from helpers.command import InProcess
from helpers.plugins import Install
from helpers.results import replies, value
from helpers.tasks import TASK

Make = Callable[..., Path]
RUN = ["run", "--task", "coarse_emotion", "--model", "echo", "--data", "faces", "--json"]


def test_run_prints_a_table_and_the_run_folder(harness: InProcess, faces: Path) -> None:
    done = harness(*RUN[:-1]).ok()
    verdict = "coarse_emotion is not told apart from the best trivial baseline, chance 0.167"
    assert done.out.splitlines()[1] == verdict, "the interval of 12 right answers of two people is wide"
    assert "accuracy *" in harness(*RUN[:-1], "--full").ok().out
    (folder,) = Path("runs").iterdir()
    assert folder.name.startswith("coarse_emotion-echo-faces-")
    assert f"folder   runs/{folder.name}\n" in done.out
    assert harness("show", folder).ok().out == done.out.replace(f"runs/{folder.name}", str(folder))
    assert f"run folder: runs/{folder.name}" in harness(*RUN).ok().err, "standard output is JSON"


def test_json_is_the_results_file_and_nothing_else(harness: InProcess, faces: Path) -> None:
    done = harness(*RUN, "--out", "run").ok()
    assert done.results == json.loads(Path("run/results.json").read_text())
    assert done.results["schema"] == 1
    assert done.results["run"]["complete"] is True
    assert harness("show", "run", "--json").ok().out == done.out
    assert harness("score", "run", "--json").ok().out == done.out


def test_the_same_command_resumes(harness: InProcess, faces: Path) -> None:
    first = harness(*RUN).ok().results
    before = {p: p.read_bytes() for p in Path("runs").rglob("replies.jsonl")}
    again = harness(*RUN).ok()
    assert again.results == first
    assert {p: p.read_bytes() for p in Path("runs").rglob("replies.jsonl")} == before
    assert "12 already stored" in again.err
    assert harness(*RUN, "--seed", "1").ok()
    assert len(list(Path("runs").iterdir())) == 2


def test_failed_samples_are_retried(harness: InProcess, faces: Path) -> None:
    done = harness(*RUN, "--out", "run", "-o", "fail_every=4").fails(3, "3 failed")
    assert (done.task["answered"], done.task["failed"], done.results["run"]["complete"]) == (9, 3, False)
    whole = harness(*RUN, "--out", "run").ok()
    assert (whole.task["answered"], whole.task["failed"], whole.results["run"]["complete"]) == (12, 0, True)
    assert {**whole.results, "run": None} == {**harness(*RUN, "--out", "other").ok().results, "run": None}


def test_limit_is_a_stratified_prefix_and_extends(harness: InProcess, make_data: Make) -> None:
    make_data(240)
    small = harness(*RUN, "--out", "run", "--limit", "30").ok().task
    assert small["n"] == 30
    assert {value(small, "accuracy", emotion=e) for e in data.EMOTIONS} == {1.0}
    assert all(m["n"] == 5 for m in small["metrics"] if "emotion" in m["group"])
    few = replies("run")
    large = harness(*RUN, "--out", "run", "--limit", "60").ok()
    assert "30 already stored" in large.err
    more = replies("run")
    assert (large.task["n"], len(more)) == (60, 60)
    assert few.items() <= more.items()
    assert harness(*RUN, "--out", "fresh", "--limit", "60").ok().task["answered"] == 60
    assert replies("fresh") == more
    again = harness(*RUN, "--out", "run", "--limit", "30").ok()
    assert again.task == small, "a smaller limit scores its prefix"
    assert harness("score", "run", "--json").ok().task == small
    assert len(replies("run")) == 60
    everything = harness(*RUN, "--out", "run").ok()
    assert (everything.task["n"], len(replies("run"))) == (240, 240)


def test_limit_beyond_the_data(harness: InProcess, faces: Path) -> None:
    assert harness(*RUN, "--limit", "1000").ok().task["n"] == 12


def test_repeats(harness: InProcess, faces: Path) -> None:
    entry = harness(*RUN, "--repeats", "3", "--out", "run").ok().task
    assert (entry["n"], entry["answered"], entry["data"]["n"]) == (36, 36, 12)
    assert len(replies("run")) == 36
    assert {r["repeat"] for r in replies("run").values()} == {0, 1, 2}


def test_suite_asks_all_questions_about_a_picture_together(
    harness: InProcess, install: Install, faces: Path
) -> None:
    install(
        "mine",
        plugins.judge(
            "mine",
            """
def open(self):
    open("opened", "a").write("x")

def judge(self, batch):
    for r in batch:
        open("order", "a").write(r.sample_id + chr(10))
        yield JudgeReply(r.id, text=r.question.options[0])
""",
        ),
    )
    done = harness("run", "--task", "comprehension", "--model", "mine", "--data", "faces", "--json").ok()
    counts = [(t["task"], t["n"], t["answered"]) for t in done.results["tasks"]]
    assert counts == [
        ("coarse_polarity", 12, 12),
        ("coarse_emotion", 12, 12),
        ("fine_intensity", 10, 10),
        ("nuance_confusable", 10, 10),
    ]
    assert "nuance_pairs" in done.results["run"]["notes"][0], "the judge takes one picture"
    assert Path("opened").read_text() == "x", "the model is loaded once for all tasks"
    order = Path("order").read_text().split()
    assert len(order) == 44
    changes = sum(a != b for a, b in itertools.pairwise(order))
    assert changes == 11, "a picture is decoded once for all tasks"


def test_several_tasks_and_data_sets(harness: InProcess, make_data: Make) -> None:
    make_data(6, "one")
    make_data(12, "two")
    done = harness(
        "run",
        "--task",
        "coarse_emotion,fine_intensity",
        "--task",
        "coarse_polarity",
        "--model",
        "echo",
        "--data",
        "one,./two",
        "--json",
    ).ok()
    counts = [(t["task"], t["data"]["name"], t["n"]) for t in done.results["tasks"]]
    assert counts == [
        (task, name, n)
        for task, one, two in (
            ("coarse_emotion", 6, 12),
            ("fine_intensity", 5, 10),
            ("coarse_polarity", 6, 12),
        )
        for name, n in (("one", one), ("two", two))
    ]


def test_only_oracles_get_the_truth(harness: InProcess, install: Install, faces: Path) -> None:
    body = """
def judge(self, batch):
    for r in batch:
        open("truths", "a").write(repr(r.truth) + chr(10))
        yield JudgeReply(r.id, text="happy")
"""
    install("blind", plugins.judge("blind", body))
    entry = harness(*RUN[:4], "blind", *RUN[5:]).ok().task
    assert set(Path("truths").read_text().split()) == {"None"}
    assert not [w for w in entry["warnings"] if "oracle" in w]
    Path("truths").unlink()
    install(
        "seer",
        plugins.judge(
            "seer",
            "@property\ndef capabilities(self):\n    return frozenset({Capability.TEXT, Capability.ORACLE})\n"
            + body,
        ),
    )
    entry = harness(*RUN[:4], "seer", *RUN[5:]).ok().task
    assert "'angry'" in Path("truths").read_text().split()
    assert [w for w in entry["warnings"] if "oracle" in w]


def test_judges_get_pictures_in_the_form_they_declare(
    harness: InProcess, install: Install, faces: Path
) -> None:
    judging = "def judge(self, batch):\n    return [JudgeReply(r.id, text='sad', extra={}) for r in batch]"
    install(
        "pixels",
        plugins.judge(
            "pixels",
            judging.format(
                "{'size': r.images[0].image.size, 'mode': r.images[0].image.mode, 'data': r.images[0].data is None}"
            ),
        ),
    )
    install(
        "bytes",
        plugins.judge(
            "bytes",
            "takes = 'bytes'\n"
            + judging.format(
                "{'head': r.images[0].data[:4].hex(), 'type': r.images[0].media_type, 'image': r.images[0].image is None}"
            ),
        ),
    )
    assert harness(*RUN[:4], "pixels", *RUN[5:], "--out", "pixels").ok()
    assert harness(*RUN[:4], "bytes", *RUN[5:], "--out", "bytes").ok()
    assert all(
        r["extra"] == {"size": [24, 16], "mode": "RGB", "data": True} for r in replies("pixels").values()
    )
    assert all(
        r["extra"] == {"head": "89504e47", "type": "image/png", "image": True}
        for r in replies("bytes").values()
    )


def test_formats_that_a_command_lacks(harness: InProcess, faces: Path) -> None:
    assert harness(*RUN, "--dry-run").fails(2, "dry run", "--json")
    assert harness(*RUN).ok()
    path = next(Path("runs").iterdir())
    assert harness("show", str(path), "--samples", "--format", "csv").fails(2, "csv", "--json")
    lines = harness("show", str(path), "--samples", "--format", "json").ok().out.splitlines()
    assert all(json.loads(line) for line in lines)
    assert len(lines) == 12


def test_dry_run_sends_no_request(harness: InProcess, faces: Path) -> None:
    out = harness(*RUN[:-1], "--dry-run").ok().out
    assert "pictures: 12" in out
    assert "coarse_emotion: 12 requests, answer mode text" in out
    assert "Which emotion does the person's face show?" in out
    assert "happy 2" in out
    assert not Path("runs").exists()
    out = (
        harness(
            "run", "--task", "generation", "--model", "echo", "--judge", "echo", "--limit", "10", "--dry-run"
        )
        .ok()
        .out
    )
    assert "portraits to generate: 20" in out


def test_pictures_in_every_format(harness: InProcess, install: Install, tmp_path: Path) -> None:
    import numpy as np
    from PIL import Image

    happy = tmp_path / "faces" / "happy"
    happy.mkdir(parents=True)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.full((8, 4), 30_000, np.uint16)).save(happy / "grey16.png")
    Image.new("RGBA", (4, 8), (9, 9, 9, 0)).save(happy / "clear.png")
    Image.new("RGB", (4, 8), "red").quantize(2).save(happy / "palette.png")
    Image.new("CMYK", (8, 4), (0, 0, 0, 128)).save(happy / "turned.jpg", exif=exif)
    Image.new("L", (4, 8), 200).save(happy / "grey.webp")
    Image.new("RGB", (8, 4)).save(
        happy / "phone.jpg", "MPO", exif=exif, save_all=True, append_images=[Image.new("RGB", (8, 4))]
    )
    Image.new("RGB", (4, 8), "red").save(happy / "hidden.png", transparency=(255, 0, 0))
    extra = "{'size': r.images[0].image.size, 'mode': r.images[0].image.mode, 'first': r.images[0].image.getpixel((0, 0))}"
    install(
        "eye",
        plugins.judge(
            "eye",
            f"def judge(self, batch):\n    return [JudgeReply(r.id, text='happy', extra={extra}) for r in batch]",
        ),
    )
    assert harness(*RUN[:4], "eye", *RUN[5:], "--out", "run").ok().task["answered"] == 7
    seen = {r["sample_id"].split("/")[1]: r["extra"] for r in replies("run").values()}
    assert {(tuple(e["size"]), e["mode"]) for e in seen.values()} == {((4, 8), "RGB")}, "upright, in RGB"
    assert seen["clear"]["first"] == seen["hidden"]["first"] == [255, 255, 255]
    assert seen["grey16"]["first"] == [117, 117, 117]
    assert seen["palette"]["first"] == [255, 0, 0]
    body = """
takes = "bytes"

def judge(self, batch):
    import io
    from PIL import Image
    for r in batch:
        with Image.open(io.BytesIO(r.images[0].data)) as file:
            image = file.convert("RGB")
        yield JudgeReply(r.id, text="happy", extra={"size": image.size, "mode": "RGB", "first": image.getpixel((0, 0))})
"""
    install("file-eye", plugins.judge("file-eye", body))
    assert harness(*RUN[:4], "file-eye", *RUN[5:], "--out", "files").ok().task["answered"] == 7
    assert {r["sample_id"].split("/")[1]: r["extra"] for r in replies("files").values()} == seen


@pytest.mark.parametrize("what", ["tasks", "models", "data", "metrics", "plugins", "runs"])
def test_list(what: str, harness: InProcess, faces: Path) -> None:
    assert harness(*RUN).ok()
    rows = json.loads(harness("list", what, "--json").ok().out)
    assert rows
    shown = harness("list", what).ok().out.replace("\n", "")
    for row in rows:
        assert next(iter(row.values()))[:20] in shown


def test_list_reports_that_there_is_nothing(harness: InProcess) -> None:
    assert "no runs here" in harness("list", "runs").ok().out


@pytest.mark.parametrize(
    "name",
    ["coarse_emotion", "comprehension", "t2i_emotion", "echo", "accuracy", "emotion_600", "local", "csv"],
)
def test_show(name: str, harness: InProcess) -> None:
    out = harness("show", name).ok().out
    assert name in out
    assert json.loads(harness("show", name, "--json").ok().out)


def test_show_lists_the_options(harness: InProcess) -> None:
    out = harness("show", "echo").ok().out
    assert "accuracy" in out
    assert "share of correct answers" in out
    assert "default 1.0" in out


def test_show_samples_filters(harness: InProcess, faces: Path) -> None:
    lines = [
        json.dumps({"id": f"s{i:05}", "text": t})
        for i, t in enumerate(["happy", "happy", "no idea", *["happy"] * 8])
    ]
    Path("replies.jsonl").write_text("\n".join(lines) + "\n")
    done = harness(*RUN, "-o", "replies=replies.jsonl", "--out", "run").fails(3)
    assert (done.task["answered"], done.task["unparsed"], done.task["failed"]) == (11, 1, 1)

    def states(*filters: str) -> list[str]:
        return sorted(
            line.split()[0] for line in harness("show", "run", "--samples", *filters).ok().out.splitlines()
        )

    assert states("--wrong") == ["wrong"] * 8
    assert states("--unparsed") == ["unparsed"]
    assert states("--failed") == ["failed"]
    assert states("--unparsed", "--failed") == ["failed", "unparsed"]
    assert len(states()) == 12
    assert states("--limit", "3")[0] == "..."
    assert "no idea" in harness("show", "run", "--unparsed").ok().out


@pytest.mark.parametrize("form", ["table", "json", "csv", "markdown"])
def test_every_format_shows_the_metric_values(form: str, harness: InProcess, faces: Path) -> None:
    assert harness(*RUN, "--out", "run").ok()
    out = harness("show", "run", "--format", form, "--full").ok().out
    assert "accuracy" in out
    assert "balanced" in out
    assert out.endswith("\n")


def test_doctor(harness: InProcess) -> None:
    out = harness("doctor").ok().out
    assert "+ memobench-plugin-echo" in out
    assert "everything that is installed works" in out


@pytest.mark.parametrize("command", ["run", "generate", "score", "list", "show", "schema", "doctor"])
def test_help(command: str, harness: InProcess) -> None:
    assert f"Usage: harness {command}" in harness(command, "--help").ok().out


def test_version(harness: InProcess) -> None:
    from harness import __version__

    assert harness("--version").ok().out == f"memobench, version {__version__}\n"


def test_custom_suite_finds_tasks_next_to_it(harness: InProcess, faces: Path) -> None:
    Path("mine").mkdir()
    Path("mine/mine.toml").write_text(TASK)
    Path("mine/both.toml").write_text('kind = "suite"\nname = "both"\ntasks = ["mine", "coarse_polarity"]\n')
    done = harness("run", "--task", "mine/both.toml", "--model", "echo", "--data", "faces", "--json").ok()
    assert [t["task"] for t in done.results["tasks"]] == ["mine", "coarse_polarity"]


def test_score_and_show_return_what_the_run_returned(harness: InProcess, make_data: Make) -> None:
    make_data(24)
    failing = [*RUN[:-1], "-o", "fail_every=4", "--out", "run"]
    assert harness(*failing).code == 3
    assert harness("score", "run").code == 3
    assert harness("show", "run").code == 3
    assert harness("show", "run", "--json").code == 3
    assert harness("show", "run", "--samples", "--failed").code == 0, "a listing is complete"
    assert harness(*RUN[:-1], "--out", "run").ok()
    assert harness("score", "run").ok()
    assert harness("show", "run").ok()
