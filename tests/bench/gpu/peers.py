"""The peers: the same network through PyTorch and cuDNN, FP16, channels last, replayed as one CUDA graph."""
import copy
import statistics
import time

import torch


def setup():
    torch.backends.cudnn.benchmark = True
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False


def reference(network, images):
    """FP32 outputs, float32 on the CPU."""
    with torch.no_grad():
        module = network.module.to("cuda")
        result = module(images.to("cuda")).float().cpu()
        network.module.cpu()
    return result


def half_module(network, batch):
    module = copy.deepcopy(network.module).to("cuda", torch.float16).to(memory_format=torch.channels_last)
    x = network.images(batch, 3).to("cuda", torch.float16).to(memory_format=torch.channels_last)
    return module, x


def capture(module, x):
    with torch.no_grad():
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(5):
                module(x)
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            module(x)
    return graph


def time_graph(graph, repetitions, seconds=0.1):
    """Median over the repetitions of the mean time of one replay, microseconds; replays back to back."""
    for _ in range(20):
        graph.replay()
    torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(20):
        graph.replay()
    torch.cuda.synchronize()
    count = max(20, int(seconds * 20 / (time.perf_counter() - start)))
    times = []
    for _ in range(repetitions):
        begin, end = torch.cuda.Event(True), torch.cuda.Event(True)
        begin.record()
        for _ in range(count):
            graph.replay()
        end.record()
        torch.cuda.synchronize()
        times.append(begin.elapsed_time(end) * 1e3 / count)
    return statistics.median(times)


def half_error(network, images, expected):
    """Relative L2 error of PyTorch's own FP16 on the same images."""
    module, _ = half_module(network, 1)
    with torch.no_grad():
        x = images.to("cuda", torch.float16).to(memory_format=torch.channels_last)
        result = module(x).double().cpu()
    return ((result - expected.double()).norm() / expected.double().norm()).item()


def cudnn_graph(network, batch):
    module, x = half_module(network, batch)
    return capture(module, x)


def compiled_graph(network, batch):
    """torch.compile with max-autotune; minutes to build."""
    module, x = half_module(network, batch)
    start = time.perf_counter()
    with torch.no_grad():
        compiled = torch.compile(module, mode="max-autotune-no-cudagraphs")
        compiled(x)
    return capture(compiled, x), time.perf_counter() - start
