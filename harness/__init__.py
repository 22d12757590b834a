"""memobench: how well do generative models portray human emotion, and how well do they recognise it?

Public names are imported when they are first used, so that `import harness` costs next to nothing.
"""

from __future__ import annotations

# First: it ends the command quietly on Ctrl-C while the modules below are imported.
from harness.cli import early as _early  # noqa: F401  # isort: skip

import importlib
from typing import TYPE_CHECKING, Any

from harness._version import __version__ as __version__

_MODULES = {
    "comparing.compare": "compare",
    "comparing.records": "Comparison",
    "components.dataset": "DataSet",
    "components.detector": "Detector",
    "components.context": "Context",
    "components.executor": "Executor Specification Work",
    "components.generator": "Generator",
    "components.judge": "Judge",
    "components.metric": "Estimate Metric Scores",
    "components.options": "HarnessOptions option",
    "components.preset_check": "PresetCheck",
    "components.record": "Component lazy",
    "components.reporter": "Reporter",
    "components.sources": "Listed RequestSource",
    "errors": "BadData BadOption BadTask ExitCode HarnessError MissingPackage PluginError RequestError StorageError "
    "UnknownName nearest",
    "exporting.exporter": "Exporter",
    "exporting.load": "load",
    "exporting.run_result": "RunResult",
    "exporting.sample_row": "SampleRow",
    "exporting.source": "ExportSource",
    "gating.gate": "gate",
    "gating.records": "GateReport",
    "hookspecs": "API_VERSION hookimpl",
    "images.decoding": "with_pixels",
    "ranking.leaderboard": "leaderboard",
    "ranking.records": "Leaderboard",
    "registry.factory": "make_component",
    "remote.errors": "RemoteError",
    "remote.generator": "AsyncGenerator",
    "remote.judge": "AsyncJudge",
    "remote.options": "RemoteOptions",
    "results": "HypothesisTest MetricValue Results TaskResult",
    "run.evaluate": "evaluate",
    "types": "EMOTIONS Capability Face ImageReply ImageRequest JudgeReply JudgeRequest Message Part Picture Question "
    "ReplyError Sample Sampling Scale",
}
_HOMES = {name: module for module, names in _MODULES.items() for name in names.split()}

__all__ = sorted([*_HOMES, "__version__"])


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'harness' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"harness.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)


if TYPE_CHECKING:
    from harness.comparing.compare import compare as compare
    from harness.comparing.records import Comparison as Comparison
    from harness.components.context import Context as Context
    from harness.components.dataset import DataSet as DataSet
    from harness.components.detector import Detector as Detector
    from harness.components.executor import Executor as Executor
    from harness.components.executor import Specification as Specification
    from harness.components.executor import Work as Work
    from harness.components.generator import Generator as Generator
    from harness.components.judge import Judge as Judge
    from harness.components.metric import Estimate as Estimate
    from harness.components.metric import Metric as Metric
    from harness.components.metric import Scores as Scores
    from harness.components.options import HarnessOptions as HarnessOptions
    from harness.components.options import option as option
    from harness.components.preset_check import PresetCheck as PresetCheck
    from harness.components.record import Component as Component
    from harness.components.record import lazy as lazy
    from harness.components.reporter import Reporter as Reporter
    from harness.components.sources import Listed as Listed
    from harness.components.sources import RequestSource as RequestSource
    from harness.errors import BadData as BadData
    from harness.errors import BadOption as BadOption
    from harness.errors import BadTask as BadTask
    from harness.errors import ExitCode as ExitCode
    from harness.errors import HarnessError as HarnessError
    from harness.errors import MissingPackage as MissingPackage
    from harness.errors import PluginError as PluginError
    from harness.errors import RequestError as RequestError
    from harness.errors import StorageError as StorageError
    from harness.errors import UnknownName as UnknownName
    from harness.errors import nearest as nearest
    from harness.exporting.exporter import Exporter as Exporter
    from harness.exporting.load import load as load
    from harness.exporting.run_result import RunResult as RunResult
    from harness.exporting.sample_row import SampleRow as SampleRow
    from harness.exporting.source import ExportSource as ExportSource
    from harness.gating.gate import gate as gate
    from harness.gating.records import GateReport as GateReport
    from harness.hookspecs import API_VERSION as API_VERSION
    from harness.hookspecs import hookimpl as hookimpl
    from harness.images.decoding import with_pixels as with_pixels
    from harness.ranking.leaderboard import leaderboard as leaderboard
    from harness.ranking.records import Leaderboard as Leaderboard
    from harness.registry.factory import make_component as make_component
    from harness.remote.errors import RemoteError as RemoteError
    from harness.remote.generator import AsyncGenerator as AsyncGenerator
    from harness.remote.judge import AsyncJudge as AsyncJudge
    from harness.remote.options import RemoteOptions as RemoteOptions
    from harness.results import HypothesisTest as HypothesisTest
    from harness.results import MetricValue as MetricValue
    from harness.results import Results as Results
    from harness.results import TaskResult as TaskResult
    from harness.run.evaluate import evaluate as evaluate
    from harness.types import EMOTIONS as EMOTIONS
    from harness.types import Capability as Capability
    from harness.types import Face as Face
    from harness.types import ImageReply as ImageReply
    from harness.types import ImageRequest as ImageRequest
    from harness.types import JudgeReply as JudgeReply
    from harness.types import JudgeRequest as JudgeRequest
    from harness.types import Message as Message
    from harness.types import Part as Part
    from harness.types import Picture as Picture
    from harness.types import Question as Question
    from harness.types import ReplyError as ReplyError
    from harness.types import Sample as Sample
    from harness.types import Sampling as Sampling
    from harness.types import Scale as Scale
