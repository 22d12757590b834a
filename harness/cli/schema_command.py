"""`harness schema`: JSON Schemas for editors and scripts."""

from __future__ import annotations

import json

import click

from harness.errors import ExitCode


@click.command("schema")
@click.argument("what", type=click.Choice(["task", "result", "gate"]))
def command(what: str) -> int:
    """Print the JSON Schema of task and suite files, of results.json, or of gate.toml."""
    if what == "task":
        from pydantic import TypeAdapter

        from harness.tasks.spec import SuiteSpec, TaskSpec

        schema = TypeAdapter(TaskSpec | SuiteSpec).json_schema()
    elif what == "gate":
        from harness.gating.config import GateConfig

        schema = GateConfig.model_json_schema()
    else:
        from harness.results import Results

        schema = Results.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    click.echo(json.dumps(schema, indent=2))
    return ExitCode.OK
