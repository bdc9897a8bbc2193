"""Makes `tests/golden/inputs/`: small models whose inputs are no pictures, with what torch says about them.

    python tests/oracle/make_input_goldens.py

- `tokens`: a text classifier like BERT (word, position and segment embeddings, two layers of attention with a mask that
  is computed as Hugging Face's `transformers` do, a pooler on the first token), exported by torch. Expected are its
  logits, and for the strongest class the gradient by the rows of the word and segment embeddings, and that times the
  rows, each summed per token; in float64.
- `padding`: a bag of words whose mask is computed from the ids themselves (id 0 is padding).
- `offsets`: categories that share a table by offsets, beside numbers, as in factorization machines.
"""

import json
from pathlib import Path

import numpy as np
import torch
from torch import nn

FOLDER = Path(__file__).parent.parent / "golden" / "inputs"


class Layer(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(4))
        self.up, self.down = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))

    def forward(self, x, mask):
        batch, length, width = x.shape
        split = lambda y: y.view(batch, length, self.heads, width // self.heads).transpose(1, 2)
        query, key, value = split(self.query(x)), split(self.key(x)), split(self.value(x))
        scores = query @ key.transpose(2, 3) / (width // self.heads) ** 0.5 + mask
        mixed = (scores.softmax(-1) @ value).transpose(1, 2).reshape(batch, length, width)
        x = self.norms[0](x + self.out(mixed))
        return self.norms[1](x + self.down(nn.functional.gelu(self.up(x))))


class Text(nn.Module):
    def __init__(self, words=60, width=16, heads=2, classes=3, longest=32):
        super().__init__()
        self.words, self.segments = nn.Embedding(words, width), nn.Embedding(2, width)
        self.positions = nn.Embedding(longest, width)
        self.norm = nn.LayerNorm(width)
        self.layers = nn.ModuleList(Layer(width, heads) for _ in range(2))
        self.pooler, self.head = nn.Linear(width, width), nn.Linear(width, classes)

    def classify(self, words, segments, mask):
        places = torch.arange(words.shape[1])[None]
        x = self.norm(words + segments + self.positions(places))
        # Hugging Face's additive mask.
        mask = (1.0 - mask[:, None, None, :].to(x.dtype)) * torch.finfo(torch.float32).min
        for layer in self.layers:
            x = layer(x, mask)
        return self.head(torch.tanh(self.pooler(x[:, 0])))

    def forward(self, input_ids, attention_mask, token_type_ids):
        return self.classify(self.words(input_ids), self.segments(token_type_ids), attention_mask)


class Padding(nn.Module):
    def __init__(self, words=40, width=12, classes=4):
        super().__init__()
        self.words, self.hidden, self.head = nn.Embedding(words, width), nn.Linear(width, width), nn.Linear(width, classes)

    def classify(self, words, ids):
        mask = (ids != 0).to(words.dtype)[:, :, None]
        mean = (torch.relu(self.hidden(words)) * mask).sum(1) / mask.sum(1).clamp(min=1)
        return self.head(mean)

    def forward(self, ids):
        return self.classify(self.words(ids), ids)


class Offsets(nn.Module):
    def __init__(self, counts=(5, 7, 3), numbers=4, width=6, classes=2):
        super().__init__()
        offsets = np.concatenate([[0], np.cumsum(counts)[:-1]])
        self.register_buffer("offsets", torch.tensor(offsets))
        self.table = nn.Embedding(sum(counts), width)
        self.hidden = nn.Linear(len(counts) * width + numbers, 16)
        self.head = nn.Linear(16, classes)

    def classify(self, rows, numbers):
        return self.head(torch.relu(self.hidden(torch.cat([rows.flatten(1), numbers], 1))))

    def forward(self, categories, numbers):
        return self.classify(self.table(categories + self.offsets), numbers)


def per_token(logits, rows):
    """The strongest class, and for every rows the gradient and gradient times rows, summed per token."""
    target = int(logits[0].argmax())
    gradients = torch.autograd.grad(logits[0, target], rows)
    sums = lambda values: [float(value) for value in values.flatten()]
    each = [(gradient.sum(-1), (gradient * row).sum(-1)) for gradient, row in zip(gradients, rows)]
    return target, [{"gradient": sums(g), "input_x_gradient": sums(gx)} for g, gx in each]


def export(name, net, inputs, names, axes, opset=17):
    net.float().eval()
    path = FOLDER / f"{name}.onnx"
    torch.onnx.export(net, inputs, path, input_names=names, output_names=["logits"],
                      dynamic_axes=axes, opset_version=opset, dynamo=False)
    net.double()


def write(name, arrays, logits, target, parts):
    for key, array in arrays.items():
        np.save(FOLDER / f"{name}.{key}.npy", array)
    expected = {"logits": [float(logit) for logit in logits[0]], "target": target, "inputs": parts}
    (FOLDER / f"{name}.json").write_text(json.dumps(expected, indent=1) + "\n")


def tokens():
    torch.manual_seed(1)
    net = Text()
    ids = torch.tensor([[2, 17, 44, 9, 31, 3, 25, 58, 3, 0, 0]])
    mask, segments = (ids != 0).long(), torch.tensor([[0, 0, 0, 0, 0, 0, 1, 1, 1, 0, 0]])
    open_axes = {key: {0: "batch", 1: "sequence"} for key in ["input_ids", "attention_mask", "token_type_ids"]}
    export("tokens", net, (ids, mask, segments), list(open_axes), open_axes)
    rows = [net.words(ids).detach().requires_grad_(), net.segments(segments).detach().requires_grad_()]
    logits = net.classify(rows[0], rows[1], mask)
    target, parts = per_token(logits, rows)
    write("tokens", {"input_ids": ids.numpy(), "attention_mask": mask.numpy(), "token_type_ids": segments.numpy()},
          logits, target, dict(zip(["input_ids", "token_type_ids"], parts)))


def padding():
    torch.manual_seed(2)
    net = Padding()
    ids = torch.tensor([[7, 12, 39, 7, 1, 0, 0]])
    export("padding", net, (ids,), ["ids"], {"ids": {0: "batch", 1: "length"}})
    rows = [net.words(ids).detach().requires_grad_()]
    logits = net.classify(rows[0], ids)
    target, parts = per_token(logits, rows)
    write("padding", {"ids": ids.numpy()}, logits, target, {"ids": parts[0]})


def offsets():
    torch.manual_seed(3)
    net = Offsets()
    categories, numbers = torch.tensor([[4, 2, 1]]), torch.tensor([[0.5, -1.25, 2.0, 0.75]])
    export("offsets", net, (categories, numbers), ["categories", "numbers"], {})
    rows = net.table(categories + net.offsets).detach().requires_grad_()
    numbers64 = numbers.double().requires_grad_()
    logits = net.classify(rows, numbers64)
    target = int(logits[0].argmax())
    gradient, of_numbers = torch.autograd.grad(logits[0, target], [rows, numbers64])
    as_list = lambda values: [float(value) for value in values.flatten()]
    parts = {
        "categories": {"gradient": as_list(gradient.sum(-1)), "input_x_gradient": as_list((gradient * rows).sum(-1))},
        "numbers": {"gradient": as_list(of_numbers), "input_x_gradient": as_list(of_numbers * numbers64)},
    }
    write("offsets", {"categories": categories.numpy(), "numbers": numbers.numpy()}, logits, target, parts)


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    tokens()
    padding()
    offsets()
