"""`harness power`: how many samples a comparison needs, or what it can detect with those available."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import click

from harness.errors import BadOption, ExitCode, unknown
from harness.escaping import plain
from harness.stats import power as planning

Kind = Literal["proportion", "mean", "spearman", "pearson", "kendall"]
KINDS: dict[str, Kind] = {
    "accuracy": "proportion",
    "fidelity": "proportion",
    "consistency": "proportion",
    "unparsed_rate": "proportion",
    "mae": "mean",
    "bias": "mean",
    "brier": "mean",
    "mean_rating": "mean",
    "srcc": "spearman",
    "krcc": "kendall",
    "plcc": "pearson",
}
"""The metrics whose errors follow from n alone, and how."""
FEW = 10
_LEAST_CHANCE = 1e-9
"""Below this, quantiles of the normal distribution can no longer be distinguished."""
Power = Callable[[float, float], float]
"""Power for a signed difference and n independent samples."""


@dataclass(frozen=True)
class PowerQuery:
    """What is asked, checked."""

    metric: str
    n: int | None
    difference: float | None
    baseline: float
    sd: float
    icc: float
    cluster_size: float
    power: float
    alpha: float
    discordant: float | None
    correlation: float | None
    paired: bool

    @property
    def kind(self) -> Kind:
        """How the metric's error follows from n."""
        return KINDS[self.metric]

    one_sided: bool = False

    @property
    def two_sided_alpha(self) -> float:
        """The alpha of the two-sided test that rejects as often in the direction of the difference."""
        return 2 * self.alpha if self.one_sided else self.alpha

    @property
    def spread(self) -> float:
        """For a mean: the standard deviation that enters its test, of the differences where they are paired."""
        if self.correlation is None:
            return self.sd
        return planning.sd_of_differences(self.sd, self.correlation)

    @property
    def effect(self) -> float:
        """How many times more samples the clusters take."""
        return planning.design_effect(self.cluster_size, self.icc)


@click.command("power")
@click.option("--metric", required=True, help=f"One of {', '.join(KINDS)}.")
@click.option("--n", type=click.IntRange(min=2), help="Answers of each run: what difference can they find?")
@click.option("--difference", type=float, help="The difference to find: how many answers does it take?")
@click.option(
    "--baseline",
    type=float,
    help="The metric value to start from; 0.5 for a proportion, 0 for a correlation.",
)
@click.option(
    "--sd",
    type=float,
    help="For a mean: standard deviation of one answer; with --paired and no --correlation, of the differences.",
)
@click.option(
    "--icc", type=click.FloatRange(0, 1), default=0.0, help="How alike answers within a cluster are, 0 to 1."
)
@click.option(
    "--cluster-size", type=click.FloatRange(min=1), default=1.0, help="Mean number of answers in a cluster."
)
@click.option(
    "--power", "wanted", type=float, default=0.8, show_default=True, help="Chance to find the difference."
)
@click.option(
    "--alpha", type=float, default=0.05, show_default=True, help="Chance to find one where there is none."
)
@click.option("--paired", is_flag=True, help="Both runs answer the same samples.")
@click.option("--discordant", type=float, help="For a paired share: how often just one of the two is right.")
@click.option(
    "--correlation",
    type=float,
    help="For a paired mean: correlation of the two runs' answers over the samples.",
)
@click.option("--one-sided", is_flag=True, help="Test for a drop alone, as the gate does.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, and nothing else, on standard output.")
def command(
    metric: str,
    n: int | None,
    difference: float | None,
    baseline: float | None,
    sd: float | None,
    icc: float,
    cluster_size: float,
    wanted: float,
    alpha: float,
    paired: bool,
    discordant: float | None,
    correlation: float | None,
    one_sided: bool,
    as_json: bool,
) -> int:
    """Plan how many answers a comparison of two runs needs.

    \b
      harness power --metric accuracy --n 600 --baseline 0.8
      harness power --metric accuracy --n 600 --paired --discordant 0.1
      harness power --metric accuracy --n 600 --paired --discordant 0.1 --one-sided
      harness power --metric mae --n 600 --sd 0.9 --paired --correlation 0.6
      harness power --metric srcc --difference 0.05 --baseline 0.6 --icc 0.1 --cluster-size 10

    What pairing gains depends on how alike the two runs are: --discordant says it of a share, --correlation of a mean
    (or --sd of the differences).

    A run that finds no difference proves nothing about one that is smaller than what it could have found.
    """
    if metric not in KINDS:
        raise unknown("metric", metric, KINDS, "Others have no error that follows from n alone.")
    of_correlation = KINDS[metric] not in ("proportion", "mean")
    plan = PowerQuery(
        metric,
        n,
        None if difference is None else abs(difference),
        (0.0 if of_correlation else 0.5) if baseline is None else baseline,
        1.0 if sd is None else sd,
        icc,
        cluster_size,
        wanted,
        alpha,
        discordant,
        correlation,
        paired or discordant is not None or correlation is not None,
        one_sided,
    )
    _check(plan, given={"--baseline": baseline, "--sd": sd})
    document = _document(plan)
    if as_json:
        click.echo(json.dumps(document, indent=1))
    else:
        _show(plan, document)
    return ExitCode.OK


def _check(plan: PowerQuery, given: dict[str, float | None]) -> None:
    """Raise BadOption for what does not fit together."""
    if plan.n is None and plan.difference is None:
        raise BadOption(
            "Neither --n nor --difference is given.",
            "Give --n to see what it can find, or --difference to see how many answers it takes.",
        )
    for flag, number in (("--icc", plan.icc), ("--cluster-size", plan.cluster_size)):
        if not math.isfinite(number):
            raise BadOption(
                f"{flag} {number:g} is not a finite number.", "For example: --icc 0.1 --cluster-size 10"
            )
    for flag, value in (("--power", plan.power), ("--alpha", plan.alpha)):
        if not _LEAST_CHANCE <= value <= 1 - _LEAST_CHANCE:
            raise BadOption(
                f"{flag} {value:g} is not a probability.", "It lies between 0 and 1: --power 0.8 --alpha 0.05"
            )
    if plan.one_sided and plan.alpha >= 0.5:
        raise BadOption(
            f"--alpha {plan.alpha:g} is too large for a one-sided test.", "For example: --alpha 0.05"
        )
    if plan.power <= plan.alpha:
        raise BadOption(
            f"--power {plan.power:g} is not above --alpha {plan.alpha:g}.",
            "Ask for more power or a smaller alpha.",
        )
    if plan.difference is not None and not (plan.difference > 0 and math.isfinite(plan.difference)):
        raise BadOption("--difference must be a number other than 0.", "For example: --difference 0.03")
    if plan.kind == "mean":
        if given["--sd"] is None or not 0 < plan.sd <= 1e100:
            raise BadOption(
                f"{plan.metric} is a mean: --sd must be the standard deviation of the answers, above 0.",
                "For example: --sd 0.9 (levels); `harness show RUN --json` has the spread of a run.",
            )
    elif given["--sd"] is not None:
        raise BadOption(f"{plan.metric} has no --sd.", "Its error follows from --baseline.")
    lowest = 0 if plan.kind == "proportion" else -1
    if plan.kind != "mean" and not lowest < plan.baseline < 1:
        raise BadOption(
            f"--baseline {plan.baseline:g} is not a possible {plan.metric}.",
            f"It lies between {lowest} and 1.",
        )
    if plan.kind not in ("proportion", "mean") and plan.paired:
        raise BadOption(
            f"A paired plan for {plan.metric} needs the correlation of the errors of both runs, which no option gives.",
            "Omit --paired: the plan for independent runs is conservative for runs on the same samples.",
        )
    if plan.correlation is not None and (plan.kind != "mean" or not -1 <= plan.correlation < 1):
        raise BadOption(
            "--correlation is that of the two runs' answers over the same samples, for a mean.",
            "From -1 to below 1: --metric mae --sd 0.9 --correlation 0.6"
            + (" (a share takes --discordant)" if plan.kind == "proportion" else ""),
        )
    if plan.discordant is not None and (plan.kind != "proportion" or not 0 < plan.discordant <= 1):
        raise BadOption(
            "--discordant is the share of samples that one of two runs alone gets right.",
            "For a share such as accuracy, above 0 and at most 1: --discordant 0.1",
        )
    if plan.paired and plan.kind == "proportion" and plan.discordant is None:
        raise BadOption(
            "--paired needs --discordant for a share.",
            "How often is just one of the two runs right? For example: --discordant 0.1",
        )


def _power(plan: PowerQuery) -> Power:
    if plan.kind == "proportion" and plan.discordant is not None:
        return partial(planning.paired_proportions, discordant=plan.discordant, alpha=plan.two_sided_alpha)
    if plan.kind == "proportion":
        return partial(planning.proportions, baseline=plan.baseline, alpha=plan.two_sided_alpha)
    if plan.kind == "mean":
        return partial(planning.means, sd=plan.spread, alpha=plan.two_sided_alpha, paired=plan.paired)
    return partial(planning.correlations, baseline=plan.baseline, alpha=plan.two_sided_alpha, kind=plan.kind)


def _largest(plan: PowerQuery) -> dict[str, float]:
    """How far the value can fall and rise."""
    if plan.kind == "mean":
        return {"drop": -1e6 * plan.spread, "gain": 1e6 * plan.spread}
    if plan.discordant is not None:
        return {"drop": -plan.discordant, "gain": plan.discordant}
    return {"drop": (0 if plan.kind == "proportion" else -1) - plan.baseline, "gain": 1 - plan.baseline}


def _assumptions(plan: PowerQuery) -> list[str]:
    """What a paired mean takes for granted."""
    if plan.kind != "mean" or not plan.paired:
        return []
    if plan.correlation is None:
        return [
            f"--sd {plan.sd:g} is taken as the standard deviation of the differences between the two runs; "
            "if it is that of one answer, the plan needs --correlation too"
        ]
    return [f"the differences between the two runs have a standard deviation of {plan.spread:.4g}"]


def _document(plan: PowerQuery) -> dict[str, Any]:
    """The plan and what follows from it: numbers, or null with a note."""
    power, effect, notes = _power(plan), plan.effect, _assumptions(plan)
    found: dict[str, Any] = {"smallest": None, "power_at_n": None, "n_needed": None}
    if plan.n is not None:
        independent = plan.n / effect
        found["smallest"] = {
            name: planning.smallest_difference(lambda d: power(d, independent), most, plan.power)
            for name, most in _largest(plan).items()
        }
        missing = [name for name, value in found["smallest"].items() if value is None]
        notes += [f"no {name}, however large, is found with a chance of {plan.power:g}" for name in missing]
    if plan.difference is not None:
        signs = [most for most in _largest(plan).values() if abs(most) >= plan.difference]
        signed = [math.copysign(plan.difference, most) for most in signs]
        if plan.n is not None and signed:
            found["power_at_n"] = min(power(d, plan.n / effect) for d in signed)
        needed = [planning.samples_needed(partial(power, d), plan.power) for d in signed]
        if needed and all(n is not None for n in needed):
            found["n_needed"] = math.ceil(max(n for n in needed if n is not None) * effect)
        else:
            why = "takes more answers than there could be" if needed else "is not possible here"
            notes.append(f"a difference of {plan.difference:g} {why}")
    clusters = (plan.n or found["n_needed"] or 0) / plan.cluster_size
    if plan.cluster_size > 1 and 0 < clusters < FEW:
        notes.append(f"few clusters ({clusters:.3g}): more answers of each help little, more clusters do")
    return {
        "metric": plan.metric,
        "baseline": None if plan.kind == "mean" else plan.baseline,
        "sd": plan.sd if plan.kind == "mean" else None,
        "paired": plan.paired,
        "discordant": plan.discordant,
        "correlation": plan.correlation,
        "sd_of_differences": plan.spread if plan.kind == "mean" and plan.paired else None,
        "alpha": plan.alpha,
        "one_sided": plan.one_sided,
        "power": plan.power,
        "icc": plan.icc,
        "cluster_size": plan.cluster_size,
        "design_effect": effect,
        "n": plan.n,
        "independent_n": None if plan.n is None else plan.n / effect,
        "difference": plan.difference,
        **found,
        "notes": notes,
    }


def _show(plan: PowerQuery, document: dict[str, Any]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column(f"{plan.metric}, {'paired' if plan.paired else 'two independent runs'}")
    table.add_column("", justify="right")
    if plan.n is not None:
        worth = "" if plan.effect == 1 else f" (worth {document['independent_n']:.0f} independent ones)"
        table.add_row("answers of each run", f"{plan.n}{worth}")
        for name, value in document["smallest"].items():
            table.add_row(f"smallest {name} that is found", "-" if value is None else f"{abs(value):.4f}")
    if plan.difference is not None:
        table.add_row("difference to find", f"{plan.difference:g}")
        if document["power_at_n"] is not None:
            table.add_row("chance to find it", f"{document['power_at_n']:.1%}")
        needed = document["n_needed"]
        table.add_row(f"answers needed for {plan.power:.0%}", "-" if needed is None else str(needed))
    if plan.effect > 1:
        table.add_row("design effect of the clusters", f"{plan.effect:.3g}")
    Console(highlight=False, emoji=False).print(table)
    begin = "" if plan.kind == "mean" else f", baseline {plan.baseline:g}"
    if plan.discordant is not None:
        begin = f", one of the two alone right in {plan.discordant:.0%}"
    sides = "one-sided" if plan.one_sided else "two-sided"
    click.echo(f"{sides}, alpha {plan.alpha:g}, power {plan.power:g}{begin}")
    for note in document["notes"]:
        click.echo(f"note: {plain(note)}")
