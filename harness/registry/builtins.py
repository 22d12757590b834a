"""What ships with the core, registered through the same hooks as every plugin."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness.components.record import Component, lazy
from harness.datasets.home import imported
from harness.hookspecs import hookimpl

_METRICS = (
    ("accuracy", "choice:Accuracy", "share of replies that are right; unparsed ones are wrong"),
    ("balanced_accuracy", "choice:BalancedAccuracy", "mean over the true options of the share read right"),
    ("macro_f1", "choice:MacroF1", "mean F1 over the options"),
    ("kappa", "choice:Kappa", "Cohen's kappa: agreement beyond chance"),
    ("unparsed_rate", "choice:UnparsedRate", "share of replies that could not be read"),
    ("fidelity", "choice:Fidelity", "share of portraits read as the emotion asked for"),
    (
        "ece",
        "calibration:ExpectedCalibrationError",
        "expected calibration error of the option or level read, 15 bins",
    ),
    ("brier", "calibration:Brier", "Brier score: squared distance of the probabilities from the truth"),
    (
        "position_bias",
        "position:PositionBias",
        "choices of the first option shown beyond one over the options",
    ),
    ("consistency", "pairs:Consistency", "share of pairs with the same picture preferred in both orders"),
    ("first_share", "pairs:FirstShare", "share of replies that name the picture shown first"),
    ("valence_gap", "choice:ValenceGap", "fidelity of positive minus fidelity of negative emotions"),
    ("srcc", "rank:Srcc", "Spearman rank correlation, pooled"),
    (
        "srcc_within_emotion",
        "rank:SrccWithinEmotion",
        "Spearman rank correlation within each emotion, averaged (Fisher z)",
    ),
    ("krcc", "rank:Krcc", "Kendall's tau-b"),
    ("plcc", "rating:Plcc", "Pearson correlation"),
    ("plcc_fitted", "fitted:PlccFitted", "Pearson correlation after the 4-parameter logistic"),
    ("rmse_fitted", "fitted:RmseFitted", "root mean square error after the 4-parameter logistic"),
    ("mae", "rating:MeanAbsoluteError", "mean absolute error, in levels"),
    ("rmse", "rating:RootMeanSquareError", "root mean square error, in levels"),
    ("bias", "rating:Bias", "mean of read minus true, in levels"),
    ("slope", "rating:Slope", "regression slope of the level read on the level asked"),
    ("mean_rating", "rating:MeanRating", "mean of the levels read"),
    ("spread_ratio", "rating:SpreadRatio", "standard deviation of what was read over that of the truth"),
    ("distinct_values", "rating:DistinctValues", "how many different values were read"),
)


@hookimpl
def harness_generators() -> Sequence[Component]:
    """Pictures made elsewhere."""
    return [
        Component(
            "folder",
            lazy("harness.generators.folder:FolderGenerator"),
            "pictures made elsewhere: folder:PATH is scored without drawing",
        )
    ]


@hookimpl
def harness_datasets() -> Sequence[Component]:
    """What `harness data import` made."""
    return [
        Component(name, lazy("harness.datasets.imported:ImportedData"), f"imported: {folder}", {"name": name})
        for name, folder in imported().items()
    ]


@hookimpl
def harness_metrics() -> Sequence[Component]:
    """Figures that task files name."""
    return [Component(name, lazy(f"harness.metrics.{home}"), summary) for name, home, summary in _METRICS]


@hookimpl
def harness_tasks() -> Sequence[Path]:
    """The built-in tasks: shipped in the wheel, or those of the checkout."""
    package = Path(__file__).parents[1]
    if (package / "_tasks").is_dir():
        return [package / "_tasks"]
    checkout = package.parent
    return [checkout / "tasks"] if (checkout / "pyproject.toml").is_file() else []


@hookimpl
def harness_reporters() -> Sequence[Component]:
    """Formats of `harness show RUN --format`."""
    return [
        Component("table", lazy("harness.reporters.table:TableReporter"), "tables for a terminal"),
        Component("json", lazy("harness.reporters.text:JsonReporter"), "the results document, schema 1"),
        Component("csv", lazy("harness.reporters.text:CsvReporter"), "one line for each figure"),
        Component(
            "markdown", lazy("harness.reporters.text:MarkdownReporter"), "tables for an issue or a page"
        ),
    ]


@hookimpl
def harness_executors() -> Sequence[Component]:
    """Where a judge's work is done."""
    return [Component("local", lazy("harness.components.executor:LocalExecutor"), "in this process")]
