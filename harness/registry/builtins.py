"""Registers the built-in components through the same hooks as any plugin."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness.components.record import Component, lazy
from harness.datasets.home import imported
from harness.hookspecs import hookimpl

_METRICS = (
    ("accuracy", "choice:Accuracy", "share of correct replies; unparsed replies count as wrong"),
    ("balanced_accuracy", "shown:BalancedAccuracy", "mean recall over the true options"),
    ("macro_f1", "choice:MacroF1", "mean F1 over the options"),
    ("kappa", "choice:Kappa", "Cohen's kappa: agreement beyond chance"),
    ("unparsed_rate", "choice:UnparsedRate", "share of replies that could not be parsed"),
    ("fidelity", "choice:Fidelity", "share of portraits recognised as the requested emotion"),
    ("ece", "calibration:ExpectedCalibrationError", "expected calibration error of the predicted option or level, 15 bins"),
    ("brier", "calibration:Brier", "Brier score: squared error of the predicted probabilities"),
    ("auroc", "detection:Auroc", "area under the ROC curve of the probability of an option: pooled, or the mean over emotions"),
    ("average_precision", "detection:AveragePrecision", "average precision of the probability of an option: pooled, or the mean over emotions"),
    ("top_k_accuracy", "option_ranks:TopKAccuracy", "share of rows whose true option is among the k likeliest, 3 by default"),
    ("ndcg", "option_ranks:Ndcg", "normalised discounted cumulative gain of the options ranked by probability"),
    ("position_bias", "position:PositionBias", "share of replies choosing the first option shown, minus chance"),
    ("consistency", "pairs:Consistency", "share of pairs whose preferred picture is the same in both orders"),
    ("first_share", "pairs:FirstShare", "share of replies choosing the first picture"),
    ("valence_gap", "valence_gap:ValenceGap", "fidelity for positive emotions minus fidelity for negative ones"),
    ("srcc", "rank:Srcc", "Spearman rank correlation, pooled"),
    ("srcc_within_emotion", "rank:SrccWithinEmotion", "Spearman rank correlation within each emotion, averaged (Fisher z)"),
    ("krcc", "rank:Krcc", "Kendall's tau-b"),
    ("plcc", "rating:Plcc", "Pearson correlation"),
    ("ccc", "rating:Ccc", "Lin's concordance correlation: agreement with the truth in order, scale and mean"),
    ("plcc_fitted", "fitted:PlccFitted", "Pearson correlation after the 4-parameter logistic"),
    ("rmse_fitted", "fitted:RmseFitted", "root mean square error after the 4-parameter logistic"),
    ("mae", "rating:MeanAbsoluteError", "mean absolute error, in levels"),
    ("rmse", "rating:RootMeanSquareError", "root mean square error, in levels"),
    ("bias", "rating:Bias", "mean signed error (predicted minus true), in levels"),
    ("slope", "rating:Slope", "regression slope of predicted level on requested level"),
    ("mean_rating", "rating:MeanRating", "mean predicted level"),
    ("spread_ratio", "rating:SpreadRatio", "standard deviation of predictions divided by that of the truth"),
    ("distinct_values", "rating:DistinctValues", "number of distinct predicted values"),
)  # fmt: skip

_IMPORTERS = (
    ("memo-bench", "memo_bench:MemoBench", "the release of MEMO-Bench: dataset/, annotation_emo.csv, annotation_quality.csv"),
    ("class-folders", "class_folders:ClassFolders", "pictures in folders named after emotions, at any depth; train, validation and test become a column"),
    ("manifest", "manifest:Manifest", "a folder with manifest.csv (column image; id, emotion, intensity, quality, ...), and an optional ratings.csv"),
    ("fer2013", "fer2013:Fer2013", "FER2013: fer2013.csv, or class folders"),
    ("ferplus", "ferplus:FerPlus", "FER+: fer2013new.csv (votes of ten taggers) next to fer2013.csv"),
    ("raf-db", "raf_db:RafDb", "RAF-DB, basic emotions: EmoLabel/list_patition_label.txt and Image/aligned/"),
    ("affectnet", "affectnet:AffectNet", "AffectNet: training.csv, validation.csv and the pictures; valence and arousal become columns"),
    ("ck+", "ck_plus:CkPlus", "CK+: cohn-kanade-images/ and Emotion/; the last frame of each labelled sequence"),
    ("kdef", "kdef:Kdef", "KDEF: pictures named like AF01ANS.JPG; subject, gender, angle and session become columns"),
    ("diffusionfer", "diffusionfer:DiffusionFer", "DiffusionFER: dataset_sheet.csv, cropped/ and original/"),
    ("hf", "hugging_face:HuggingFace", "Parquet files with embedded pictures, from Hugging Face or `harness data export`"),
    ("emonet-face", "emonet_face:EmoNetFace", "EmoNet-Face Binary and HQ: Parquet files, or binary.csv or hq.csv and the pictures; 40 emotions, several raters"),
    ("emoset", "emoset:EmoSet", "EmoSet-118K: train.json, val.json, test.json, image/ and annotation/; eight evoked emotions"),
    ("emoverse", "emoverse:EmoVerse", "EmoVerse: Parquet files with embedded pictures; eight evoked emotions"),
    ("t2i-eval-bench", "t2i_eval_bench:T2IEvalBench", "T2I-Eval-Bench: scores.json and the pictures; quality by three people"),
    ("mvei", "mvei:Mvei", "MVEI: MVEI_metadata.json and images/; statements about evoked emotions, correct or incorrect"),
    ("eemo-bench", "eemo_bench:EEmoBench", "EEmo-Bench single and pair: JSON lists of questions and the pictures; evoked emotions, rankings, valence and arousal"),
    ("mllmvisualemotion", "mllm_visual_emotion:MllmVisualEmotion", "MLLMVisualEmotion: the folder Emotion6 (evoked) or FaceEmotion (shown), with processed/"),
    ("label-studio", "label_studio:LabelStudio", "an export of Label Studio (JSON, JSON-MIN or CSV) and the pictures; answers of several people"),
    ("wide", "wide:Wide", "a wide table of ratings (MTurk, Prolific, surveys, ratings.csv with a column for each person) and the pictures"),
    ("coco", "coco:Coco", "labels in the COCO format: a JSON file with images, annotations and categories, and the pictures"),
    ("cvat", "cvat:Cvat", "labels of CVAT: annotations.xml of `CVAT for images 1.1`, and the pictures"),
)  # fmt: skip


@hookimpl
def harness_judges() -> Sequence[Component]:
    return [
        Component(
            "recorded",
            lazy("harness.judges.recorded:RecordedJudge"),
            "existing replies: recorded:FILE is scored without asking anything",
        )
    ]


@hookimpl
def harness_generators() -> Sequence[Component]:
    return [
        Component(
            "folder",
            lazy("harness.generators.folder:FolderGenerator"),
            "existing images: folder:PATH is scored without generating anything",
        )
    ]


@hookimpl
def harness_datasets() -> Sequence[Component]:
    return [
        Component(name, lazy("harness.datasets.imported:ImportedData"), f"imported: {folder}", {"name": name})
        for name, folder in imported().items()
    ]


@hookimpl
def harness_metrics() -> Sequence[Component]:
    return [Component(name, lazy(f"harness.metrics.{home}"), summary) for name, home, summary in _METRICS]


@hookimpl
def harness_tasks() -> Sequence[Path]:
    """The built-in tasks, from the wheel or from the source checkout."""
    package = Path(__file__).parents[1]
    if (package / "_tasks").is_dir():
        return [package / "_tasks"]
    checkout = package.parent
    return [checkout / "tasks"] if (checkout / "pyproject.toml").is_file() else []


@hookimpl
def harness_reporters() -> Sequence[Component]:
    return [
        Component("table", lazy("harness.reporters.table:TableReporter"), "tables for a terminal"),
        Component("json", lazy("harness.reporters.text:JsonReporter"), "the results document, schema 1"),
        Component("csv", lazy("harness.reporters.text:CsvReporter"), "one line per metric value"),
        Component("markdown", lazy("harness.reporters.text:MarkdownReporter"), "Markdown tables"),
    ]


@hookimpl
def harness_exporters() -> Sequence[Component]:
    return [
        Component(
            "every-eval-ever",
            lazy("harness.exporting.every_eval_ever:EveryEvalEver"),
            "Every Eval Ever, schema 0.3.0: an aggregate file and one record a question",
        )
    ]


@hookimpl
def harness_executors() -> Sequence[Component]:
    return [Component("local", lazy("harness.components.executor:LocalExecutor"), "in this process")]


@hookimpl
def harness_importers() -> Sequence[Component]:
    return [
        Component(name, lazy(f"harness.datasets.imports.{home}"), summary)
        for name, home, summary in _IMPORTERS
    ]
