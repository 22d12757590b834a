"""Chat template and identity of a model, determined before a backend loads its weights."""

from __future__ import annotations

from collections.abc import Mapping

from harness.errors import RequestError
from harness.hub import Resolved, check_files, resolve
from harness.mllm.chat import template_digest
from harness.mllm.model_presets import preset_of
from harness.mllm.prompter import find_template, template_text


def model_template(model: Resolved, given: str | None = None) -> str:
    """The chat template or prompt form: the user's, the preset's, or the model's own.

    Raises `RequestError` if there is none.
    """
    if given:
        return template_text(given)
    preset = preset_of(model.ref)
    form = str(preset.get("prompt", "")) if preset else ""
    found = form if "{text}" in form else find_template(model)
    if not found:
        raise RequestError(
            f"{model.ref} has no chat template.",
            'Specify one: -o chat_template=FILE, a Jinja template or a form like "USER: {image}\\n{text} ASSISTANT:".',
        )
    return found


def model_identity(
    model: Resolved, template: str, backend: str, lora: str | None = None
) -> Mapping[str, str]:
    """Commit or digest of the weights (and of an adapter), digest of the template, and the backend with its version."""
    adapter = check_files(resolve(lora, config="adapter_config.json")).identity() if lora else {}
    return {
        **model.identity(),
        **{f"lora {key}": value for key, value in adapter.items()},
        "template": template_digest(template),
        "backend": backend,
    }
