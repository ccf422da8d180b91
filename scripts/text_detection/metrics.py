"""How well found boxes fit the true ones: precision, recall and hmean."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import max_pool2d

MIN_AREA = 30
"""Pixels that a region must have to count as found."""

MATCH_IOU = 0.5
"""Overlap from which on a found box counts as a true one."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Boxes of one or many images; counts add up."""

    matched: int = 0
    found: int = 0
    true: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.matched + other.matched, self.found + other.found, self.true + other.true
        )

    @property
    def precision(self) -> float:
        """Return the share of found boxes that are true; 0 where none was found."""
        return self.matched / self.found if self.found else 0.0

    @property
    def recall(self) -> float:
        """Return the share of true boxes that were found; 0 where there are none."""
        return self.matched / self.true if self.true else 0.0

    @property
    def hmean(self) -> float:
        """Return the harmonic mean of precision and recall."""
        total = self.found + self.true
        return 2 * self.matched / total if total else 0.0


def label_regions(masks: Tensor) -> Tensor:
    """Return the connected regions of [N, H, W] masks as numbers > 0, distinct in each mask.

    Each pixel takes the highest number among its neighbours until nothing changes; pixels that
    touch by a corner are neighbours.
    """
    height, width = masks.shape[-2:]
    # float32 counts exactly up to 2**24, which is an image of 4096 x 4096.
    numbers = torch.arange(1, height * width + 1, dtype=torch.float32, device=masks.device)
    labels = numbers.reshape(height, width) * masks
    while True:
        spread = max_pool2d(labels, kernel_size=3, stride=1, padding=1) * masks
        if torch.equal(spread, labels):
            return labels.long()
        labels = spread


def find_boxes(labels: Tensor, *, grow: int) -> Tensor:
    """Return [N, 4] boxes around the regions of one labelled mask, each wider by `grow`."""
    numbers, areas = torch.unique(labels[labels > 0], return_counts=True)
    boxes = [torch.zeros(0, 4)]
    for number in numbers[areas >= MIN_AREA]:
        places = (labels == number).nonzero().flip(dims=[1])
        corners = torch.cat([places.amin(dim=0) - grow, places.amax(dim=0) + 1 + grow])
        boxes.append(corners[None].float())
    return torch.cat(boxes)


def box_iou(first: Tensor, second: Tensor) -> Tensor:
    """Return [N, M] overlaps of [N, 4] and [M, 4] boxes, 0 to 1."""
    low = torch.maximum(first[:, None, :2], second[None, :, :2])
    high = torch.minimum(first[:, None, 2:], second[None, :, 2:])
    shared = (high - low).clamp(min=0).prod(dim=-1)
    union = _area(first)[:, None] + _area(second)[None, :] - shared
    return shared / union.clamp(min=1e-6)


def count_matches(found: Tensor, true: Tensor) -> Counts:
    """Pair boxes one to one, best overlap first, and return the counts."""
    overlaps = box_iou(found, true)
    matched = 0
    while overlaps.numel() and overlaps.max() >= MATCH_IOU:
        row, column = divmod(int(overlaps.argmax()), overlaps.shape[1])
        overlaps[row, :] = 0
        overlaps[:, column] = 0
        matched += 1
    return Counts(matched, len(found), len(true))


def count_batch(masks: Tensor, boxes: Tensor, *, grow: int) -> Counts:
    """Return the counts of [N, H, W] masks against [N, M, 4] boxes; boxes of zeros are none."""
    counts = Counts()
    for labels, rows in zip(label_regions(masks), boxes, strict=True):
        counts += count_matches(find_boxes(labels, grow=grow), rows[_area(rows) > 0])
    return counts


def _area(boxes: Tensor) -> Tensor:
    return (boxes[:, 2:] - boxes[:, :2]).prod(dim=-1)
