"""The demo detector: an anchor-free grid network (YOLOX output convention), about 0.34 M parameters.

Input [n, 3, 256, 256], RGB, 0..255. Output [n, 1280, 15]: per cell of the stride-8 and stride-16 grids
x, y (offset of the centre from the cell, in cells), log w, log h (in cells), objectness, 10 class scores (sigmoids applied).
"""
import torch
from torch import nn

STRIDES = (8, 16)
CLASSES = 10


def conv(inputs, outputs, kernel=3, stride=1):
    return nn.Sequential(nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
                         nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


class Residual(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.body = nn.Sequential(conv(channels, channels // 2, 1), conv(channels // 2, channels))

    def forward(self, x):
        return x + self.body(x)


class Head(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.tower = conv(channels, 64)
        self.box = nn.Conv2d(64, 4, 1)
        self.score = nn.Conv2d(64, 1 + CLASSES, 1)
        nn.init.constant_(self.score.bias, -4.0)  # start from "nothing there"

    def forward(self, x):
        x = self.tower(x)
        return torch.cat([self.box(x), torch.sigmoid(self.score(x))], 1).flatten(2)


class DigitDetector(nn.Module):
    def __init__(self):
        super().__init__()
        self.to_stride_8 = nn.Sequential(conv(3, 16, 3, 2), conv(16, 32, 3, 2), Residual(32), conv(32, 64, 3, 2),
                                         Residual(64), Residual(64))
        self.to_stride_16 = nn.Sequential(conv(64, 96, 3, 2), Residual(96), Residual(96))
        self.lateral = conv(96, 64, 1)
        self.merge = nn.Sequential(conv(128, 64, 1), conv(64, 64))
        self.head_8 = Head(64)
        self.head_16 = Head(96)

    def forward(self, x):
        x = x * (1 / 255.0)
        fine = self.to_stride_8(x)
        coarse = self.to_stride_16(fine)
        up = nn.functional.interpolate(self.lateral(coarse), scale_factor=2.0, mode="nearest")
        fine = self.merge(torch.cat([fine, up], 1))
        return torch.cat([self.head_8(fine), self.head_16(coarse)], 2).permute(0, 2, 1)


def cells(size, device):
    """Cell corners (in cells) and strides of the output rows: [rows, 2], [rows]."""
    corners, strides = [], []
    for stride in STRIDES:
        n = size // stride
        y, x = torch.meshgrid(torch.arange(n, device=device), torch.arange(n, device=device), indexing="ij")
        corners.append(torch.stack([x, y], -1).reshape(-1, 2).float())
        strides.append(torch.full((n * n,), float(stride), device=device))
    return torch.cat(corners), torch.cat(strides)


def decode_boxes(output, size):
    """Corner boxes [n, rows, 4] in pixels of the network input."""
    corner, stride = cells(size, output.device)
    centre = (output[..., :2] + corner) * stride[:, None]
    extent = output[..., 2:4].clamp(max=6).exp() * stride[:, None]
    return torch.cat([centre - extent / 2, centre + extent / 2], -1)
