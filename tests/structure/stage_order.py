#!/usr/bin/env python3
"""Includes point downwards only. Reads the order of the builder's stages in host_builder/CMakeLists.txt and every #include of the
sources, and names each that points upwards; also every folder of more sources than a person takes in at once.

    tests/structure/stage_order.py [ROOT]
"""
import collections
import pathlib
import re
import sys

SOURCES = {".cc", ".h", ".hpp", ".c", ".cuh"}
MOST_SOURCES = 40  # .cc and .cuh of one folder
# What each part of the tree may include, itself aside.
PARTS = {
    "plan_schema": set(),
    "kernels": {"plan_schema"},
    "core": {"plan_schema", "kernels"},
    "agent": {"plan_schema", "core"},
    "gst_plugin": {"plan_schema", "core/include"},
    "host_builder": {"plan_schema", "kernels", "core", "agent"},
}


def stages(root):
    text = (root / "host_builder/CMakeLists.txt").read_text()
    return re.search(r"set\(STINT_STAGES ([a-z_ \n]+)\)", text).group(1).split() + ["cli"]


def includes(path):
    return re.findall(r'^\s*#\s*include "([^"]+)"', path.read_text(encoding="utf8"), re.M)


def wrong_includes(root):
    order = {stage: i for i, stage in enumerate(stages(root))}
    for part, allowed in PARTS.items():
        for path in sorted(p for p in (root / part).rglob("*") if p.suffix in SOURCES):
            place = path.relative_to(root)
            stage = place.parts[1] if part == "host_builder" else None
            if stage is not None and stage not in order:
                yield f"{place}: '{stage}' is no stage; host_builder/CMakeLists.txt lists them"
                continue
            for included in includes(path):
                there = included.split("/")
                if len(there) == 1 or there[0] not in PARTS:
                    continue  # beside it, or not ours
                if there[0] == part == "host_builder":
                    if order.get(there[1], len(order)) > order[stage]:
                        yield f"{place}: stage '{stage}' comes before '{there[1]}' and must not include {included}"
                elif there[0] != part and not any(included.startswith(a + "/") for a in allowed):
                    yield f"{place}: {part} must not include {included}"


def crowded_folders(root):
    counts = collections.Counter(p.parent for part in PARTS for p in (root / part).rglob("*") if p.suffix in {".cc", ".cuh"})
    for folder, count in sorted(counts.items()):
        if count > MOST_SOURCES:
            yield f"{folder.relative_to(root)}: {count} sources lie in one folder, at most {MOST_SOURCES} are bearable"


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parents[2]).resolve()
    found = [*wrong_includes(root), *crowded_folders(root)]
    print("\n".join(found) or f"includes point downwards: {' -> '.join(stages(root))}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
