"""First phase: the vision tower learns to see, from the labels and from the action units that each face was drawn with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from memobench_portraits.expression import EMOTIONS, UNITS, action_units
from memobench_portraits.identity import identity
from pictures import TRAINING_SUBJECTS, Pictures, faces

from harness.testing.models import Shape

MEAN, DEVIATION = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
"""By which the picture processor normalises red, green and blue."""
MOST_SHIFT = 5
"""Pixels by which a picture is moved at most, from the time when the tower sees faces that are in their place."""
_LEVELS = slice(len(EMOTIONS), len(EMOTIONS) + 5)
_UNIT_WEIGHT = 40.0
"""Squared errors of activations are that much smaller than the other losses."""


def seen(
    pictures: Pictures, index: np.ndarray[Any, Any], side: int, shift: int | None = None
) -> torch.Tensor:
    """Pictures as the tower takes them, (n, 3, side, side): the middle of each, normalised.

    With a ``shift``, each is moved by up to that many pixels, perhaps mirrored, lit otherwise, and made noisy.
    """
    chosen = torch.from_numpy(pictures.pixels[index])
    count, edge = len(index), (chosen.shape[1] - side) // 2
    if shift is None:
        pixels = chosen[:, edge : edge + side, edge : edge + side].permute(0, 3, 1, 2).float() / 255
    else:
        corners = torch.randint(edge - shift, edge + shift + 1, (count, 2)).tolist()
        moved = [
            picture[top : top + side, left : left + side]
            for picture, (top, left) in zip(chosen, corners, strict=True)
        ]
        pixels = _relit(torch.stack(moved).permute(0, 3, 1, 2).float() / 255)
    return (pixels - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(DEVIATION).view(3, 1, 1)


def _relit(pixels: torch.Tensor) -> torch.Tensor:
    count = len(pixels)
    pixels = torch.where(torch.rand(count, 1, 1, 1) < 0.5, pixels.flip(3), pixels)
    contrast = 1 + 0.2 * _even(count, 1) + 0.06 * _even(count, 3)
    pixels = (pixels - 0.5) * contrast + 0.5 + 0.1 * _even(count, 1)
    return (pixels + torch.randn_like(pixels) * 0.02 * torch.rand(count, 1, 1, 1)).clamp(0, 1)


def _even(count: int, channels: int) -> torch.Tensor:
    return 2 * torch.rand(count, channels, 1, 1) - 1


def prepare(tower: Any, pictures: Pictures, shape: Shape) -> None:
    """Give the tower a start from which it learns in minutes.

    Patches are projected on their principal components, each scaled alike, since neighbouring pixels say nearly the
    same; positions begin as waves across and down the picture.
    """
    width, patch, side = shape.vision.width, shape.patch, shape.image
    sample = seen(pictures, np.sort(torch.randperm(len(pictures.emotion))[:300].numpy()), side)
    patches = F.unfold(sample, patch, stride=patch).transpose(1, 2).reshape(-1, 3 * patch**2)
    _, spread, directions = torch.linalg.svd(patches - patches.mean(0), full_matrices=False)
    whitened = directions[:width] / (spread[:width, None] / len(patches) ** 0.5 + 0.05)
    turned = torch.linalg.qr(torch.randn(width, width))[0] @ whitened
    row = side // patch
    down, across = torch.meshgrid(torch.arange(row) / row, torch.arange(row) / row, indexing="ij")
    rates = torch.exp(torch.linspace(0, np.log(0.75 * row), width // 4)) * torch.pi
    waves = [
        wave(place.reshape(-1, 1) * rates) for place in (down, across) for wave in (torch.sin, torch.cos)
    ]
    with torch.no_grad():
        weight = tower.embeddings.patch_embedding.weight
        weight.copy_(0.3 * turned.view_as(weight))
        tower.embeddings.position_embedding.weight[1:].copy_(0.3 * torch.cat(waves, 1))


def drawn_units(people: int) -> torch.Tensor:
    """The activations that each picture was drawn with, (n, units)."""
    rows = []
    for person in range(people):
        shouts = identity(TRAINING_SUBJECTS + person).shouts
        for emotion, strength in faces(person):
            active = action_units(emotion, strength, shouts=shouts)
            rows.append([active[unit] for unit in UNITS])
    return torch.tensor(rows)


def shuffled(count: int, batch: int) -> Iterator[np.ndarray[Any, Any]]:
    """Numbers below ``count`` in batches, without end; each once before any comes again."""
    while True:
        order = torch.randperm(count).numpy()
        yield from (np.sort(order[start : start + batch]) for start in range(0, count - batch + 1, batch))


def learn_to_see(
    tower: Any,
    pictures: Pictures,
    units: torch.Tensor,
    side: int,
    steps: int,
    batch: int,
    descend: Callable[..., None],
) -> None:
    """Train the tower so that the mean of its tokens tells emotion, strength and action units.

    The layer that reads them off is thrown away. ``descend(step, loss, parameters)`` takes a step down.
    """
    width = tower.config.hidden_size
    head = torch.nn.Sequential(
        torch.nn.LayerNorm(width), torch.nn.Linear(width, len(EMOTIONS) + 5 + len(UNITS))
    )
    parameters = [*tower.parameters(), *head.parameters()]
    batches = shuffled(len(pictures.emotion), batch)
    emotions, strengths = torch.from_numpy(pictures.emotion), torch.from_numpy(pictures.strength)
    for step in range(steps):
        index = next(batches)
        # Moved about from the first step on, faces teach it nothing for long: it first learns what is where.
        shift = round(min(1.0, 1.5 * step / steps) * MOST_SHIFT)
        told = head(tower(seen(pictures, index, side, shift)).last_hidden_state[:, 1:].mean(1))
        felt = strengths[index] > 0
        loss = (
            F.cross_entropy(told[:, : len(EMOTIONS)], emotions[index])
            + F.cross_entropy(told[felt][:, _LEVELS], strengths[index][felt] - 1)
            + _UNIT_WEIGHT * F.mse_loss(told[:, _LEVELS.stop :], units[index])
        )
        descend(step, loss, parameters)
