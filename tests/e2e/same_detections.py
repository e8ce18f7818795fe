#!/usr/bin/env python3
"""Compares the detections that embed_c printed on two machines: same labels, scores within 0.01, corners within 1 pixel."""
import re
import sys


def detections(path):
    pattern = re.compile(r"^  (\S*) ([\d.]+) \[([-\d. ]+)\]$")
    found = [m for m in map(pattern.match, open(path).read().splitlines()) if m]
    return sorted((m[1], float(m[2]), *map(float, m[3].split())) for m in found)


one, other = map(detections, sys.argv[1:3])
same = len(one) == len(other) > 0 and all(
    a[0] == b[0] and abs(a[1] - b[1]) <= 0.01 and all(abs(x - y) <= 1 for x, y in zip(a[2:], b[2:])) for a, b in zip(one, other))
print(f"{sys.argv[1]}: {one}\n{sys.argv[2]}: {other}\n{'the same' if same else 'DIFFERENT'}")
sys.exit(not same)
