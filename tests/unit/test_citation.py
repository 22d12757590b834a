"""What papers say of runs: figures are those of the results, only what was used is cited, and names of models are escaped."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from helpers import exports
from helpers.command import InProcess

from harness import Capability, Judge, JudgeReply, JudgeRequest, RunResult, evaluate
from harness.exporting.citation import cite
from harness.exporting.citation_sentences import KINDS, NAMED, number
from harness.exporting.references import PUBLICATIONS, labels, software
from harness.exporting.source import ExportSource


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunResult, RunResult]:
    """A judge run and a generator run."""
    folder = tmp_path_factory.mktemp("runs")
    return exports.judge_run(folder), exports.generator_run(folder)


def paragraphs(result: RunResult) -> tuple[str, str]:
    return cite(ExportSource.of(result.path)).text()


@pytest.mark.slow
@pytest.mark.parametrize("which", [0, 1], ids=["judge", "generator"])
def test_every_value_is_that_of_the_results(runs: tuple[RunResult, RunResult], which: int) -> None:
    _, results = paragraphs(runs[which])
    for task in runs[which].tasks:
        main = task.primary
        assert main is not None
        expected = f"{number(main.value)} ("
        if main.low is not None:
            expected += f"95% CI {number(main.low)} to {number(main.high)}, "
        assert f"{expected}n = {main.n}, {main.clusters} clusters)" in results
    said = re.findall(r"-?\d+\.\d{3}", results)
    known = {number(v) for t in runs[which].tasks for m in t.metrics for v in (m.value, m.low, m.high)}
    known |= {number(b.value) for t in runs[which].tasks for b in t.baselines}
    assert set(said) <= known


def test_the_methods_of_a_judge_run(runs: tuple[RunResult, RunResult]) -> None:
    methods, _ = paragraphs(runs[0])
    for task in runs[0].tasks:
        assert task.task in methods
        assert task.primary is not None
        assert f"{task.n} questions, {task.primary.clusters} clusters" in methods
    unparsed, answered = sum(t.unparsed for t in runs[0].tasks), sum(t.answered for t in runs[0].tasks)
    assert f"{unparsed} of {answered} replies could not be read; they count as wrong in choices" in methods
    assert f"In {runs[0].failed} cases the request failed" in methods
    assert f"{sum(t.read_as.prose for t in runs[0].tasks if t.read_as)} of the answers" in methods
    assert "as free text" in methods
    assert "The seed was 0" in methods
    assert "shown the true answers" in methods
    assert "The run is not complete." in methods
    assumed = {s.value for t in runs[0].tasks for s in t.settings if s.source == "assumed"}
    assert assumed
    assert all(value in methods for value in assumed)


def test_the_methods_of_a_generator_run(runs: tuple[RunResult, RunResult]) -> None:
    methods, _ = paragraphs(runs[1])
    assert "rated by the judges Guess, Other and Third" in methods
    assert "60 portraits were requested with the prompts emotion_600" in methods
    for task in runs[1].tasks:
        assert f"{task.outcomes['blocked']} blocked" in methods
    assert "The panel's answer is the option that most of three or more judges chose" in methods
    assert "permutation tests (Good 2005); their p values are corrected together by Holm's method" in methods


def test_only_what_was_used_is_cited(runs: tuple[RunResult, RunResult]) -> None:
    keys = [{r.key for r in cite(ExportSource.of(run.path)).references} for run in runs]
    both = {
        "memobench",
        "zhou2024memobench",
        "korn1998proportions",
        "field2007clustered",
        "horowitz2000missing",
    }
    assert both <= keys[0]
    assert both <= keys[1]
    assert {"krippendorff2004content", "holm1979multiple"} <= keys[1]
    # Replies in text have no probabilities.
    assert not keys[0] & {"wu2023qbench", "wu2023qalign", "brier1950verification", "guo2017calibration"}
    assert not (keys[0] | keys[1]) & {"angelopoulos2023ppi", "shrout1979intraclass"}


def test_every_key_that_sentences_use_exists() -> None:
    source = (Path(cite.__code__.co_filename).parent / "citation_sentences.py").read_text()
    used = {key for keys in re.findall(r"mark\([\"']([^\"']+)[\"']\)", source) for key in keys.split(",")}
    used |= {key for _, _, keys in KINDS for key in keys.split(",")} | set(NAMED.values())
    assert used - {"memobench"} == set(PUBLICATIONS), "every publication is cited somewhere, and no other"


def test_bibtex_is_well_formed() -> None:
    for reference in [*PUBLICATIONS.values(), software("0.1.0")]:
        entry = reference.bibtex()
        assert entry.count("{") == entry.count("}")
        assert re.match(r"@(article|book|inproceedings|misc)\{[a-z0-9]+,\n", entry)
        assert all(re.fullmatch(r"  [a-z]+ = \{.*\},?", line) for line in entry.splitlines()[1:-1])
        assert entry.isascii(), "no encoding matters"
        assert reference.text().endswith(".")
    names = labels(
        [PUBLICATIONS["wu2023qbench"], PUBLICATIONS["wu2023qalign"], PUBLICATIONS["holm1979multiple"]]
    )
    assert list(names.values()) == ["Wu et al. 2023a", "Wu et al. 2023b", "Holm 1979"]


class Hostile(Judge):
    """Has a name that would be markup."""

    capabilities = frozenset({Capability.TEXT})

    def judge(self, batch: Sequence[JudgeRequest]) -> Iterator[JudgeReply]:
        for request in batch:
            yield JudgeReply(request.id, text="happy")


def test_names_are_escaped(make_data: Callable[..., Path], tmp_path: Path) -> None:
    Hostile.__name__ = "a_b%$\\input{x}\x1b[31m"
    result = evaluate("coarse_emotion", Hostile(), data=make_data(12, "100%_faces"), out=tmp_path / "run")
    source = ExportSource.of(result.path)
    source.results.run.release = "1\x00holm1979multiple\x00"
    found = cite(source)
    assert "holm1979multiple" not in {r.key for r in found.references}
    methods, _ = found.latex()
    assert r"100\%\_faces" in methods
    assert r"\input" not in methods
    assert "\x1b" not in methods + "".join(found.text())
    assert "\x00" not in json.dumps(found.document())


@pytest.mark.parametrize("which", [0, 1], ids=["judge", "generator"])
def test_the_command(runs: tuple[RunResult, RunResult], which: int, harness: InProcess) -> None:
    path = runs[which].path
    text = harness("cite", path).ok().out
    methods, results = paragraphs(runs[which])
    assert methods in text
    assert results in text
    document = json.loads(harness("cite", path, "--format", "json").ok().out)
    assert (document["methods"], document["results"]) == (methods, results)
    bibtex = harness("cite", path, "--format", "bibtex").ok().out
    assert bibtex == "\n\n".join(r["bibtex"] for r in document["references"]) + "\n"
    as_latex = harness("cite", path, "--format", "latex").ok().out
    cited = {key for keys in re.findall(r"\\cite\{([^}]*)\}", as_latex) for key in keys.split(",")}
    assert cited == {r["key"] for r in document["references"]}
    for reference in document["references"]:
        assert reference["label"] in text
        assert reference["text"] in text


def test_a_run_without_results_is_refused(harness: InProcess, tmp_path: Path) -> None:
    harness("cite", tmp_path / "nowhere").fails(2, "There is no run")
