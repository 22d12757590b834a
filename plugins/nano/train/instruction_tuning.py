"""Second phase: trains the whole model to answer questions about pictures."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from memobench_portraits.expression import EMOTIONS
from pictures import Pictures
from questions import Example, Question
from vision_pretraining import MAX_SHIFT, shuffled_batches, vision_input

SAMPLING_WEIGHTS = {
    "coarse_emotion/plain": 1.0,
    "coarse_polarity/plain": 0.6,
    "fine_intensity/unnamed": 1.2,
    "fine_intensity/named": 0.8,
}
"""Relative sampling weight of each prompt variant."""
QUESTIONS_PER_PICTURE = 2
"""Different questions per picture and batch."""
_IGNORED = -100


def image_features(model: Any, pixels: torch.Tensor) -> torch.Tensor:
    """Projected image tokens for the language model, (n, tokens, width)."""
    tokens = model.model.vision_tower(pixels).last_hidden_state[:, 1:]
    projected: torch.Tensor = model.model.multi_modal_projector(tokens)
    return projected


def pad(rows: Sequence[Sequence[int]], filler: int) -> torch.Tensor:
    """Pad token ids on the right; with causal attention padding does not affect earlier tokens."""
    longest = max(map(len, rows))
    return torch.tensor([[*row, *[filler] * (longest - len(row))] for row in rows])


def answer_logits(
    model: Any, shown: torch.Tensor, examples: Sequence[Example]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Log-probabilities at the positions of the answers, and the answers' tokens.

    ``shown`` are the `image_features` of each example's picture. Both results are flat: one row per answer token.
    """
    rows = pad([(*a.prompt, *a.answer) for a in examples], 0)
    targets = pad([[_IGNORED] * (len(a.prompt) - 1) + [*a.answer, _IGNORED] for a in examples], _IGNORED)
    embedded = model.get_input_embeddings()(rows)
    places = (rows == model.config.image_token_id).unsqueeze(-1)
    embedded = embedded.masked_scatter(places, shown.reshape(-1, shown.shape[-1]))
    hidden = model.model.language_model(inputs_embeds=embedded, use_cache=False).last_hidden_state
    answers = targets != _IGNORED
    return model.lm_head(hidden[answers]).log_softmax(-1), targets[answers]


def train_answers(
    model: Any,
    pictures: Pictures,
    questions: Sequence[Question],
    side: int,
    steps: int,
    batch: int,
    rng: random.Random,
    optimise: Callable[..., None],
) -> None:
    """Train the whole model to give the true answer and then stop."""
    batches = shuffled_batches(len(pictures.emotion), batch)
    language = [p for name, p in model.named_parameters() if "vision_tower" not in name]
    parameters = [
        {"params": language},
        {"params": list(model.model.vision_tower.parameters()), "lr_scale": 0.3},
    ]
    for step in range(steps):
        index = next(batches)
        shown = image_features(model, vision_input(pictures, index, side, MAX_SHIFT))
        owners, examples = [], []
        for owner, picture in enumerate(index):
            emotion, strength = EMOTIONS[pictures.emotion[picture]], int(pictures.strength[picture])
            for question in _sample_questions(questions, rng):
                example = question.example(emotion, strength, rng)
                if example is not None:
                    owners.append(owner)
                    examples.append(example)
        log_probs, targets = answer_logits(model, shown[owners], examples)
        optimise(step, F.nll_loss(log_probs, targets), parameters)


def _sample_questions(questions: Sequence[Question], rng: random.Random) -> list[Question]:
    ranked = sorted(questions, key=lambda q: rng.random() ** (1 / SAMPLING_WEIGHTS[q.name]), reverse=True)
    return ranked[:QUESTIONS_PER_PICTURE]


@torch.no_grad()
def option_scores(
    model: Any, pictures: Pictures, question: Question, side: int, seed: int = 0, batch: int = 100
) -> np.ndarray[Any, Any]:
    """Log-probability of each option in the task's order, summed over its tokens: (n, options)."""
    found = []
    for start in range(0, len(pictures.emotion), batch):
        index = np.arange(start, min(start + batch, len(pictures.emotion)))
        shown = image_features(model, vision_input(pictures, index, side))
        prompts = [question.prompt(EMOTIONS[pictures.emotion[i]], f"{i}", seed) for i in index]
        columns = []
        for option in question.answer.options:
            tokens = question.option(option)
            log_probs, targets = answer_logits(model, shown, [Example(prompt, tokens) for prompt in prompts])
            columns.append(log_probs.gather(1, targets[:, None]).reshape(len(index), len(tokens)).sum(1))
        found.append(torch.stack(columns, 1))
    return torch.cat(found).double().numpy()
