"""Digits over procedural backgrounds: the one source of pictures for training, evaluation and the demo clip.

Pictures are float tensors [batch, 3, height, width] in 0..255, RGB. Boxes are x1, y1, x2, y2 in pixels.
"""
import gzip
import math

import torch
import torch.nn.functional as F

PAD_VALUE = 114.0  # grey of the letterbox bars, as in the demo's --preprocess


def load_mnist(folder, split):
    """Digits [n, 28, 28] in 0..1 and labels [n]. The file has 10,000; training sees the first 8,000 only."""
    with gzip.open(f"{folder}/t10k-images-idx3-ubyte.gz") as f:
        raw = f.read()
    with gzip.open(f"{folder}/t10k-labels-idx1-ubyte.gz") as f:
        labels = f.read()
    images = torch.frombuffer(bytearray(raw[16:]), dtype=torch.uint8).reshape(-1, 28, 28).float() / 255
    labels = torch.frombuffer(bytearray(labels[8:]), dtype=torch.uint8).long()
    part = slice(0, 8000) if split == "train" else slice(8000, 10000)
    return images[part], labels[part]


def backgrounds(batch, height, width, generator, device):
    """Smooth colour fields, stripes, boxes and noise; no two alike."""
    def rand(*shape):
        return torch.rand(*shape, generator=generator, device=device)

    # Smooth colour: a coarse random grid, enlarged.
    cells = 2 + int(rand(1).item() * 5)
    picture = F.interpolate(rand(batch, 3, cells, cells), (height, width), mode="bicubic", align_corners=False)
    # Fine texture with its own strength per picture.
    texture = F.interpolate(rand(batch, 1, height // 8, width // 8), (height, width), mode="bilinear", align_corners=False)
    picture = picture + (texture - 0.5) * rand(batch, 1, 1, 1) * 0.4
    # Stripes of random direction and pitch.
    y = torch.arange(height, device=device).view(1, 1, -1, 1)
    x = torch.arange(width, device=device).view(1, 1, 1, -1)
    angle = rand(batch, 1, 1, 1) * math.pi
    pitch = 6 + rand(batch, 1, 1, 1) * 60
    stripes = torch.sin((x * torch.cos(angle) + y * torch.sin(angle)) * (2 * math.pi / pitch))
    picture = picture + stripes * (rand(batch, 3, 1, 1) - 0.5) * 0.35 * (rand(batch, 1, 1, 1) < 0.5)
    # Flat rectangles and thin bars: distractors with hard edges, like strokes.
    for _ in range(5):
        x0, y0 = rand(batch, 1, 1, 1) * width, rand(batch, 1, 1, 1) * height
        thin = rand(batch, 1, 1, 1) < 0.5
        w = torch.where(thin, 2 + rand(batch, 1, 1, 1) * 6, rand(batch, 1, 1, 1) * width * 0.4)
        h = rand(batch, 1, 1, 1) * height * 0.4
        inside = (x >= x0) & (x < x0 + w) & (y >= y0) & (y < y0 + h) & (rand(batch, 1, 1, 1) < 0.5)
        picture = torch.where(inside, rand(batch, 3, 1, 1), picture)
    picture = picture + torch.randn(picture.shape, generator=generator, device=device) * rand(batch, 1, 1, 1) * 0.06
    return picture.clamp(0, 1)


def warp_digits(digits, centre_x, centre_y, size, angle, height, width):
    """Places digits [b, 28, 28] with the 28-pixel square scaled to `size` pixels; returns ink [b, 1, height, width]."""
    b = digits.shape[0]
    cos, sin = torch.cos(angle), torch.sin(angle)
    # Output pixel -> digit coordinate in -1..1.
    half = size / 2
    theta = torch.zeros(b, 2, 3, device=digits.device)
    theta[:, 0, 0] = cos * (width / 2) / half
    theta[:, 0, 1] = sin * (height / 2) / half
    theta[:, 1, 0] = -sin * (width / 2) / half
    theta[:, 1, 1] = cos * (height / 2) / half
    dx, dy = width / 2 - centre_x, height / 2 - centre_y
    theta[:, 0, 2] = (cos * dx + sin * dy) / half
    theta[:, 1, 2] = (-sin * dx + cos * dy) / half
    grid = F.affine_grid(theta, (b, 1, height, width), align_corners=False)
    return F.grid_sample(digits[:, None], grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def ink_boxes(ink):
    """Tight boxes [b, 4] of ink [b, 1, h, w] above a threshold; x2, y2 exclusive. Zero boxes where there is none."""
    mask = ink[:, 0] > 0.35
    columns, rows = mask.any(1), mask.any(2)
    def first(v):
        return v.float().argmax(1)
    def last(v):
        return v.shape[1] - v.flip(1).float().argmax(1)
    box = torch.stack([first(columns), first(rows), last(columns), last(rows)], 1).float()
    return torch.where(mask.flatten(1).any(1)[:, None], box, torch.zeros_like(box))


def scenes(digits, labels, batch, generator, height=256, width=256, slots=6, min_size=24, max_size=104, bars=True):
    """A batch of pictures, boxes [batch, slots, 4] and classes [batch, slots] (-1: empty slot)."""
    device = digits.device

    def rand(*shape):
        return torch.rand(*shape, generator=generator, device=device)

    picture = backgrounds(batch, height, width, generator, device)
    # Letterbox bars above and below, as a wide camera frame leaves them in a square input.
    top = torch.zeros(batch, device=device)
    if bars:
        top = torch.where(rand(batch) < 0.5, rand(batch) * height * 0.25, top)
    y = torch.arange(height, device=device).view(1, 1, -1, 1)
    in_bar = (y < top.view(-1, 1, 1, 1)) | (y >= height - top.view(-1, 1, 1, 1))
    boxes = torch.zeros(batch, slots, 4, device=device)
    classes = torch.full((batch, slots), -1, dtype=torch.long, device=device)
    for slot in range(slots):
        index = (rand(batch) * len(digits)).long().clamp(max=len(digits) - 1)
        size = min_size * (max_size / min_size) ** rand(batch)
        cx = size * 0.4 + rand(batch) * (width - size * 0.8)
        cy = top + size * 0.4 + rand(batch) * (height - 2 * top - size * 0.8)
        ink = warp_digits(digits[index], cx, cy, size, (rand(batch) - 0.5) * 0.5, height, width)
        ink = ink.masked_fill(in_bar, 0)
        box = ink_boxes(ink)
        # Leave out digits that touch an earlier one, are cut off or are too small to read.
        grown = box + torch.tensor([-3.0, -3.0, 3.0, 3.0], device=device)
        clash = ((boxes[:, :, 0] < grown[:, None, 2]) & (boxes[:, :, 2] > grown[:, None, 0]) &
                 (boxes[:, :, 1] < grown[:, None, 3]) & (boxes[:, :, 3] > grown[:, None, 1]) & (classes >= 0)).any(1)
        tall = (box[:, 3] - box[:, 1] >= 0.5 * size) & (cy + 0.36 * size <= height - top)
        keep = ~clash & tall & ((rand(batch) < 0.8) if slot else torch.ones(batch, dtype=torch.bool, device=device))
        # Ink colour clearly different from what it covers.
        covered = (picture * ink).sum((2, 3)) / ink.sum((2, 3)).clamp(min=1e-3)
        colour = rand(batch, 3)
        brightness_gap = (colour - covered).mean(1, keepdim=True)
        colour = torch.where(brightness_gap.abs() < 0.25, torch.where(covered.mean(1, keepdim=True) > 0.5, colour * 0.2, 1 - (1 - colour) * 0.2), colour)
        alpha = ink * keep.view(-1, 1, 1, 1) * (0.85 + 0.15 * rand(batch, 1, 1, 1))
        picture = picture * (1 - alpha) + colour.view(batch, 3, 1, 1) * alpha
        boxes[:, slot] = torch.where(keep[:, None], box, torch.zeros_like(box))
        classes[:, slot] = torch.where(keep, labels[index], torch.full_like(labels[index], -1))
    picture = picture * 255
    picture = torch.where(in_bar, torch.full_like(picture, PAD_VALUE), picture)
    return picture.round().clamp(0, 255), boxes, classes
