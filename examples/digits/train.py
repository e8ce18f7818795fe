#!/usr/bin/env python3
"""Trains the demo digit detector, evaluates it on digits it never saw and exports it as ONNX.

    python3 examples/digits/train.py --mnist DIR --output DIR [--steps 9000] [--seconds 420]

DIR holds t10k-images-idx3-ubyte.gz and t10k-labels-idx1-ubyte.gz. Needs PyTorch and onnx; a GPU makes it minutes.
Writes digits.onnx and metrics.json.
"""
import argparse
import json
import math
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from torchvision.ops import batched_nms, box_iou, generalized_box_iou_loss

from network import CLASSES, DigitDetector, cells, decode_boxes
from scenes import load_mnist, scenes

SIZE = 256


def assign(boxes, classes, corner, stride):
    """Cell -> box: [batch, rows] index of the box a cell is responsible for, -1 for none.

    Small boxes belong to the fine grid, large ones to the coarse grid; cells within 1.2 strides of the centre learn it.
    """
    centre = (boxes[..., :2] + boxes[..., 2:]) / 2
    longest = (boxes[..., 2:] - boxes[..., :2]).amax(-1)
    cell_centre = (corner + 0.5) * stride[:, None]
    distance = (cell_centre[None, :, None] - centre[:, None]).abs().amax(-1)  # batch, rows, slots
    fine = longest[:, None] < 44
    right_level = torch.where(stride[None, :, None] == 8, fine, ~fine)
    allowed = (distance < 1.2 * stride[None, :, None]) & right_level & (classes[:, None] >= 0)
    cost = torch.where(allowed, distance, torch.full_like(distance, math.inf))
    best, index = cost.min(-1)
    return torch.where(best.isinf(), torch.full_like(index, -1), index)


def focal(score, target, gamma=2.0):
    """Binary cross-entropy that cares less about what is already right."""
    score = score.float().clamp(1e-5, 1 - 1e-5)
    p = torch.where(target > 0.5, score, 1 - score)
    return -((1 - p) ** gamma) * p.log()


def loss_of(output, boxes, classes, corner, stride):
    index = assign(boxes, classes, corner, stride)
    positive = index >= 0
    count = positive.sum().clamp(min=1)
    predicted = decode_boxes(output.float(), SIZE)
    picked = index.clamp(min=0)
    target_box = torch.gather(boxes, 1, picked[..., None].expand(-1, -1, 4))
    target_class = torch.gather(classes, 1, picked)
    box = generalized_box_iou_loss(predicted[positive], target_box[positive], reduction="sum") / count
    objectness = focal(output[..., 4], positive.float()).sum() / count
    one_hot = F.one_hot(target_class[positive], CLASSES).float()
    category = focal(output[..., 5:][positive], one_hot, gamma=1.0).sum() / count
    return 2 * box + objectness + category


@torch.no_grad()
def detect(model, pictures, threshold=0.05, iou=0.5):
    output = model(pictures).float()
    boxes = decode_boxes(output, SIZE)
    score, label = (output[..., 4:5] * output[..., 5:]).max(-1)
    found = []
    for b, s, c in zip(boxes, score, label):
        keep = s > threshold
        b, s, c = b[keep], s[keep], c[keep]
        kept = batched_nms(b, s, c, iou)[:100]
        found.append((b[kept], s[kept], c[kept]))
    return found


def average_precision(records, truths, threshold):
    """COCO-style 101-point interpolation, one class. records: (score, picture, box); truths: picture -> boxes."""
    total = sum(len(t) for t in truths.values())
    if not total:
        return None
    taken = {p: [False] * len(t) for p, t in truths.items()}
    hits = []
    for _, picture, box in sorted(records, key=lambda r: -r[0]):
        truth = truths.get(picture)
        best = -1
        if truth is not None and len(truth):
            iou = box_iou(box[None], truth)[0]
            for k in iou.argsort(descending=True).tolist():
                if iou[k] >= threshold and not taken[picture][k]:
                    best = k
                    break
        if best >= 0:
            taken[picture][best] = True
        hits.append(best >= 0)
    hits = torch.tensor(hits, dtype=torch.float64)
    recall = hits.cumsum(0) / total
    precision = hits.cumsum(0) / torch.arange(1, len(hits) + 1)
    precision = precision.flip(0).cummax(0).values.flip(0)
    return sum((precision[recall >= r].max().item() if (recall >= r).any() else 0.0) for r in torch.linspace(0, 1, 101)) / 101


def evaluate(model, digits, labels, pictures, seed):
    generator = torch.Generator(digits.device).manual_seed(seed)
    records = [[] for _ in range(CLASSES)]
    truths = [{} for _ in range(CLASSES)]
    done = 0
    while done < pictures:
        batch, boxes, classes = scenes(digits, labels, 50, generator)
        for k, (b, s, c) in enumerate(detect(model, batch)):
            for label in range(CLASSES):
                truths[label][done + k] = boxes[k][classes[k] == label].cpu()
            for box, score, label in zip(b.cpu(), s.tolist(), c.tolist()):
                records[label].append((score, done + k, box))
        done += 50
    thresholds = [0.5 + 0.05 * i for i in range(10)]
    table = [[average_precision(records[c], truths[c], t) for t in thresholds] for c in range(CLASSES)]
    return {"mAP50": sum(row[0] for row in table) / CLASSES,
            "mAP50_95": sum(sum(row) / len(row) for row in table) / CLASSES,
            "pictures": pictures, "objects": sum(len(b) for t in truths for b in t.values())}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mnist", required=True)
    parser.add_argument("--output", required=True, type=Path)
    parser.add_argument("--steps", type=int, default=9000)
    parser.add_argument("--seconds", type=float, default=420, help="stop training early after this long")
    arguments = parser.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(1)
    generator = torch.Generator(device).manual_seed(2)
    digits, labels = (t.to(device) for t in load_mnist(arguments.mnist, "train"))
    model = DigitDetector().to(device)
    average = torch.optim.swa_utils.AveragedModel(model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.999), use_buffers=True)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.02)
    corner, stride = cells(SIZE, device)
    start = time.time()
    step = 0
    while step < arguments.steps:
        # Cosine over whichever runs out first, steps or time.
        progress = max(step / arguments.steps, (time.time() - start) / arguments.seconds)
        if progress >= 1:
            break
        rate = 2e-3 * min(1, step / 300) * (0.5 + 0.5 * math.cos(math.pi * progress)) + 1e-6
        for group in optimizer.param_groups:
            group["lr"] = rate
        pictures, boxes, classes = scenes(digits, labels, 64, generator)
        with torch.autocast(device, dtype=torch.bfloat16, enabled=device == "cuda"):
            output = model(pictures)
        loss = loss_of(output, boxes, classes, corner, stride)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        average.update_parameters(model)
        if step % 250 == 0:
            print(f"step {step} loss {loss.item():.4f} lr {rate:.5f} {time.time() - start:.0f} s", flush=True)
        step += 1
    trained = average.module.eval().float()
    unseen, unseen_labels = (t.to(device) for t in load_mnist(arguments.mnist, "test"))
    metrics = evaluate(trained, unseen, unseen_labels, 1000, seed=77)
    metrics.update(steps=step, seconds=round(time.time() - start, 1), parameters=sum(p.numel() for p in trained.parameters()),
                   digits_seen=len(digits), digits_unseen=len(unseen))
    arguments.output.mkdir(parents=True, exist_ok=True)
    torch.onnx.export(trained.cpu(), torch.zeros(1, 3, SIZE, SIZE), str(arguments.output / "digits.onnx"), opset_version=17,
                      input_names=["images"], output_names=["output"], dynamo=False)
    metrics["onnx_bytes"] = (arguments.output / "digits.onnx").stat().st_size
    (arguments.output / "metrics.json").write_text(json.dumps(metrics, indent=2) + "\n")
    print(json.dumps(metrics))


if __name__ == "__main__":
    main()
