"""Second phase: the whole model learns to answer questions about what it sees, in words."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from memobench_portraits.expression import EMOTIONS
from pictures import Pictures
from questions import Asked, Question
from seeing import MOST_SHIFT, seen, shuffled

WEIGHTS = {
    "coarse_emotion/plain": 1.0,
    "coarse_polarity/plain": 0.6,
    "fine_intensity/unnamed": 1.2,
    "fine_intensity/named": 0.8,
}
"""How often each wording is put, relative to the others."""
PER_PICTURE = 2
"""Different questions put on a picture each time that it is shown."""
_IGNORED = -100


def features(model: Any, pixels: torch.Tensor) -> torch.Tensor:
    """What the language model is given of pictures: (n, tokens, width)."""
    tokens = model.model.vision_tower(pixels).last_hidden_state[:, 1:]
    projected: torch.Tensor = model.model.multi_modal_projector(tokens)
    return projected


def padded(rows: Sequence[Sequence[int]], filler: int) -> torch.Tensor:
    """Rows of token ids as one tensor, filled up on the right: in a causal model what follows changes nothing before it."""
    longest = max(map(len, rows))
    return torch.tensor([[*row, *[filler] * (longest - len(row))] for row in rows])


def answer_logits(
    model: Any, shown: torch.Tensor, asked: Sequence[Asked]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Log-probabilities at the places where answers stand, and the answers' tokens there.

    ``shown`` are the `features` of the picture of each question. Both results are flat: one row for each token of
    each answer, in order.
    """
    rows = padded([(*a.prompt, *a.answer) for a in asked], 0)
    wanted = padded([[_IGNORED] * (len(a.prompt) - 1) + [*a.answer, _IGNORED] for a in asked], _IGNORED)
    embedded = model.get_input_embeddings()(rows)
    places = (rows == model.config.image_token_id).unsqueeze(-1)
    embedded = embedded.masked_scatter(places, shown.reshape(-1, shown.shape[-1]))
    hidden = model.model.language_model(inputs_embeds=embedded, use_cache=False).last_hidden_state
    answers = wanted != _IGNORED
    return model.lm_head(hidden[answers]).log_softmax(-1), wanted[answers]


def learn_to_answer(
    model: Any,
    pictures: Pictures,
    questions: Sequence[Question],
    side: int,
    steps: int,
    batch: int,
    chance: random.Random,
    descend: Callable[..., None],
) -> None:
    """Train the whole model to give the true answer and to stop after it."""
    batches = shuffled(len(pictures.emotion), batch)
    language = [p for name, p in model.named_parameters() if "vision_tower" not in name]
    parameters = [{"params": language}, {"params": list(model.model.vision_tower.parameters()), "share": 0.3}]
    for step in range(steps):
        index = next(batches)
        shown = features(model, seen(pictures, index, side, MOST_SHIFT))
        owners, asked = [], []
        for owner, picture in enumerate(index):
            emotion, strength = EMOTIONS[pictures.emotion[picture]], int(pictures.strength[picture])
            for question in _some(questions, chance):
                put = question.asked(emotion, strength, chance)
                if put is not None:
                    owners.append(owner)
                    asked.append(put)
        told, wanted = answer_logits(model, shown[owners], asked)
        descend(step, F.nll_loss(told, wanted), parameters)


def _some(questions: Sequence[Question], chance: random.Random) -> list[Question]:
    ranked = sorted(questions, key=lambda q: chance.random() ** (1 / WEIGHTS[q.name]), reverse=True)
    return ranked[:PER_PICTURE]


@torch.no_grad()
def option_scores(
    model: Any, pictures: Pictures, question: Question, side: int, seed: int = 0, batch: int = 100
) -> np.ndarray[Any, Any]:
    """Log-probability of each option in the task's order, summed over its tokens: (n, options)."""
    found = []
    for start in range(0, len(pictures.emotion), batch):
        index = np.arange(start, min(start + batch, len(pictures.emotion)))
        shown = features(model, seen(pictures, index, side))
        prompts = [question.prompt(EMOTIONS[pictures.emotion[i]], f"{i}", seed) for i in index]
        columns = []
        for option in question.answer.options:
            tokens = question.option(option)
            told, wanted = answer_logits(model, shown, [Asked(prompt, tokens) for prompt in prompts])
            columns.append(told.gather(1, wanted[:, None]).reshape(len(index), len(tokens)).sum(1))
        found.append(torch.stack(columns, 1))
    return torch.cat(found).double().numpy()
