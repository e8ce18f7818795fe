#!/usr/bin/env python3
"""Plans for devices that are not here: one file for several targets, machine code of exactly their SMs, the same bytes twice.

    python tests/e2e/targets_test.py build/release/bin/stint
"""
import json
import os
import struct
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SMS = {"orin": 87, "orin-jp7": 87, "thor": 110, "xavier": 72}


def sm_of(cubin):
    """The SM in an ELF's e_flags: its second byte since ABI version 8 (CUDA 13), the first before."""
    assert cubin[:4] == b"\x7fELF", cubin[:4]
    flags, = struct.unpack_from("<I", cubin, 48)
    return (flags >> 8 if cubin[8] >= 8 else flags) & 0xff


def build(stint, folder, name, targets):
    """Builds with an empty cache of compiled kernels; (plan, its description)."""
    plan = folder / f"{name}.plan"
    command = [stint, "build", ROOT / "examples/digits/digits.onnx", "-o", plan, "-q", "--precision", "fp16"]
    for target in targets:
        command += ["--target", target]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=dict(os.environ, STINT_CACHE_DIR=str(folder / name)))
    return plan.read_bytes(), json.loads(subprocess.run([stint, "inspect", plan, "--json"], check=True, capture_output=True, text=True).stdout)


def sms_in(plan, description):
    cubins = [s for s in description["segments"] if s["kind"] == "cubin"]
    return Counter(sm_of(plan[s["offset"]:s["offset"] + s["bytes"]]) for s in cubins)


def main():
    stint = Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for target, sm in SMS.items():
            start = time.monotonic()
            plan, description = build(stint, folder, target, [target])
            found = sms_in(plan, description)
            print(f"{target:9s} {time.monotonic() - start:5.1f} s  {len(plan)} bytes, code for " + ", ".join(f"sm_{s} ({n})" for s, n in found.items()))
            assert set(found) == {sm}, found
        plan, description = build(stint, folder, "all", ["cpu", "orin", "thor", "xavier"])
        again, _ = build(stint, folder, "again", ["cpu", "orin", "thor", "xavier"])
        assert plan == again, "two builds differ"
        assert [t["name"] for t in description["targets"]] == ["cpu", "orin", "thor", "xavier"]
        assert set(sms_in(plan, description)) == {87, 110, 72}
        # The same file runs here, where none of these devices is, on the CPU.
        subprocess.run([stint, "bench", folder / "all.plan", "--device", "cpu", "--iterations", "3"], check=True, stdout=subprocess.DEVNULL)
        # A plan without the CPU says what it is for and what is here.
        refused = subprocess.run([stint, "bench", folder / "orin.plan", "--device", "cpu"], capture_output=True, text=True)
        assert refused.returncode != 0 and "orin" in refused.stderr, refused.stderr
        print("refusal:", refused.stderr.strip())


if __name__ == "__main__":
    sys.exit(main())
