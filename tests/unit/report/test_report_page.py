"""The page of `harness report`: its data, its policy, its figures and what is left out of it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers import data
from helpers.report_page import Page
from hypothesis import given
from hypothesis import strategies as st

import harness
from harness.errors import BadOutput, MissingPackage, RequestError
from harness.report import thumbnails
from harness.report.answers import PictureFile, collect
from harness.report.page import WrittenReport, write_report
from harness.report.payload import Codes, Numbers, Packer, as_text, json_script, shortened, unpack
from harness.report.stored import read_runs

Make = Callable[..., Path]

texts = st.lists(st.text(max_size=8) | st.just("\ud800</script>"), min_size=1, max_size=40)


@given(texts, st.lists(st.none() | st.integers(-4000, 4000).map(lambda n: n / 1000), min_size=1, max_size=40))
def test_columns_come_back_as_they_were(values: list[str], numbers: list[float | None]) -> None:
    packer = Packer()
    packer.add_table(
        "texts", {"value": Codes(values), "row": Numbers([float(k) for k in range(len(values))])}
    )
    packer.add_table("numbers", {"value": Numbers(numbers, 0.001)})
    meta, tables = unpack(as_text(packer.packed({"name": "x"})))
    assert meta == {"name": "x"}
    assert tables["texts"]["value"] == values
    assert tables["texts"]["row"] == list(range(len(values)))
    assert tables["numbers"]["value"] == pytest.approx(numbers)


def test_long_columns_of_numbers_are_stored_as_differences() -> None:
    packer = Packer()
    packer.add_table("rows", {"up": Numbers([float(k // 3) for k in range(200_000)])})
    packed = packer.packed({})
    assert len(packed) < 2000
    assert unpack(as_text(packed))[1]["rows"]["up"][-4:] == [66665, 66665, 66666, 66666]


def test_texts_are_shortened_with_what_is_left_out() -> None:
    assert shortened("abcdef", 6) == "abcdef"
    assert shortened("abcdef" * 1000, 4) == "abcd [5,996 more characters]"


def test_json_cannot_end_its_element() -> None:
    text = json_script({"a": "</script><!--&"})
    assert not set("<>&") & set(text)
    assert json.loads(text) == {"a": "</script><!--&"}


def executable(page: Page) -> list[str]:
    return [text for attributes, text in page.scripts if "type" not in attributes]


@pytest.mark.slow
def test_the_policy_names_every_script_and_style_by_its_hash(page: Page) -> None:
    [policy] = [
        tag["content"] or "" for tag in page.all("meta") if tag.get("http-equiv") == "Content-Security-Policy"
    ]
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == "'none'"
    assert rules["img-src"] == "'self' data:"
    for name, found in (("script-src", executable(page)), ("style-src", page.styles)):
        digests = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in found]
        assert rules[name].split() == [f"'sha256-{digest}'" for digest in digests]
    assert len(executable(page)) == 2
    assert len(page.styles) == 1
    assert not [name for _, tag in page.tags for name in tag if name == "style" or name.startswith("on")]


def test_scripts_use_no_markup_and_evaluate_nothing() -> None:
    for path in Path(harness.__file__ or "").parent.glob("report/static/*.js"):
        text = path.read_text(encoding="utf-8")
        found = re.findall(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|fetch\(|XMLHttp",
            text,
        )
        assert not found, path.name
        assert len(text.splitlines()) < 400


def test_nothing_refers_to_another_place(page: Page) -> None:
    for tag, attributes in page.tags:
        for name in ("src", "href", "action", "data", "poster", "srcset"):
            value = attributes.get(name)
            assert value is None or value.startswith(("#", "data:,")), f"<{tag} {name}={value}>"
    assert "http" not in page.text
    assert "url(" not in page.styles[0]
    assert "@import" not in page.styles[0]


def numbers_in(document: Any) -> Iterator[float]:
    if isinstance(document, bool):
        return
    if isinstance(document, (int, float)):
        yield document
    elif isinstance(document, dict):
        for value in document.values():
            yield from numbers_in(value)
    elif isinstance(document, list):
        for value in document:
            yield from numbers_in(value)


def test_every_figure_is_one_of_the_results(run: Path, page: Page) -> None:
    results = json.loads((run / "results.json").read_bytes())
    known = {float(value) for value in numbers_in(results)} | {0.0}
    text = (run.parent / "report.html").read_text(encoding="utf-8")
    # Medians of the strength are computed for the page, and the rate of requests; both say so.
    outside = re.sub(r'<section id="(intensity|costs)".*?</section>', "", text, flags=re.DOTALL)
    shown = re.findall(r'<data value="([^"]+)">([^<]+)</data>', outside)
    assert len(shown) > 100
    for exact, rounded in shown:
        assert float(exact) in known, exact
        digits = rounded.replace("\N{MINUS SIGN}", "-").replace(",", "")
        if digits not in ("<0.001", "\N{MIDDLE DOT}"):
            assert float(digits) == pytest.approx(float(exact), abs=0.00051)


def test_every_metric_value_and_interval_is_shown(run: Path, page: Page) -> None:
    results = json.loads((run / "results.json").read_bytes())
    shown = {float(tag["value"] or "nan") for tag in page.all("data")}
    for task in results["tasks"]:
        for metric in task["metrics"]:
            for name in ("value", "low", "high", "n"):
                both = metric["low"] is not None and metric["high"] is not None
                if metric[name] is not None and (both or name not in ("low", "high")):
                    assert float(metric[name]) in shown, f"{metric['name']} {metric['group']} {name}"
        for row in (task["confusion"] or {"matrix": []})["matrix"]:
            assert {float(count) for count in row[:-1]} <= shown
        assert task["data"]["digest"] in page.text
        for setting in task["settings"]:
            assert setting["value"] in page.text
        for warning in task["warnings"]:
            assert " ".join(warning.split()) in " ".join(page.text.split())


def test_charts_hold_the_numbers_of_the_results(run: Path, page: Page) -> None:
    known = {float(value) for value in numbers_in(json.loads((run / "results.json").read_bytes()))}
    specs = json.loads(page.script("charts"))
    assert {"light", "dark"} == set(specs["themes"])
    assert {name.rpartition("-")[0] for name in specs["charts"]} >= {"ladder", "groups", "intensity"}
    drawn = {tag["data-chart"] for tag in page.all("div") if "data-chart" in tag}
    assert drawn == set(specs["charts"])
    [ladder] = [spec for name, spec in specs["charts"].items() if name.startswith("ladder")]
    found = re.findall(
        r'"(?:value|low|high)": ([-\d.e]+)',
        json.dumps(ladder.get("datasets", ladder)),
    )
    assert found
    assert {float(value) for value in found if float(value) not in (0.0, 1.0)} <= known


def test_answers_are_those_of_the_run(run: Path, page: Page) -> None:
    meta, tables = unpack(page.script("answers"))
    rows = list(harness_rows(run))
    assert [run["model"] for run in meta["runs"]] == ["echo"]
    assert len(tables["rows"]["task"]) == len(rows)
    for k, row in enumerate(rows):
        assert tables["rows"]["state"][k] == row.state
        assert tables["rows"]["reply"][k] == row.reply
        sample = int(tables["rows"]["sample"][k])
        assert tables["samples"]["id"][sample] == row.sample
        assert tables["samples"]["a:subject"][sample] == row.attributes["subject"]
        assert json.loads(tables["rows"]["shown"][k]) == list(row.shown)
        assert all(option in tables["rows"]["asked"][k] for option in row.shown)


def harness_rows(run: Path) -> Iterator[Any]:
    from harness.exporting.samples import iter_samples

    return iter_samples(run)


def test_the_same_runs_give_the_same_page(run: Path, written: WrittenReport, tmp_path: Path) -> None:
    again = write_report([run], run.parent / "again.html")
    assert again.path.read_bytes() == written.path.read_bytes()
    assert again.size == written.size < 3_000_000


def test_thumbnails_are_spread_over_strata_and_repeat(run: Path) -> None:
    answers = collect(read_runs([run]))
    chosen = thumbnails.choose(answers, 24)
    assert len(chosen) == 24
    assert chosen == thumbnails.choose(answers, 24)
    assert chosen != thumbnails.choose(answers, 24, seed=1)
    held = {k for k in range(len(answers)) if answers.pictures_of[answers.sample[k]][0] in set(chosen)}
    emotions = {answers.samples["emotion"][answers.sample[k]] for k in held}
    assert emotions == set(data.EMOTIONS)
    assert {answers.rows["state"][k] for k in held} == {"right", "wrong"}
    assert thumbnails.choose(answers, None) == list(range(60))


def test_pictures_are_embedded_linked_or_neither(run: Path, tmp_path: Path) -> None:
    root = str(run.parent / "faces")
    odd = run.parent / "faces" / "javascript:alert(1).png"
    data.picture(odd)
    pictures = [
        PictureFile(root, "faces/00000.png"), PictureFile(root, odd.name), PictureFile(root, "gone.png"),
        PictureFile(root, "../run/run.json"), PictureFile("", "faces/00000.png"), PictureFile(root, "/etc/passwd"),
        PictureFile(root, "a\0b"),
    ]  # fmt: skip
    links = thumbnails.links(pictures, run.parent / "x" / "page.html")
    assert links == [
        "./../faces/faces/00000.png",
        "./../faces/javascript%3Aalert%281%29.png",
        "",
        "",
        "",
        "",
        "",
    ]
    embedded = thumbnails.embedded(pictures, range(len(pictures)))
    assert set(embedded) == {0, 1}
    assert base64.b64decode(embedded[0])[8:12] == b"WEBP"
    odd.unlink()


def test_what_does_not_fit_is_shortened_and_said(run: Path, tmp_path: Path) -> None:
    page = write_report([run], tmp_path / "small.html", embed=0, max_mb=0.1)
    assert any("shortened" in note for note in page.notes)
    assert page.notes[0] in Page(page.path.read_text(encoding="utf-8")).text


def test_a_run_without_results_says_how_to_get_them(run: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in run.iterdir():
        if path.name != "results.json":
            (copy / path.name).write_bytes(path.read_bytes())
    with pytest.raises(RequestError, match="has no results yet") as raised:
        write_report([copy], tmp_path / "report.html")
    assert f"harness score {copy}" in raised.value.hint
    (copy / "results.json").write_text("[1, 2")
    with pytest.raises(RequestError, match="cannot be read") as raised:
        write_report([copy], tmp_path / "report.html")
    assert f"harness score {copy}" in raised.value.hint
    with pytest.raises(RequestError, match="No run"):
        write_report([], tmp_path / "report.html")
    with pytest.raises(BadOutput, match="is a folder"):
        write_report([run], tmp_path)


@pytest.mark.slow
def test_results_of_earlier_versions_are_shown(run: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in run.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    results = json.loads((copy / "results.json").read_bytes())
    for task in results["tasks"]:
        for name in (
            "read_as",
            "people",
            "tests",
            "confusion",
            "unparsed_reasons",
            "usage",
            "timings",
            "stability",
        ):
            task.pop(name, None)
    (copy / "results.json").write_text(json.dumps(results))
    document = json.loads((copy / "run.json").read_bytes())
    for name in ("folders", "hardware", "git", "command", "attempts", "oracles", "pace"):
        document.pop(name, None)
    (copy / "run.json").write_text(json.dumps(document))
    page = write_report([copy], tmp_path / "report.html")
    assert page.embedded == 0, "the folder of the pictures is not known"
    assert page.answers > 100
    document["request"]["tasks"]["coarse_emotion"]["answer"] = {"kind": "a later kind"}
    (copy / "run.json").write_text(json.dumps(document))
    page = write_report([copy], tmp_path / "report.html")
    assert page.answers == 0
    assert "cannot be shown" in Page(page.path.read_text(encoding="utf-8")).text


def test_the_extra_is_named_where_it_is_missing(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name, *_: None)
    with pytest.raises(MissingPackage) as raised:
        write_report([run], tmp_path / "report.html")
    assert "[report]" in raised.value.hint
