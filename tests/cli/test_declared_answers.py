"""How answers were read is stored and shown; strict runs and scores take declared answers only; failed replies are asked again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from helpers import plugins
from helpers.command import InProcess
from helpers.plugins import Install
from helpers.results import lines, replies, value

from harness import evaluate
from harness.parsing import Parsed, Unparsed
from harness.tasks import answers
from harness.types import EMOTIONS

RUN = ["run", "--task", "coarse_emotion", "--data", "faces", "--model", "mine", "--out", "run"]
N = 12
JUDGE = """
def identity(self):
    return {"made": "for a test"}

def judge(self, batch):
    import json
    said = json.load(open("said.json"))
    for r in batch:
        open("asked", "a").write(r.sample_id + chr(10))
        yield JudgeReply(r.id, **said[r.sample_id])
"""


@pytest.fixture(autouse=True)
def _reader(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader to which an option alone is declared, and one at the end of a sentence is prose."""

    def read(text: str, options: Sequence[str], **more: Any) -> Parsed[Any] | Unparsed:
        last = text.rstrip(".").rpartition(" ")[2]
        if last not in EMOTIONS:
            return Unparsed("no answer")
        return Parsed(last, "option" if text == last else "prose")

    monkeypatch.setattr(answers, "read_choice", read)


class Judge:
    """A judge whose replies tests choose: all are right and declared, save those named."""

    def __init__(self, run: InProcess, install: Install) -> None:
        self.run = run
        install("mine", plugins.judge("mine", JUDGE))

    def says(self, **changed: dict[str, Any]) -> None:
        said = {f"s{i:05}": {"text": EMOTIONS[i % 6], "finish_reason": "stop"} for i in range(N)}
        Path("said.json").write_text(json.dumps(said | changed))

    @property
    def asked(self) -> list[str]:
        return Path("asked").read_text().split()


@pytest.fixture
def judge(harness: InProcess, install: Install, faces: Path) -> Judge:
    made = Judge(harness, install)
    made.says(
        s00000={"text": "I would say happy.", "finish_reason": "stop"},
        s00001={"text": "It seems sad.", "finish_reason": "stop"},
        s00002={"text": "Hard to say", "finish_reason": "stop"},
    )
    return made


def test_results_and_tables_say_how_answers_were_read(judge: Judge) -> None:
    [task] = judge.run(*RUN, "--json").ok().results["tasks"]
    assert task["read_as"] == {"declared": 9, "prose": 2, "unparsed": 1}
    assert value(task, "accuracy") == pytest.approx(11 / 12)
    for form in ("table", "markdown"):
        shown = judge.run("show", "run", "--format", form).ok().out
        assert "unparsed 1 \N{MIDDLE DOT} prose 2 \N{MIDDLE DOT} failed 0" in shown
        text = " ".join(shown.split())
        assert "2 of 11 answers (18%) were understood from prose" in text
        assert "accuracy would be 0.750 instead of 0.917 (n 12)" in text


def test_prose_is_shown_only_where_there_is_some(judge: Judge) -> None:
    judge.says()
    shown = judge.run(*RUN).ok().out
    assert "unparsed 0 \N{MIDDLE DOT} failed 0" in shown
    assert "prose" not in shown


def test_samples_say_how_they_were_read(judge: Judge) -> None:
    judge.run(*RUN).ok()
    rows = [line.split() for line in judge.run("show", "run", "--samples").ok().out.splitlines()]
    how = {row[2]: row[:2] for row in rows}
    assert how["s00000"] == ["right", "prose"]
    assert how["s00002"] == ["unparsed", "-"]
    assert how["s00003"] == ["right", "declared"]
    found = judge.run("show", "run", "--prose").ok().out.splitlines()
    assert [line.split()[2] for line in found] == ["s00000", "s00001"]
    [first, _] = judge.run("show", "run", "--samples", "--prose", "--json").ok().out.splitlines()
    assert json.loads(first)["how"] == "prose"
    both = judge.run("show", "run", "--prose", "--unparsed").ok().out.splitlines()
    assert len(both) == 3, "filters add up"


def test_a_strict_run_is_a_run_of_its_own_with_the_same_requests(judge: Judge) -> None:
    judge.run(*RUN).ok()
    strict = [*RUN[:-1], "strict", "--strict"]
    [task] = judge.run(*strict, "--json").ok().results["tasks"]
    assert task["read_as"] == {"declared": 9, "prose": 0, "unparsed": 3}
    assert task["unparsed_reasons"] == {"understood from prose only": 2, "no answer": 1}
    assert value(task, "accuracy") == pytest.approx(9 / 12)
    assert {"name": "answers from prose", "value": "unparsed", "source": "run"} in task["settings"]
    stored = {name: json.loads(Path(name, "run.json").read_text())["request"] for name in ("run", "strict")}
    assert stored["strict"]["tasks"]["coarse_emotion"]["answer"].pop("prose") == "unparsed"
    assert stored["strict"] == stored["run"], "nothing else is stored, and without --strict nothing at all"
    assert replies("run").keys() == replies("strict").keys()
    prose = judge.run("show", "strict", "--prose").ok().out
    assert prose.count("understood from prose only") == 2
    refused = judge.run(*RUN, "--strict")
    assert refused.code == 2
    assert "answer.prose" in refused.err


def test_the_result_of_a_call_from_python_is_strict(judge: Judge) -> None:
    [task] = evaluate("coarse_emotion", "mine", data="faces", out="strict", strict=True).tasks
    assert task.read_as is not None
    assert (task.read_as.prose, task.read_as.unparsed) == (0, 3)


def test_a_task_file_may_take_declared_answers_only(judge: Judge) -> None:
    text = Path(__file__).parents[2].joinpath("tasks", "coarse_emotion.toml").read_text()
    Path("own.toml").write_text(text.replace("[answer]\n", '[answer]\nprose = "unparsed"\n'))
    run = ["run", "--task", "own.toml", *RUN[3:], "--json"]
    [task] = judge.run(*run).ok().results["tasks"]
    assert task["unparsed_reasons"]["understood from prose only"] == 2
    Path("own.toml").write_text(text.replace("[answer]\n", '[answer]\nprose = "unread"\n'))
    wrong = judge.run(*run)
    assert wrong.code == 2
    assert "answer.prose" in wrong.err


def test_a_run_is_scored_strictly_into_a_file_of_its_own(judge: Judge) -> None:
    judge.run(*RUN).ok()
    before = Path("run/results.json").read_bytes()
    found = judge.run("score", "run", "--strict", "--json").ok()
    [task] = found.results["tasks"]
    assert task["unparsed_reasons"]["understood from prose only"] == 2
    assert "run/results.strict.json" in found.err
    assert json.loads(Path("run/results.strict.json").read_text()) == found.results
    judge.run("score", "run", "--strict", "--group-by", "subject").ok()
    assert Path("run/results.by-subject.strict.json").is_file()
    assert Path("run/results.json").read_bytes() == before
    [task] = judge.run("score", "run", "--json").ok().results["tasks"]
    assert task["read_as"]["prose"] == 2


def test_a_folder_without_the_setting_resumes(judge: Judge) -> None:
    judge.run(*RUN).ok()
    assert "prose" not in Path("run/run.json").read_text(), "it is what earlier versions wrote"
    path = Path("run/replies.jsonl")
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-2]))
    [task] = judge.run(*RUN, "--json").ok().results["tasks"]
    assert task["answered"] == N
    assert len(judge.asked) == N + 2


def test_replies_that_were_cut_off(judge: Judge) -> None:
    cut = {"finish_reason": "length", "usage": {"completion_tokens": 32, "prompt_tokens": 300}}
    judge.says(
        s00000={"text": "The mouth is", **cut},
        s00001={"text": "The face, it seems, is sad", **cut},
        s00002={"text": "angry", **cut},
        s00003={"text": "Her brows are", "finish_reason": "length"},
    )
    [task] = judge.run(*RUN, "--json").ok().results["tasks"]
    assert task["unparsed_reasons"] == {"cut off at 32 tokens": 2, "cut off at 64 tokens": 1}
    [note] = [w for w in task["warnings"] if "cut off" in w]
    assert "3 replies were cut off before declaring an answer: max_tokens in the table [sampling]" in note
    assert "cut off at 64 tokens" in judge.run("show", "run", "--unparsed").ok().out


def test_the_limit_that_a_judge_sets_is_named(judge: Judge, install: Install) -> None:
    options = """
class Options(HarnessOptions):
    max_tokens: int = option(0, "Maximum reply tokens.")

def judge(self, batch):
    for r in batch:
        yield JudgeReply(r.id, text="The mouth is", finish_reason="length")
"""
    install("limited", plugins.judge("limited", options))
    run = [*RUN, "--json", "--model", "limited", "--out"]
    for given, n in ((["-o", "max_tokens=500"], 500), ([], 64)):
        [task] = judge.run(*run, f"at{n}", *given).ok().results["tasks"]
        assert task["unparsed_reasons"] == {f"cut off at {n} tokens": N}
        assert any("-o max_tokens=N, or max_tokens in the table" in w for w in task["warnings"])
        assert f"cut off at {n} tokens" in judge.run("show", f"at{n}", "--samples").ok().out


@pytest.mark.parametrize("finish", ["error", "insufficient_system_resource"])
def test_a_reply_that_failed_in_the_server_is_asked_again(finish: str, judge: Judge) -> None:
    judge.says(s00004={"text": "worry", "finish_reason": finish})
    failed = judge.run(*RUN)
    assert failed.code == 3
    assert f"the server ended the reply with the finish reason '{finish}'" in failed.err
    assert len(lines(Path("run/replies.jsonl"))) == N - 1
    judge.says()
    [task] = judge.run(*RUN, "--json").ok().results["tasks"]
    assert task["read_as"] == {"declared": N, "prose": 0, "unparsed": 0}
    assert judge.asked.count("s00004") == 2
    assert len(judge.asked) == N + 1


def test_failed_replies_of_earlier_versions_are_no_answers(judge: Judge) -> None:
    judge.run(*RUN).ok()
    path = Path("run/replies.jsonl")
    stored = lines(path)
    stored[3]["finish_reason"], stored[4]["finish_reason"] = "error", "abort"
    path.write_text("".join(json.dumps(reply) + "\n" for reply in stored))
    [task] = judge.run("score", "run", "--json").ok().results["tasks"]
    assert task["unparsed_reasons"]["the server reported an error"] == 2
    assert task["answered"] == N


def test_each_judge_of_portraits_and_their_panel(harness: InProcess, install: Install) -> None:
    run = ["run", "--task", "t2i_emotion", "--model", "echo", "-o", "size=64", "--limit", "6", "--out", "t2i",
           "--judge", "a", "--judge", "b", "--judge", "c", "--json"]  # fmt: skip
    for name, text in {"a": "It looks sad.", "b": "It looks sad.", "c": "sad"}.items():
        body = (
            f"def judge(self, batch):\n    for r in batch:\n        yield JudgeReply(r.id, text={text!r})\n"
        )
        install(f"of_{name}", plugins.judge(name, body))
    entries = {entry["judge"]: entry for entry in harness(*run).ok().results["tasks"]}
    # The question of polarity, which is asked too, is not answered by an emotion.
    prose, declared = (
        {"declared": 0, "prose": 6, "unparsed": 5},
        {"declared": 6, "prose": 0, "unparsed": 5},
    )
    assert {name: entry["read_as"] for name, entry in entries.items()} == {
        "a": prose,
        "b": prose,
        "panel": prose,
        "c": declared,
    }
    noted = {name for name, entry in entries.items() if "understood from prose" in str(entry["warnings"])}
    assert noted == {"a", "b"}
    again = harness(*run[:-1], "--strict", "--out", "strict", "--json").ok().results["tasks"]
    scored = harness("score", "t2i", "--strict", "--json").ok().results["tasks"]
    for strict in (again, scored):
        read = {entry["judge"]: entry["read_as"] for entry in strict}
        assert read["a"] == {"declared": 0, "prose": 0, "unparsed": 11}
        assert read["panel"] == read["c"] == declared
        [panel] = [entry for entry in strict if entry["judge"] == "panel"]
        assert {
            "name": "coarse_emotion answers from prose",
            "value": "unparsed",
            "source": "run",
        } in panel["settings"]
