"""`harness gate`: is a run worse than a baseline? Makes and tests baselines."""

from __future__ import annotations

import json
from pathlib import Path

import click

from harness.cli import completion
from harness.cli.gate_output import print_report, write_artifacts
from harness.comparing.loaded import load_run
from harness.errors import ExitCode, RequestError
from harness.escaping import plain
from harness.gating import baseline as baselines
from harness.gating.config import load_config
from harness.gating.gate import gate
from harness.gating.records import GateReport
from harness.gating.self_test import self_test
from harness.reporters import gated
from harness.store.find import find_run

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command("gate")
@click.argument("run", required=False, shell_complete=completion.runs)
@click.option(
    "--baseline", required=True, metavar="BASE", help="A baseline, or a run folder, to compare with."
)
@click.option("--margin", type=click.FloatRange(min=0), help="The drop that is tolerated. [default: 0.05]")
@click.option(
    "--config", type=_FILE, metavar="F", help="Settings. [default: gate.toml in the baseline's folder]"
)
@click.option(
    "--anyway", is_flag=True, help="Compare runs that differ in what they asked; what differs is named."
)
@click.option(
    "--inconclusive",
    type=click.Choice(["pass", "fail"]),
    help="Exit with 0 or 1, not 4, where the gate cannot tell.",
)
@click.option("--bless", metavar="RUN", help="Write RUN as the new baseline into the folder --baseline.")
@click.option(
    "--self-test", "testing", is_flag=True, help="Measure false alarms on the baseline alone (A/A)."
)
@click.option("--junit", type=_FILE, metavar="F", help="Write a JUnit report.")
@click.option("--markdown", "page", type=_FILE, metavar="F", help="Write a Markdown report.")
@click.option("--badge", "shield", type=_FILE, metavar="F", help="Write a badge for shields.io (JSON).")
@click.option(
    "--json", "as_json", is_flag=True, help="Print the report as JSON, and nothing else, on standard output."
)
def command(
    run: str | None,
    baseline: str,
    margin: float | None,
    config: Path | None,
    anyway: bool,
    inconclusive: str | None,
    bless: str | None,
    testing: bool,
    junit: Path | None,
    page: Path | None,
    shield: Path | None,
    as_json: bool,
) -> int:
    """Tell whether RUN is worse than a baseline: pass, regression, or cannot tell.

    \b
      harness gate --bless runs/llava-1.5 --baseline baselines/llava
      harness gate --baseline baselines/llava runs/llava-1.6
      harness gate --baseline baselines/llava --self-test

    Exit codes: 0 pass; 1 regression; 2 the request was wrong or the runs are not comparable; 4 cannot tell.
    """
    given = [name for name, value in (("RUN", run), ("--bless", bless), ("--self-test", testing)) if value]
    if len(given) != 1:
        raise RequestError(
            f"Give one of RUN, --bless RUN and --self-test, not {' and '.join(given) or 'none of them'}.",
            "For example: harness gate --baseline BASE RUN",
        )
    if bless:
        return _bless(bless, Path(baseline))
    if testing:
        return _self_test(baseline, config, margin, as_json=as_json)
    assert run is not None
    return _gate(
        gate(run, baseline, margin=margin, config=config, anyway=anyway),
        {"junit": junit, "markdown": page, "badge": shield},
        inconclusive,
        as_json=as_json,
    )


def _gate(
    report: GateReport, files: dict[str, Path | None], inconclusive: str | None, *, as_json: bool
) -> int:
    if report.verdict == "inconclusive" and inconclusive:
        report.exit_code = ExitCode.OK if inconclusive == "pass" else ExitCode.REGRESSION
    write_artifacts(report, files)
    if as_json:
        click.echo(json.dumps(report.document(), indent=1, allow_nan=False))
    else:
        print_report(report)
    return report.exit_code


def _bless(reference: str, folder: Path) -> int:
    path = find_run(reference)
    files = baselines.bless(path, folder)
    for file in files:
        click.echo(f"{plain(file)}  {file.stat().st_size / 1000:.0f} KB")
    click.echo(
        f"\n{plain(path.name)} is the baseline now: commit {plain(folder)}, and review results.json as a diff.",
        err=True,
    )
    return ExitCode.OK


def _self_test(baseline: str, config: Path | None, margin: float | None, *, as_json: bool) -> int:
    path = find_run(baseline)
    settings = load_config(config, path, margin)
    found = self_test(load_run(path), settings)
    if as_json:
        click.echo(json.dumps([test.model_dump(mode="json") for test in found], indent=1))
    else:
        for test in found:
            click.echo(plain(gated.self_test(test)))
    return ExitCode.OK
