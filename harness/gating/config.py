"""`gate.toml`: which drops are tolerated, which groups are watched, how many failures are too many."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from harness.errors import RequestError
from harness.tasks.spec import explain
from harness.toml import read_toml

FILE = "gate.toml"


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Limits(_Model):
    """Shares of samples above which a run is no evidence, or is worse."""

    failed: float = Field(
        0.02, ge=0, le=1, description="The largest share of failed samples; above it the gate cannot tell."
    )
    unparsed_rise: float = Field(
        0.05, ge=0, le=1, description="The rise in the share of unparsed replies that is tolerated."
    )


class TaskGate(_Model):
    """What differs for one task."""

    margin: float | None = Field(
        None, ge=0, allow_inf_nan=False, description="The drop of the primary metric that is tolerated."
    )
    groups: tuple[str, ...] | None = Field(None, description="The columns whose groups are watched.")


class GateConfig(_Model):
    """How a run is compared with a baseline."""

    margin: float = Field(
        0.05,
        ge=0,
        allow_inf_nan=False,
        description="The drop of a primary metric that is tolerated, in its units.",
    )
    alpha: float = Field(
        0.05, gt=0, lt=0.5, description="The rate of false alarms over everything that is watched."
    )
    groups: tuple[str, ...] = Field(
        (), description="Columns whose groups are watched too, such as emotion; corrected."
    )
    only: tuple[str, ...] = Field((), description="The tasks to watch; by default all of the baseline.")
    limits: Limits = Limits()
    tasks: Mapping[str, TaskGate] = Field({}, description="Margins and groups of single tasks.")

    def margin_of(self, task: str) -> float:
        """The margin of a task."""
        own = self.tasks[task].margin if task in self.tasks else None
        return self.margin if own is None else own

    def groups_of(self, task: str) -> tuple[str, ...]:
        """The columns whose groups are watched for a task."""
        own = self.tasks[task].groups if task in self.tasks else None
        return self.groups if own is None else own


def load_config(path: Path | None, baseline: Path, margin: float | None = None) -> GateConfig:
    """The settings in `path`, else in the baseline's own `gate.toml`, else the defaults; `margin` replaces the default one.

    Raises `RequestError` that names the file, the key and the nearest valid key.
    """
    own = baseline / FILE
    chosen = path or (own if own.is_file() else None)
    table = read_toml(chosen, "gate file", "gate") if chosen else {}
    if margin is not None:
        table["margin"] = margin
    try:
        return GateConfig.model_validate(table)
    except ValidationError as e:
        raise RequestError(
            f"{chosen or '--margin'}: "
            + "; ".join(explain(error, GateConfig) for error in e.errors()[:5])
            + ".",
            "See `harness schema gate` for the format of gate files.",
        ) from e
