"""What a program cannot go below: its arithmetic at the peak rate, its bytes from memory, and an edge for each of its steps."""

# Dense f16 TFLOP/s with f32 accumulation and memory TB/s, as the vendor publishes them.
RATES = {"H200": (989.0, 4.8), "H100": (989.0, 3.35), "A100": (312.0, 2.0), "L4": (121.0, 0.3)}
# From a step to the next by a programmatic edge of one CUDA graph, an empty kernel of one block (measured on the H200).
EDGE_US = 0.48


def rates(device):
    for name, rate in RATES.items():
        if name in device:
            return rate
    return None


def of_program(program, weight_bytes, device):
    """Microseconds. `weight_bytes` of this program; activations between steps are taken to stay in the L2 cache."""
    floor = {"steps": len(program["steps"]), "edges_us": EDGE_US * len(program["steps"])}
    known = rates(device)
    if known is None:
        return floor
    tflops, terabytes = known
    flops = program.get("flops") or 0
    floor.update(gflop=flops * 1e-9, flops_us=flops / (tflops * 1e6), weight_mb=weight_bytes * 1e-6,
                 bytes_us=(weight_bytes + program["io_bytes"]) / (terabytes * 1e6))
    floor["us"] = max(floor["flops_us"], floor["bytes_us"], floor["edges_us"])
    return floor


def weight_bytes(program):
    """Bytes of the constants that the program's steps read, each once."""
    seen = {}
    for step in program["steps"]:
        for tensor in step["inputs"]:
            if tensor["storage"] == "weights":
                seen[tensor["index"], tensor["offset"]] = tensor.get("bytes", 0)
    return sum(seen.values())


def slowest_steps(profile, program, device, count=10):
    """The slowest steps with their floors. `profile` and the program's steps are in the same order."""
    known = rates(device)
    rows = []
    for measured, step in zip(profile, program["steps"]):
        row = {"step": step["name"], "kernel": step["kernel"], "tactic": step.get("tactic", ""), "us": measured["mean_us"],
               "output": step["outputs"][0]["shape"] if step["outputs"] else []}
        if known is not None:
            moved = sum(t.get("bytes", 0) for t in step["inputs"] + step["outputs"])
            row["flops_us"] = step.get("flops", 0) / (known[0] * 1e6)
            row["bytes_us"] = moved / (known[1] * 1e6)
        rows.append(row)
    rows.sort(key=lambda r: -r["us"])
    return rows[:count]
