"""The parts that a text detector is built from, by the names that configurations use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, interpolate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class TinyCNN(nn.Module):
    """Halves the image in each stage, and returns what each stage but the first made."""

    def __init__(self, channels: Sequence[int]) -> None:
        super().__init__()
        widths = (1, *channels)
        self.stages = nn.ModuleList(
            _conv(before, after, stride=2) for before, after in zip(widths, channels, strict=False)
        )

    def forward(self, image: Tensor) -> list[Tensor]:
        """Return feature maps at a quarter, an eighth ... of the image."""
        maps = []
        for stage in self.stages:
            image = stage(image)
            maps.append(image)
        return maps[1:]


class FPNDecoder(nn.Module):
    """Adds the coarse feature maps to the finest one."""

    def __init__(
        self, in_channels: Sequence[int], inner_channels: int, output_channels: int
    ) -> None:
        super().__init__()
        self.lateral_convs = nn.ModuleList(
            nn.Sequential(nn.Conv2d(channels, inner_channels, 1)) for channels in in_channels
        )
        self.fusion = _conv(inner_channels, output_channels)

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """Return one feature map, as large as the first of `maps`."""
        laterals = [conv(each) for conv, each in zip(self.lateral_convs, maps, strict=True)]
        size = laterals[0].shape[-2:]
        resized = [interpolate(each, size=size, mode="nearest") for each in laterals]
        fused: Tensor = self.fusion(torch.stack(resized).sum(dim=0))
        return fused


class DBHead(nn.Module):
    """The probability branch of DBNet's head; makes its input four times as large."""

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        inner = max(in_channels // 2, 1)
        self.binarize = nn.Sequential(
            nn.Conv2d(in_channels, inner, 3, padding=1, bias=False),
            nn.BatchNorm2d(inner),
            nn.ReLU(inplace=True),
            nn.ConvTranspose2d(inner, inner, 2, stride=2),
            nn.BatchNorm2d(inner),
            nn.ReLU(inplace=True),
            nn.ConvTranspose2d(inner, 1, 2, stride=2),
        )

    def forward(self, features: Tensor) -> Tensor:
        """Return the logit of each pixel."""
        logits: Tensor = self.binarize(features)
        return logits


class DiceBCELoss(nn.Module):
    """Cross entropy of each pixel plus what the regions lack in overlap."""

    def __init__(self, dice_weight: float = 1.0) -> None:
        super().__init__()
        self.dice_weight = dice_weight

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        """Return the loss of a batch."""
        probability = logits.sigmoid()
        shared = 2 * (probability * target).sum() + 1
        dice = 1 - shared / (probability.sum() + target.sum() + 1)
        return binary_cross_entropy_with_logits(logits, target) + self.dice_weight * dice


PARTS: dict[str, type[nn.Module]] = {
    "tiny_cnn": TinyCNN,
    "fpn_decoder": FPNDecoder,
    "db_head": DBHead,
    "dice_bce": DiceBCELoss,
}


def build_part(name: str, settings: Mapping[str, Any]) -> nn.Module:
    """Return the part called `name`.

    Raises:
        ValueError: if there is no such part.
    """
    if name not in PARTS:
        known = ", ".join(PARTS)
        raise ValueError(f"no part is called {name!r}; there are {known}")
    return PARTS[name](**settings)


def _conv(before: int, after: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, 3, stride=stride, padding=1, bias=False),
        nn.BatchNorm2d(after),
        nn.ReLU(inplace=True),
    )
