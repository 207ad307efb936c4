"""The plate detector's network: a grey picture in, boxes and four corners per anchor point out.

Fully convolutional, so it runs at any multiple of 32 and one set of weights serves a 640-px live
frame and a 1920-px still. Normalisation and decoding live inside the graph: the caller only
letterboxes before and suppresses doubles after (contract `anpr-corners-1`, docs/models.md).
It knows nothing of losses, files or augmentation.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

STRIDES = (8, 16, 32)
PADDING_GREY = 114.0  # what letterboxing fills with; subtracting it makes zero padding look like the letterbox
GREY_SPREAD = 58.0  # about one standard deviation of the training scenes' luma
OUTPUTS = 13  # score, 4 box distances, 8 corner offsets
MAX_EXPONENT = 4.0  # a side at most 109 strides from its anchor: beyond any picture, and exp cannot overflow
PRIOR_LOGIT = -5.0  # few anchors are plates: start from a score of 0.7 %


class Depthwise(nn.Conv2d):
    """One filter per channel, always in float32: bfloat16 gradients of it take twice as long on the CPU."""

    def forward(self, input: Tensor) -> Tensor:
        with torch.autocast(input.device.type, enabled=False):
            return super().forward(input.float())


def conv(cin: int, cout: int, kernel: int, stride: int = 1, *, groups: int = 1, active: bool = True) -> nn.Sequential:
    """Return convolution + batch norm (+ ReLU), padded so that stride 1 keeps the size."""
    layers: list[nn.Module] = [
        (Depthwise if groups > 1 else nn.Conv2d)(cin, cout, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(cout, momentum=0.03, eps=1e-3),
    ]
    if active:
        layers.append(nn.ReLU(inplace=True))
    return nn.Sequential(*layers)


class Residual(nn.Module):
    """1x1 squeeze, 3x3 back, added to the input: a dense 3x3 at a third to half of the cost."""

    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.squeeze = conv(channels, squeezed, 1)
        self.expand = conv(squeezed, channels, 3, active=False)
        self.act = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.act(x + self.expand(self.squeeze(x)))
        return out


class Head(nn.Module):
    """Score from one branch, geometry from the other; depthwise 5x5 sees across a plate cheaply."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.score_branch = nn.Sequential(conv(channels, channels, 5, groups=channels), conv(channels, channels, 1))
        self.shape_branch = nn.Sequential(
            conv(channels, channels, 5, groups=channels),
            conv(channels, channels, 1),
            conv(channels, channels, 5, groups=channels),
            conv(channels, channels, 1),
        )
        self.score = nn.Conv2d(channels, 1, 1)
        self.shape = nn.Conv2d(channels, OUTPUTS - 1, 1)
        nn.init.constant_(self.score.bias, PRIOR_LOGIT)  # type: ignore[arg-type]
        nn.init.normal_(self.shape.weight, std=0.01)
        nn.init.zeros_(self.shape.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat((self.score(self.score_branch(x)), self.shape(self.shape_branch(x))), 1)


def anchor_points(height: int, width: int, stride: int, like: Tensor) -> tuple[Tensor, Tensor]:
    """Return the (H*W, 2) centres in input pixels of one level's cells, row by row, and their (H*W, 1) strides."""
    ys = (torch.arange(height, device=like.device, dtype=torch.float32) + 0.5) * stride
    xs = (torch.arange(width, device=like.device, dtype=torch.float32) + 0.5) * stride
    grid_y, grid_x = torch.meshgrid(ys, xs, indexing="ij")
    points = torch.stack((grid_x.reshape(-1), grid_y.reshape(-1)), 1)
    return points, torch.full_like(points[:, :1], float(stride))


def decode(raw: Tensor, points: Tensor, strides: Tensor) -> tuple[Tensor, Tensor]:
    """Return boxes (N, A, 4) and corners (N, A, 8) in input pixels from raw outputs (N, A, 13).

    Distances left, top, right, bottom are exp x 2 strides, so a fresh network starts at boxes of
    4 strides. Corners are offsets from the box's corners in shares of its width and height:
    zero means an upright plate, and what is learned about boxes carries over to corners.
    """
    reach = torch.exp(raw[..., 1:5].clamp(max=MAX_EXPONENT)) * 2.0 * strides
    x1, y1 = points[:, 0] - reach[..., 0], points[:, 1] - reach[..., 1]
    x2, y2 = points[:, 0] + reach[..., 2], points[:, 1] + reach[..., 3]
    wide, high = (x2 - x1).unsqueeze(-1), (y2 - y1).unsqueeze(-1)
    base_x = torch.stack((x1, x2, x2, x1), -1)
    base_y = torch.stack((y1, y1, y2, y2), -1)
    corner_x = base_x + raw[..., 5::2] * wide
    corner_y = base_y + raw[..., 6::2] * high
    corners = torch.stack((corner_x, corner_y), -1).flatten(-2)
    return torch.stack((x1, y1, x2, y2), -1), corners


class PlateDetector(nn.Module):
    """Backbone to stride 32, features carried back up to stride 8, one head per level."""

    def __init__(self, *, stem: int = 16, s4: int = 16, s8: int = 48, s16: int = 96, s32: int = 128) -> None:
        """Channels are multiples of 16, the width of onnxruntime's blocked CPU layout: others cost a copy."""
        super().__init__()
        self.stem = nn.Sequential(conv(1, stem, 3, 2), conv(stem, s4, 3, 2))
        self.stage8 = nn.Sequential(conv(s4, s8, 3, 2), Residual(s8, 16), Residual(s8, 16))
        self.stage16 = nn.Sequential(conv(s8, s16, 3, 2), Residual(s16, 48), Residual(s16, 48))
        self.stage32 = nn.Sequential(conv(s16, s32, 3, 2), Residual(s32, 64), Residual(s32, 64))
        self.lateral16 = conv(s32, s16, 1, active=False)
        self.merge16 = nn.Sequential(nn.ReLU(inplace=True), Residual(s16, 48))
        self.lateral8 = conv(s16, s8, 1, active=False)
        self.merge8 = nn.Sequential(nn.ReLU(inplace=True), Residual(s8, 16))
        self.heads = nn.ModuleList([Head(s8), Head(s16), Head(s32)])

    def raw(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return raw outputs (N, A, 13), anchor points (A, 2) and strides (A, 1) for pictures (N, H, W)."""
        x = (image.float().unsqueeze(1) - PADDING_GREY) / GREY_SPREAD
        f8 = self.stage8(self.stem(x))
        f16 = self.stage16(f8)
        f32 = self.stage32(f16)
        up = nn.functional.interpolate
        f16 = self.merge16(f16 + up(self.lateral16(f32), scale_factor=2.0, mode="nearest"))
        f8 = self.merge8(f8 + up(self.lateral8(f16), scale_factor=2.0, mode="nearest"))
        outs, points, strides = [], [], []
        for feature, head, stride in zip((f8, f16, f32), self.heads, STRIDES, strict=True):
            out = head(feature)
            point, step = anchor_points(out.shape[2], out.shape[3], stride, out)
            outs.append(out.flatten(2).transpose(1, 2))
            points.append(point)
            strides.append(step)
        return torch.cat(outs, 1).float(), torch.cat(points), torch.cat(strides)

    def forward(self, image: Tensor) -> Tensor:
        """Return `plates` (N, A, 13): score in 0..1, box, corners, in input pixels."""
        raw, points, strides = self.raw(image)
        boxes, corners = decode(raw, points, strides)
        return torch.cat((torch.sigmoid(raw[..., :1]), boxes, corners), -1)
