"""Feedback of weights by lfprop 1.0.0 and gradients by torch, on small networks: goldens of tests/finetune.

    python tests/oracle/lfp_parity.py [--output tests/golden/lfp]

lfprop (Weber et al., BSD-3-Clause) is run, not copied. Everything is computed in float64 and stored rounded to float32.

What is not taken from lfprop: the rewards that its gamma rule hands down. `gamma_lfp_fn.backward` writes
`mod_outputs[-1] > 0 * incoming_reward[0] / ...`, which Python reads as `mod_outputs[-1] > (0 * ...)`: the rewards drop out, and
inputs get a truth value. Both signs divide by the outputs of positive ones, too. The gamma goldens are computed here from the
definition (Andeol et al. 2021); feedback of weights is that of the epsilon rule there, as lfprop has it, with an additive
stabilizer in the place of lfprop's relative one.
"""

import argparse
import json
import sys
import types
import warnings
from pathlib import Path

import onnx
import torch
from torch import nn

warnings.filterwarnings("ignore")

# lxt, below lfprop, imports a tracer that transformers 5 does not have any more. It is for rules on functions; here all
# rules are on modules.
tracers = types.ModuleType("transformers.utils.fx")
tracers.HFTracer, tracers.get_concrete_args = torch.fx.Tracer, None
sys.modules.setdefault("transformers.utils.fx", tracers)

from lfprop.model.activations import Step  # noqa: E402
from lfprop.model.custom_resnet import Sum  # noqa: E402
from lfprop.propagation.propagator_lxt import LFPEpsilonComposite  # noqa: E402
from lfprop.rewards.reward_functions import SigmoidLossReward, SoftmaxLossReward  # noqa: E402

EPSILON = 1e-6
GAMMA = 0.25


class Residual(nn.Module):
    """Two convolutions with BatchNormalization around a shortcut."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(2, 6, 3, padding=1)
        self.norm = nn.BatchNorm2d(6)
        self.relu = nn.ReLU()
        self.second = nn.Conv2d(6, 6, 3, padding=1, bias=False)
        self.second_norm = nn.BatchNorm2d(6)
        self.sum = Sum()
        self.last_relu = nn.ReLU()
        self.shared = nn.Conv2d(6, 6, 3, padding=1, stride=2, groups=2)
        self.pool = nn.AvgPool2d(3)
        self.flatten = nn.Flatten()
        self.head = nn.Linear(6, 4)

    def forward(self, x):
        x = self.relu(self.norm(self.first(x)))
        inner = self.second_norm(self.second(x))
        x = self.last_relu(self.sum(inner, x))
        return self.head(self.flatten(self.pool(self.shared(x))))


def networks():
    mlp = nn.Sequential(nn.Linear(12, 20), nn.ReLU(), nn.Linear(20, 9), nn.ReLU(), nn.Linear(9, 5))
    conv = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 17, 3, stride=2),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(17 * 4, 4),
    )
    step = nn.Sequential(nn.Linear(10, 16), Step(), nn.Linear(16, 12), Step(), nn.Linear(12, 3))
    return {
        "mlp": (mlp, (12,), 5),
        "conv": (conv, (3, 10, 10), 4),
        "residual": (Residual(), (2, 6, 6), 4),
        "step": (step, (10,), 3),
    }


def randomised(network):
    """Biases that are not small, statistics that are not 0 and 1: nothing hides."""
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.uniform_(-0.5, 0.5)
                module.running_var.uniform_(0.5, 2)
                module.weight.uniform_(-1.5, 1.5)
                module.bias.uniform_(-0.5, 0.5)
            elif getattr(module, "bias", None) is not None:
                module.bias.uniform_(-0.3, 0.3)
    return network.double().eval()


def feedback(network, inputs, classes, reward):
    """By lfprop, summed over the batch."""
    for parameter in network.parameters():
        parameter.feedback = None
    # Their identity rule reads the module's own output: activations stay as they are.
    with LFPEpsilonComposite(epsilon=EPSILON).context(network) as changed:
        given = inputs.clone().requires_grad_(True)
        outputs = changed(given)
        rewards = reward("cpu")(outputs, classes).detach()
        torch.autograd.grad((outputs,), (given,), grad_outputs=(rewards,))
    return {name: parameter.feedback.detach() for name, parameter in network.named_parameters()}


def stabilized(z):
    return z + torch.where(z < 0, -EPSILON, EPSILON)


class Gamma(torch.autograd.Function):
    """A linear layer whose inputs get rewards by the gamma rule, and whose weights by epsilon."""

    @staticmethod
    def forward(ctx, inputs, module):
        ctx.module = module
        ctx.save_for_backward(inputs)
        return module(inputs)

    @staticmethod
    def backward(ctx, reward):
        (inputs,) = ctx.saved_tensors
        module = ctx.module
        parameters = list(module.parameters(recurse=False))
        with torch.enable_grad():
            outputs = module(inputs)
            gradients = torch.autograd.grad(outputs, parameters, reward / stabilized(outputs))
        for parameter, gradient in zip(parameters, gradients):
            parameter.feedback = gradient * parameter.abs()
        if not isinstance(module, (nn.Linear, nn.Conv2d)):
            given = inputs.clone().requires_grad_(True)
            with torch.enable_grad():
                outputs = module(given)
                (slope,) = torch.autograd.grad(outputs, given, reward / stabilized(outputs))
            return slope * inputs, None
        handed_down = torch.zeros_like(inputs)
        stored = [parameter.detach().clone() for parameter in parameters]

        def with_parameters(sign, x, has_bias):
            for index, (parameter, own) in enumerate(zip(parameters, stored)):
                part = own + GAMMA * (own.clamp(min=0) if sign > 0 else own.clamp(max=0))
                parameter.data = part if index == 0 or has_bias else torch.zeros_like(part)
            return module(x)

        for gate in (1, -1):
            above = inputs.clamp(min=0).requires_grad_(True)
            below = inputs.clamp(max=0).requires_grad_(True)
            with torch.enable_grad():
                z = with_parameters(gate, above, True)
                share = z.detach()
            with torch.enable_grad():
                other = with_parameters(-gate, below, False)
            s = torch.where(gate * outputs > 0, reward / stabilized(share + other.detach()), 0)
            with torch.enable_grad():
                z = with_parameters(gate, above, True)
                (up,) = torch.autograd.grad(z, above, s)
                other = with_parameters(-gate, below, False)
                (down,) = torch.autograd.grad(other, below, s)
            handed_down += above.detach() * up + below.detach() * down
        for parameter, own in zip(parameters, stored):
            parameter.data = own
        return handed_down, None


class Identity(torch.autograd.Function):
    @staticmethod
    def forward(ctx, inputs, module):
        return module(inputs)

    @staticmethod
    def backward(ctx, reward):
        return reward, None


def gamma_feedback(network, inputs, classes):
    """By the definition, of a sequential network."""
    given = inputs.clone().requires_grad_(True)
    x = given
    for module in network:
        if isinstance(module, (nn.ReLU, Step)):
            x = Identity.apply(x, module)
        elif isinstance(module, (nn.Linear, nn.Conv2d, nn.BatchNorm2d)):
            x = Gamma.apply(x, module)
        else:
            x = module(x)
    rewards = SoftmaxLossReward("cpu")(x, classes).detach()
    x.backward(rewards)
    return {name: parameter.feedback.detach() for name, parameter in network.named_parameters()}


def gradient(network, inputs, classes):
    """The negative derivative of the summed cross-entropy."""
    network.zero_grad()
    loss = nn.functional.cross_entropy(network(inputs), classes, reduction="sum")
    names, parameters = zip(*network.named_parameters())
    found = torch.autograd.grad(loss, parameters, allow_unused=True)
    zeros = [torch.zeros_like(parameter) for parameter in parameters]
    return {name: -(g if g is not None else zero) for name, g, zero in zip(names, found, zeros)}


def export(network, inputs, path):
    network.float()
    torch.onnx.export(
        network,
        (inputs[:1].float(),),
        path,
        opset_version=17,
        dynamo=False,
        do_constant_folding=False,
        training=torch.onnx.TrainingMode.PRESERVE,
        input_names=["input"],
        output_names=["logits"],
        dynamic_axes={"input": {0: "N"}, "logits": {0: "N"}},
    )
    network.double()
    # The path of the script is nobody's business.
    model = onnx.load(path)
    model.producer_name = "lfp_parity"
    for node in model.graph.node:
        node.doc_string = ""
    onnx.save(model, path)


def rounded(tensors):
    return {
        name: [float(f"{number:.6g}") for number in tensor.flatten().tolist()]
        for name, tensor in tensors.items()
    }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--output", type=Path, default=Path(__file__).parents[1] / "golden" / "lfp")
    output = parser.parse_args().output
    output.mkdir(parents=True, exist_ok=True)
    for index, (name, (network, shape, count)) in enumerate(networks().items()):
        torch.manual_seed(index)
        network = randomised(network)
        # In single precision first, so that both compute with the same numbers.
        network.float().double()
        inputs = torch.randn(3, *shape).float().double()
        classes = torch.randint(0, count, (3,))
        with torch.no_grad():
            logits = network(inputs)
        results = {
            "lfp-epsilon": feedback(network, inputs, classes, SoftmaxLossReward),
            "lfp-epsilon sigmoid": feedback(network, inputs, classes, SigmoidLossReward),
            "gradient": gradient(network, inputs, classes),
        }
        if isinstance(network, nn.Sequential):
            results["lfp-gamma"] = gamma_feedback(network, inputs, classes)
        golden = {
            "shape": [1, *shape],
            "inputs": [[float(number) for number in sample.flatten()] for sample in inputs],
            "classes": classes.tolist(),
            "logits": logits.flatten().tolist(),
            "feedback": {rule: rounded(found) for rule, found in results.items()},
        }
        (output / f"{name}.json").write_text(json.dumps(golden) + "\n")
        export(network, inputs, str(output / f"{name}.onnx"))
        largest = {rule: max(float(t.abs().max()) for t in found.values()) for rule, found in results.items()}
        print(name, {rule: f"{value:.3g}" for rule, value in largest.items()})


if __name__ == "__main__":
    main()
