"""The reader's network: convolutions, a look at the whole plate, one slot per character.

Twelve learned queries each attend to the place of their character, then the slots look at one
another, because the format decides between O and 0. Normalisation is inside: uint8 pictures in.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.synth.fonts import CHARSET

SLOTS = 12  # the longest registration that can be read
CLASSES = len(CHARSET) + 1  # index 0 is blank
INPUT_HEIGHT_PX, INPUT_WIDTH_PX = 64, 128
MARGIN_X_RATIO, MARGIN_Y_RATIO = 0.06, 0.12  # of the plate's width and height, on each side
GRID = (8, 32)  # cells of the feature map the slots attend to, rows and columns
CONTRAST_FLOOR = 6.0  # grey levels added to the spread, so that an empty picture is not blown up


class Reading(NamedTuple):
    """What the network says about a batch of N crops."""

    logits: Tensor  # (N, SLOTS, CLASSES)
    legible: Tensor  # (N,) logit
    attention: Tensor  # (N, SLOTS, rows * columns + 1), the last cell means nowhere


def _conv(inputs: int, outputs: int, stride: int | tuple[int, int] = 1, kernel: int = 3) -> nn.Sequential:
    layer = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


class Residual(nn.Module):
    """Two 3x3 convolutions around a short cut."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = _conv(channels, channels)
        self.second = nn.Sequential(nn.Conv2d(channels, channels, 3, 1, 1, bias=False), nn.BatchNorm2d(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Return the refined map, same shape."""
        refined: Tensor = self.second(self.first(x))
        return torch.relu(x + refined)


class Mixer(nn.Module):
    """One pre-norm transformer layer over a short list of tokens (N, T, channels)."""

    def __init__(self, channels: int, heads: int = 4) -> None:
        super().__init__()
        self.heads = heads
        self.norm_a, self.norm_b = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.qkv, self.out = nn.Linear(channels, 3 * channels), nn.Linear(channels, channels)
        self.grow, self.shrink = nn.Linear(channels, 2 * channels), nn.Linear(2 * channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Return the tokens after they have looked at each other."""
        n, t, c = x.shape
        parts = self.qkv(self.norm_a(x)).reshape(n, t, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
        q, k, v = parts[0], parts[1], parts[2]
        weights = torch.softmax(q @ k.transpose(-1, -2) * (c // self.heads) ** -0.5, -1)
        x = x + self.out((weights @ v).transpose(1, 2).reshape(n, t, c))
        mixed: Tensor = x + self.shrink(functional.relu(self.grow(self.norm_b(x))))
        return mixed


class PlateReader(nn.Module):
    """Reads plates of one and two lines from grey crops of 64 x 128 pixels."""

    def __init__(self, width: int = 36, depth: int = 112, dropout: float = 0.1) -> None:
        super().__init__()
        wide = 2 * width
        self.stem = nn.Sequential(_conv(1, 24, 2), _conv(24, width, 2), Residual(width))  # 16 x 32
        self.body = nn.Sequential(_conv(width, wide, (2, 1)), Residual(wide))  # 8 x 32
        self.overview = _conv(wide, depth, 2)  # 4 x 16
        self.place = nn.Parameter(torch.randn(1, 4 * 16, depth) * 0.02)
        self.context = nn.ModuleList(Mixer(depth) for _ in range(2))
        self.detail = nn.Conv2d(wide, depth, 1)
        self.fuse = _conv(depth, depth, 1, 1)
        self.nowhere = nn.Parameter(torch.zeros(1, depth, 1))
        self.query = nn.Parameter(torch.randn(1, SLOTS, depth) * 0.1)
        self.value = nn.Linear(depth, depth)
        self.slot = nn.Parameter(torch.randn(1, SLOTS, depth) * 0.02)
        self.slots = nn.ModuleList(Mixer(depth) for _ in range(2))
        self.dropout = nn.Dropout(dropout)
        self.norm = nn.LayerNorm(depth)
        self.classify = nn.Linear(depth, CLASSES)
        self.judge = nn.Sequential(nn.Linear(2 * depth, 64), nn.ReLU(), nn.Linear(64, 1))

    def forward(self, plates: Tensor) -> Reading:
        """Return the reading of grey crops, uint8 or float (N, 64, 128) in 0..255."""
        x = plates.float().unsqueeze(1)
        mean = x.mean((2, 3), keepdim=True)
        spread = (x - mean).square().mean((2, 3), keepdim=True).sqrt()
        x = self.body(self.stem((x - mean) / (spread + CONTRAST_FLOOR)))
        overview = self.overview(x)
        n, c = overview.shape[:2]
        tokens = overview.permute(0, 2, 3, 1).reshape(n, -1, c) + self.place  # channels last: views, no copies
        for layer in self.context:
            tokens = layer(tokens)
        whole = tokens.reshape(n, GRID[0] // 2, GRID[1] // 2, c).permute(0, 3, 1, 2)
        x = self.fuse(self.detail(x) + functional.interpolate(whole, scale_factor=2.0, mode="nearest"))
        cells = x.permute(0, 2, 3, 1).reshape(n, -1, c)
        nowhere = self.nowhere.transpose(1, 2).expand(n, -1, -1).to(cells.dtype)
        scores = self.query.expand(n, -1, -1) @ torch.cat([cells, nowhere], 1).transpose(1, 2)
        attention = torch.softmax(scores.float() * c**-0.5, -1)
        slots = self.value(attention[..., :-1].to(cells.dtype) @ cells) + self.slot
        for layer in self.slots:
            slots = layer(slots)
        slots = self.norm(slots)
        summary = torch.cat([tokens.mean(1), slots.mean(1)], 1)
        return Reading(self.classify(self.dropout(slots)).float(), self.judge(summary).float().squeeze(1), attention)
