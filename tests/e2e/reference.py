"""Independent reference for detection pipelines: NumPy preprocessing and decoding around onnxruntime, double precision."""
import numpy as np


def bilinear_resize(picture, width, height):
    """Half-pixel bilinear sampling of [h, w, c] (double), edges clamped: what the plan's preprocessing documents."""
    h, w = picture.shape[:2]
    x = np.clip((np.arange(width) + 0.5) * w / width - 0.5, 0, w - 1)
    y = np.clip((np.arange(height) + 0.5) * h / height - 0.5, 0, h - 1)
    x0, y0 = np.floor(x).astype(int), np.floor(y).astype(int)
    x1, y1 = np.minimum(x0 + 1, w - 1), np.minimum(y0 + 1, h - 1)
    fx, fy = (x - x0)[None, :, None], (y - y0)[:, None, None]
    top = picture[y0][:, x0] * (1 - fx) + picture[y0][:, x1] * fx
    bottom = picture[y1][:, x0] * (1 - fx) + picture[y1][:, x1] * fx
    return top * (1 - fy) + bottom * fy


def letterbox(picture, width, height, pad, centre):
    """Returns the padded picture and (scale, offset_x, offset_y) from source to network pixels."""
    h, w = picture.shape[:2]
    scale = min(width / w, height / h)
    inner_w, inner_h = round(w * scale), round(h * scale)
    left, top = ((width - inner_w) // 2, (height - inner_h) // 2) if centre else (0, 0)
    out = np.full((height, width, picture.shape[2]), float(pad))
    out[top:top + inner_h, left:left + inner_w] = bilinear_resize(picture.astype(np.float64), inner_w, inner_h)
    return out, (inner_w / w, inner_h / h, left, top)


def yolox_boxes(output, size, strides):
    """Rows of a raw YOLOX output [rows, 5 + classes] -> corner boxes in network pixels, scores [rows, classes]."""
    corner, stride = [], []
    for s in strides:
        n = size // s
        y, x = np.mgrid[0:n, 0:n]
        corner.append(np.stack([x, y], -1).reshape(-1, 2))
        stride.append(np.full(n * n, s))
    corner, stride = np.concatenate(corner), np.concatenate(stride)[:, None]
    output = output.astype(np.float64)
    centre = (output[:, :2] + corner) * stride
    extent = np.exp(output[:, 2:4]) * stride
    return np.concatenate([centre - extent / 2, centre + extent / 2], 1), output[:, 4:5] * output[:, 5:]


def iou(a, b):
    w, h = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    if w <= 0 or h <= 0:
        return 0.0
    return w * h / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - w * h)


def nms(boxes, scores, score_threshold, iou_threshold):
    """Per-class greedy NMS; boxes [n, 4], scores [n, classes] -> list of (class, score, box), best first."""
    found = []
    for c in range(scores.shape[1]):
        kept = []
        for k in sorted(np.where(scores[:, c] >= score_threshold)[0], key=lambda i: (-scores[i, c], i)):
            if all(iou(boxes[k], boxes[j]) <= iou_threshold for j in kept):
                kept.append(k)
        found += [(c, float(scores[k, c]), boxes[k]) for k in kept]
    return sorted(found, key=lambda d: -d[1])


def compare_detections(got, want, threshold, margin=0.02, least_iou=0.5):
    """Both ways: every clear detection has its partner of the same class with IoU >= least_iou. Returns the misses.

    Detections within `margin` of the score threshold may be on either side of it.
    """
    misses = []
    for name, left, right in (("missing", want, got), ("unexpected", got, want)):
        for c, score, box in left:
            if score < threshold + margin:
                continue
            if not any(c == other and iou(box, b) >= least_iou for other, _, b in right):
                misses.append(f"{name}: class {c} score {score:.3f} box {[round(float(v)) for v in box]}")
    return misses
