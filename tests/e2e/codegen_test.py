#!/usr/bin/env python3
"""Where GPU code comes from: the CUDA compiler's search order, its pinned releases, the cache of compiled kernels.

    python tests/e2e/codegen_test.py build/release/bin/stint
"""
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TARGETS = ["orin", "orin-jp5", "thor", "xavier"]


class Builder:
    def __init__(self, stint, folder):
        self.stint, self.folder = stint, folder
        self.count = 0

    def command(self, target):
        self.count += 1
        plan = self.folder / f"{self.count}.plan"
        return plan, [self.stint, "build", ROOT / "examples/digits/digits.onnx", "-o", plan, "-q", "--precision", "fp16", "--target", target]

    def __call__(self, target, **environment):
        """(the plan's bytes or None, what was said)"""
        plan, command = self.command(target)
        done = subprocess.run(command, capture_output=True, text=True, env=dict(os.environ, **environment))
        return (plan.read_bytes() if done.returncode == 0 else None), done.stderr


def kernels(cache):
    return sorted(p for p in cache.rglob("*.cubin"))


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        build = Builder(Path(sys.argv[1]).resolve(), folder)
        nothing = folder / "nothing"
        nothing.mkdir()

        # A warm cache needs no compiler, a cold one says how to get it.
        for target in TARGETS:
            cache = {"STINT_CACHE_DIR": str(folder / f"cache-{target}")}
            plan, said = build(target, **cache)
            assert plan is not None and said == "", said
            warm, said = build(target, **cache, STINT_NVRTC_PATH=str(nothing))
            assert warm == plan, f"{target}: {said or 'other bytes'}"
            refused, said = build(target, STINT_CACHE_DIR=str(folder / "cold"), STINT_NVRTC_PATH=str(nothing))
            assert refused is None and str(nothing) in said and "pip install --target ~/.local/share/stint/nvrtc" in said, said
        print("warm caches without a compiler: the same plans; cold:", said.strip())

        # A wrong STINT_NVRTC_PATH is an error, not ignored.
        refused, said = build("orin", STINT_CACHE_DIR=str(folder / "cold"), STINT_NVRTC_PATH="/no/such/folder")
        assert refused is None and "/no/such/folder" in said and "no folder" in said, said
        print("refusal:", said.strip())

        # Builds at once share the work: the same plan, and no more kernels than one build makes.
        alone = len(kernels(folder / "cache-orin"))
        shared = folder / "shared"
        commands = [build.command("orin") for _ in range(3)]
        running = [subprocess.Popen(c, env=dict(os.environ, STINT_CACHE_DIR=str(shared)), stdout=subprocess.DEVNULL) for _, c in commands]
        assert all(p.wait() == 0 for p in running)
        plans = {plan.read_bytes() for plan, _ in commands}
        assert len(plans) == 1 and len(kernels(shared)) == alone, (len(plans), len(kernels(shared)), alone)
        left = [p for p in shared.rglob("*") if p.is_file() and p.suffix != ".cubin" and p.parent.name != "locks"]
        assert not left, left

        # A damaged and an emptied entry are compiled again; a limit is kept.
        entries = kernels(shared)
        entries[0].write_bytes(b"")
        entries[1].write_bytes(entries[1].read_bytes()[:-7])
        again, said = build("orin", STINT_CACHE_DIR=str(shared))
        assert again in plans and said == "", said
        again, said = build("thor", STINT_CACHE_DIR=str(shared), STINT_CACHE_LIMIT="1")
        size = sum(p.stat().st_size for p in kernels(shared))
        assert again is not None and 0 < size <= 1 << 20, size
        refused, said = build("thor", STINT_CACHE_DIR=str(shared), STINT_CACHE_LIMIT="much")
        assert refused is None and "STINT_CACHE_LIMIT" in said, said
        print(f"three builds at once made {alone} kernels once each; a limit of 1 MiB left {size} bytes")

        # A cache that cannot be written: the plan all the same, and a word.
        (folder / "file").write_text("no folder")
        plan, said = build("orin", STINT_CACHE_DIR=str(folder / "file"))
        assert plan in plans and "warning" in said and "STINT_CACHE_DIR" in said, said
        print(said.strip())


if __name__ == "__main__":
    sys.exit(main())
