"""Synthetic images with text-like boxes; the same seed draws the same images."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from lightning.pytorch import LightningDataModule
from torch import Generator, Tensor
from torch.nn.functional import interpolate
from torch.utils.data import DataLoader, TensorDataset

MAX_BOXES = 5
"""Text boxes of an image; the rows of an image with fewer are zeros."""

MARGIN = 2
"""Pixels by which a target region is smaller than its text box on every side."""

_DECOYS = 3
_TRIES = 30
_HEIGHTS = (10, 16)
_WIDTHS = (20, 52)
_GAP = 3
_STROKE = 2
_INK = (0.1, 0.4)
_NOISE = 0.07
_DENSITY = 0.6


@dataclass(frozen=True, slots=True)
class Scene:
    """One image and what is to be found in it."""

    image: Tensor
    """[1, size, size], about 0 to 1."""

    target: Tensor
    """[1, size, size], 1 within each text box less `MARGIN`, else 0."""

    boxes: Tensor
    """[MAX_BOXES, 4] as x0, y0, x1, y1 in pixels; x1 and y1 are just outside."""


def draw_scene(size: int, generator: Generator) -> Scene:
    """Return a noisy image with text boxes, and with plain or striped boxes that are no text."""
    image = _background(size, generator)
    target = torch.zeros(size, size)
    boxes = torch.zeros(MAX_BOXES, 4)
    places = _places(size, generator)
    text_count = max(1, len(places) - _DECOYS)
    for number, (x0, y0, x1, y1) in enumerate(places):
        is_text = number < text_count
        texture = _strokes if is_text else _stripes
        image[y0:y1, x0:x1] += _ink(generator) * texture(y1 - y0, x1 - x0, generator)
        if is_text:
            target[y0 + MARGIN : y1 - MARGIN, x0 + MARGIN : x1 - MARGIN] = 1
            boxes[number] = torch.tensor([x0, y0, x1, y1])
    return Scene(image[None], target[None], boxes)


def draw_scenes(count: int, size: int, seed: int) -> TensorDataset:
    """Return `count` scenes as images, targets and boxes."""
    generator = Generator().manual_seed(seed)
    scenes = [draw_scene(size, generator) for _ in range(count)]
    return TensorDataset(
        torch.stack([scene.image for scene in scenes]),
        torch.stack([scene.target for scene in scenes]),
        torch.stack([scene.boxes for scene in scenes]),
    )


class SyntheticText(LightningDataModule):
    """Images for training and validation, drawn once."""

    def __init__(
        self, *, image_size: int, train_count: int, val_count: int, batch_size: int, seed: int
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        self._train = draw_scenes(train_count, image_size, seed)
        self._val = draw_scenes(val_count, image_size, seed + 1)
        self._batch_size = batch_size

    def train_dataloader(self) -> DataLoader[tuple[Tensor, ...]]:
        """Return the training batches, in a new order each epoch."""
        return DataLoader(self._train, batch_size=self._batch_size, shuffle=True)

    def val_dataloader(self) -> DataLoader[tuple[Tensor, ...]]:
        """Return the validation batches, always in the same order."""
        return DataLoader(self._val, batch_size=self._batch_size)


def _background(size: int, generator: Generator) -> Tensor:
    coarse = torch.rand(1, 1, 4, 4, generator=generator)
    smooth = interpolate(coarse, size=(size, size), mode="bilinear", align_corners=False)[0, 0]
    return 0.3 + 0.4 * smooth + _NOISE * torch.randn(size, size, generator=generator)


def _places(size: int, generator: Generator) -> list[tuple[int, int, int, int]]:
    """Return boxes that lie apart from each other."""
    taken = torch.zeros(size, size, dtype=torch.bool)
    places: list[tuple[int, int, int, int]] = []
    for _ in range(_TRIES):
        height, width = _integer(*_HEIGHTS, generator), _integer(*_WIDTHS, generator)
        x0, y0 = _integer(0, size - width, generator), _integer(0, size - height, generator)
        around = (
            slice(max(0, y0 - _GAP), y0 + height + _GAP),
            slice(max(0, x0 - _GAP), x0 + width + _GAP),
        )
        if len(places) < MAX_BOXES + _DECOYS and not taken[around].any():
            taken[around] = True
            places.append((x0, y0, x0 + width, y0 + height))
    return places


def _strokes(height: int, width: int, generator: Generator) -> Tensor:
    """Return a texture of strokes, 0 or 1, as of letters in a line."""
    rows, columns = -(-height // _STROKE), -(-width // _STROKE)
    cells = (torch.rand(rows, columns, generator=generator) < _DENSITY).float()
    cells[:, 3::4] = 0
    wide = cells.repeat_interleave(_STROKE, 0).repeat_interleave(_STROKE, 1)
    return wide[:height, :width]


def _stripes(height: int, width: int, generator: Generator) -> Tensor:
    """Return a full box, or one with lines left out, as of a form, a fence or a grid."""
    box = torch.ones(height, width)
    if _integer(0, 1, generator):
        box[_STROKE :: 2 * _STROKE] = 0
    if _integer(0, 1, generator):
        box[:, _STROKE :: 2 * _STROKE] = 0
    return box


def _ink(generator: Generator) -> float:
    """Return how much brighter or, as often, darker than the background ink is."""
    sign = 2 * _integer(0, 1, generator) - 1
    return sign * _between(*_INK, generator)


def _between(low: float, high: float, generator: Generator) -> float:
    return low + (high - low) * torch.rand((), generator=generator).item()


def _integer(low: int, high: int, generator: Generator) -> int:
    """Return an integer from `low` to `high`, both included."""
    return int(torch.randint(low, high + 1, (), generator=generator))
