"""The contract of reporters."""

from __future__ import annotations

import json
from typing import Any

import pytest

from harness import Reporter, Results
from harness.testing.contract import ComponentContract
from harness.testing.runs import finished_runs


class ReporterContract(ComponentContract):
    """Inherit and override `reporter`; override `results` to render results of your own."""

    @pytest.fixture
    def finished(self) -> dict[str, Results]:
        """Results of small runs, made once."""
        return {role: run.results for role, run in finished_runs().items()}

    @pytest.fixture
    def reporter(self) -> Reporter:
        """The reporter under test."""
        pytest.fail("override the fixture `reporter`")

    @pytest.fixture
    def component(self, reporter: Reporter) -> Reporter:
        """The reporter, for the tests that all kinds of component share."""
        return reporter

    @pytest.fixture(params=["judge", "generator"])
    def results(self, request: pytest.FixtureRequest, finished: dict[str, Results]) -> Results:
        """Results of a judge on two tasks, and of a generator: with failed and unparsed answers, and odd texts."""
        return finished[request.param].model_copy(deep=True)

    def test_it_renders_text(self, reporter: Reporter, results: Results) -> None:
        """`render` returns the whole text, which ends in a newline.

        Fix: return a `str`, and print nothing.
        """
        text = _text(reporter, results)
        assert text.strip(), "the text is empty"
        assert text.endswith("\n"), "the text does not end in a newline"

    def test_the_text_is_the_same_again(self, reporter: Reporter, results: Results) -> None:
        """The same results give the same text, and are not changed.

        Fix: write no time and no path; work on copies.
        """
        before = results.model_dump_json()
        assert _text(reporter, results) == _text(reporter, results), "another text for the same results"
        assert results.model_dump_json() == before, "the results are changed"

    def test_the_text_depends_on_the_results(self, reporter: Reporter, finished: dict[str, Results]) -> None:
        """Other results give another text.

        Fix: render what is in `results`.
        """
        one, other = (_text(reporter, found) for found in finished.values())
        assert one != other, "the same text for a run of a judge and one of a generator"

    @pytest.mark.parametrize("width", [40, 300])
    def test_any_width(self, reporter: Reporter, results: Results, width: int) -> None:
        """Narrow and wide terminals are no error.

        Fix: cut or wrap what is wider than `width`.
        """
        assert _text(reporter, results, width=width).endswith("\n"), f"no newline at the end at width {width}"

    def test_no_colour_unless_it_is_allowed(self, reporter: Reporter, results: Results) -> None:
        """Without `color` the text holds no terminal codes.

        Fix: write escape sequences only where `color` is true.
        """
        assert "\x1b" not in _text(reporter, results), "the text holds terminal codes"
        _text(reporter, results, color=True)

    def test_values_that_do_not_exist(self, reporter: Reporter, results: Results) -> None:
        """A metric without a value or an interval is no error.

        Fix: test `value`, `low` and `high` for None before formatting them.
        """
        document = json.loads(results.model_dump_json())
        for task in document["tasks"]:
            for metric in task["metrics"]:
                metric.update(value=None, low=None, high=None)
        _text(reporter, Results.model_validate(document))

    def test_a_run_without_tasks(self, reporter: Reporter, results: Results) -> None:
        """Results without any task are no error.

        Fix: take the first or best of a list only where it is not empty.
        """
        _text(reporter, results.model_copy(update={"tasks": []}))


def _text(reporter: Reporter, results: Results, **how: Any) -> str:
    text = reporter.render(results, **how)
    assert isinstance(text, str), f"render returns {type(text).__name__} instead of a text"
    return text
