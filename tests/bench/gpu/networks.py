"""The benchmark's networks as PyTorch modules with random weights that keep activations in range, and as ONNX files."""
import os
from pathlib import Path

import torch
import torchvision
from torch import nn

from onnx_module import OnnxModule

TORCHVISION = ["resnet18", "resnet50", "googlenet", "mobilenet_v2", "squeezenet1_1"]
YOLOX = "yolox_nano"
ALL = TORCHVISION + [YOLOX]


class Network:
    """name, module (FP32, eval, on the CPU), onnx (path of the file), shape (of one image), classifies."""

    def __init__(self, name, module, onnx, shape, classifies):
        self.name, self.module, self.onnx, self.shape, self.classifies = name, module, onnx, shape, classifies

    def images(self, batch, seed):
        """Fresh random input, on the CPU."""
        generator = torch.Generator().manual_seed(seed)
        if not self.classifies:  # YOLOX takes pixels as they are
            return torch.rand(batch, *self.shape, generator=generator) * 255
        return torch.randn(batch, *self.shape, generator=generator)


def random_weights(module, seed):
    """He initialisation; every bias its own random numbers, so that no two are equal and the exporter shares none.

    Normalisation mostly feeds the linear side of its ReLU. With the usual 1 and 0 a deep random network, unlike a
    trained one, is chaotic: FP16 rounding alone grew to 3e-2 of ResNet-50's output, here to 1e-3."""
    torch.manual_seed(seed)
    for m in module.modules():
        if isinstance(m, (nn.Conv2d, nn.Linear)):
            # A Linear layer follows an average, not a ReLU, and ends the network.
            nn.init.kaiming_normal_(m.weight, nonlinearity="relu" if isinstance(m, nn.Conv2d) else "linear")
            if m.bias is not None:
                nn.init.normal_(m.bias, std=0.05)
        if isinstance(m, nn.BatchNorm2d):
            nn.init.uniform_(m.weight, 0.2, 0.5)
            nn.init.normal_(m.bias, mean=1.1, std=0.4)


def normalise(module, shape, device):
    """Running statistics of batch normalisation from one pass over random images."""
    norms = [m for m in module.modules() if isinstance(m, nn.BatchNorm2d)]
    if not norms:
        return
    for m in norms:
        m.reset_running_stats()
        m.momentum = None  # a plain average
        m.train()
    module.to(device)
    with torch.no_grad():
        module(torch.randn(16, *shape, generator=torch.Generator().manual_seed(5)).to(device))
    for m in norms:
        m.eval()
    module.cpu()


def export(module, shape, path):
    example = torch.randn(1, *shape)
    options = dict(opset_version=17, input_names=["input"], output_names=["output"])
    try:
        torch.onnx.export(module, (example,), str(path), dynamo=False, **options)
    except Exception as legacy:  # newer PyTorch may come without the old exporter
        print(f"  the TorchScript exporter failed ({type(legacy).__name__}); trying the other", flush=True)
        torch.onnx.export(module, (example,), str(path), dynamo=True, external_data=False, **options)


def load(name, folder, device="cuda", seed=7):
    """Makes the network and its ONNX file in the folder."""
    path = Path(folder) / f"{name}.onnx"
    if name == YOLOX:
        path = Path(os.environ["STINT_DATA"]) / "yolox_nano" / "yolox_nano.onnx"
        module = OnnxModule(path).eval()
        return Network(name, module, path, module.input_shape[1:], classifies=False)
    arguments = dict(weights=None)
    if name == "googlenet":
        arguments.update(aux_logits=False, init_weights=False)
    module = getattr(torchvision.models, name)(**arguments).eval()
    shape = (3, 224, 224)
    random_weights(module, seed)
    normalise(module, shape, device)
    export(module, shape, path)
    return Network(name, module, path, shape, classifies=True)
