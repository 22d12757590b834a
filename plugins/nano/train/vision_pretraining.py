"""First phase: pretrains the vision tower on emotion, strength and action units."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from memobench_portraits.expression import EMOTIONS, UNITS, action_units
from memobench_portraits.identity import identity
from pictures import TRAINING_SUBJECTS, Pictures, expressions

from harness.testing.models import Shape

MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
"""Normalisation constants of the image processor, per RGB channel."""
MAX_SHIFT = 5
"""Maximum shift of a picture in pixels; reached after two thirds of the steps."""
_LEVELS = slice(len(EMOTIONS), len(EMOTIONS) + 5)
_UNIT_WEIGHT = 40.0
"""Brings the squared errors of activations to the scale of the other losses."""


def vision_input(
    pictures: Pictures, index: np.ndarray[Any, Any], side: int, shift: int | None = None
) -> torch.Tensor:
    """Normalised centre crops for the tower, (n, 3, side, side).

    With a ``shift``, crops are augmented: shifted by up to that many pixels, flipped, relit and made noisy.
    """
    chosen = torch.from_numpy(pictures.pixels[index])
    count, edge = len(index), (chosen.shape[1] - side) // 2
    if shift is None:
        pixels = chosen[:, edge : edge + side, edge : edge + side].permute(0, 3, 1, 2).float() / 255
    else:
        corners = torch.randint(edge - shift, edge + shift + 1, (count, 2)).tolist()
        shifted = [
            picture[top : top + side, left : left + side]
            for picture, (top, left) in zip(chosen, corners, strict=True)
        ]
        pixels = _augment(torch.stack(shifted).permute(0, 3, 1, 2).float() / 255)
    return (pixels - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)


def _augment(pixels: torch.Tensor) -> torch.Tensor:
    count = len(pixels)
    pixels = torch.where(torch.rand(count, 1, 1, 1) < 0.5, pixels.flip(3), pixels)
    contrast = 1 + 0.2 * _uniform(count, 1) + 0.06 * _uniform(count, 3)
    pixels = (pixels - 0.5) * contrast + 0.5 + 0.1 * _uniform(count, 1)
    return (pixels + torch.randn_like(pixels) * 0.02 * torch.rand(count, 1, 1, 1)).clamp(0, 1)


def _uniform(count: int, channels: int) -> torch.Tensor:
    return 2 * torch.rand(count, channels, 1, 1) - 1


def initialise(tower: Any, pictures: Pictures, shape: Shape) -> None:
    """Initialise the tower so that it trains in minutes.

    The patch embedding starts as whitened principal components, since neighbouring pixels are highly correlated.
    The position embedding starts as sinusoids along both axes.
    """
    width, patch, side = shape.vision.width, shape.patch, shape.image
    sample = vision_input(pictures, np.sort(torch.randperm(len(pictures.emotion))[:300].numpy()), side)
    patches = F.unfold(sample, patch, stride=patch).transpose(1, 2).reshape(-1, 3 * patch**2)
    _, spread, directions = torch.linalg.svd(patches - patches.mean(0), full_matrices=False)
    whitened = directions[:width] / (spread[:width, None] / len(patches) ** 0.5 + 0.05)
    rotated = torch.linalg.qr(torch.randn(width, width))[0] @ whitened
    row = side // patch
    down, across = torch.meshgrid(torch.arange(row) / row, torch.arange(row) / row, indexing="ij")
    rates = torch.exp(torch.linspace(0, np.log(0.75 * row), width // 4)) * torch.pi
    waves = [
        wave(place.reshape(-1, 1) * rates) for place in (down, across) for wave in (torch.sin, torch.cos)
    ]
    with torch.no_grad():
        weight = tower.embeddings.patch_embedding.weight
        weight.copy_(0.3 * rotated.view_as(weight))
        tower.embeddings.position_embedding.weight[1:].copy_(0.3 * torch.cat(waves, 1))


def action_unit_targets(people: int) -> torch.Tensor:
    """The true action units of each picture, (n, units)."""
    rows = []
    for person in range(people):
        shouts = identity(TRAINING_SUBJECTS + person).shouts
        for emotion, strength in expressions(person):
            active = action_units(emotion, strength, shouts=shouts)
            rows.append([active[unit] for unit in UNITS])
    return torch.tensor(rows)


def shuffled_batches(count: int, batch: int) -> Iterator[np.ndarray[Any, Any]]:
    """Endless batches of indices below ``count``, reshuffled each epoch."""
    while True:
        order = torch.randperm(count).numpy()
        yield from (np.sort(order[start : start + batch]) for start in range(0, count - batch + 1, batch))


def train_vision_tower(
    tower: Any,
    pictures: Pictures,
    units: torch.Tensor,
    side: int,
    steps: int,
    batch: int,
    optimise: Callable[..., None],
) -> None:
    """Train the tower so that the mean of its tokens predicts emotion, strength and action units.

    The prediction head is discarded. ``optimise(step, loss, parameters)`` takes an optimiser step.
    """
    width = tower.config.hidden_size
    head = torch.nn.Sequential(
        torch.nn.LayerNorm(width), torch.nn.Linear(width, len(EMOTIONS) + 5 + len(UNITS))
    )
    parameters = [*tower.parameters(), *head.parameters()]
    batches = shuffled_batches(len(pictures.emotion), batch)
    emotions, strengths = torch.from_numpy(pictures.emotion), torch.from_numpy(pictures.strength)
    for step in range(steps):
        index = next(batches)
        # Shifting from the first step on delays learning: the tower must first learn fixed positions.
        shift = round(min(1.0, 1.5 * step / steps) * MAX_SHIFT)
        logits = head(tower(vision_input(pictures, index, side, shift)).last_hidden_state[:, 1:].mean(1))
        has_emotion = strengths[index] > 0
        loss = (
            F.cross_entropy(logits[:, : len(EMOTIONS)], emotions[index])
            + F.cross_entropy(logits[has_emotion][:, _LEVELS], strengths[index][has_emotion] - 1)
            + _UNIT_WEIGHT * F.mse_loss(logits[:, _LEVELS.stop :], units[index])
        )
        optimise(step, loss, parameters)
