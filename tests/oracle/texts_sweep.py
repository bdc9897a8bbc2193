"""transformers' text classifiers, small, by both exporters, against torch: right, refused, or wrong?

    python tests/oracle/texts_sweep.py --work /tmp/texts --table docs/sweeps/texts.md

Each is exported with an open length, and explained on 12 tokens of which the mask hides three. Logits within 1e-4 of
torch's float64; gradient times input, a number for each token, within 1e-3 of autograd's at the word embeddings (of the
largest sum of its absolute values: behind a LayerNormalization that follows at once the sum itself is 0); relevance
under `auto` conserved to 1e-3, and `check` says yes. Exits with 1 where one is wrong. What is in --work is not exported
again.
"""

import argparse
import logging
import re
import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from program import Answer, Program, distance

EXPORTS = ("torchscript", "dynamo")
TOKENS, WORDS, CLASSES = 12, 120, 3
USUAL = {
    "vocab_size": WORDS,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "max_position_embeddings": 66,
    "num_labels": CLASSES,
}
SPECIAL = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
CONFIGURATIONS: dict[str, dict] = {
    "bert": USUAL,
    "roberta": USUAL,
    "xlm-roberta": USUAL,
    "camembert": USUAL,
    "electra": {**USUAL, "embedding_size": 32},
    "albert": {**USUAL, "embedding_size": 16},
    "mpnet": USUAL,
    "distilbert": {"vocab_size": WORDS, "dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 64, "num_labels": CLASSES},
    "deberta-v2": {**USUAL, "relative_attention": True, "pos_att_type": ["p2c", "c2p"], "position_biased_input": False},
    "modernbert": {**USUAL, **SPECIAL, "cls_token_id": 1, "sep_token_id": 2},
    "squeezebert": {**USUAL, "embedding_size": 32},
    "convbert": {**USUAL, "embedding_size": 32},
    "gpt2": {"vocab_size": WORDS, "n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64, "num_labels": CLASSES, **SPECIAL},
    "llama": {**USUAL, **SPECIAL, "num_key_value_heads": 2},
    "qwen2": {**USUAL, **SPECIAL, "num_key_value_heads": 2},
}
DECODERS = ("gpt2", "llama", "qwen2")
"""They read the last token, which the mask must not hide."""
LIMIT, GRADIENT_LIMIT, IMBALANCE_LIMIT = 1e-4, 1e-3, 1e-3


class LogitsOf(torch.nn.Module):
    """The logits alone, of ids and mask."""

    def __init__(self, network: torch.nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """The logits."""
        return self.network(input_ids=input_ids, attention_mask=attention_mask).logits


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--onnxplain", type=Path, default=Program.default_path(), metavar="FILE", help="the binary")
    parser.add_argument("--only", type=re.compile, default=re.compile(""), metavar="REGEX", help="of the names")
    parser.add_argument("--work", type=Path, required=True, metavar="DIR", help="keep exports there")
    parser.add_argument("--table", type=Path, metavar="FILE", help="write a table in Markdown")
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    program, rows = Program(arguments.onnxplain, timeout=120), []
    for name in filter(arguments.only.search, CONFIGURATIONS):
        if not (arguments.work / f"{name}.npz").exists():
            prepare(name, arguments.work)
        for way in EXPORTS:
            rows.append((name, way, *examine(program, arguments.work, name, way)))
            print(*rows[-1], sep=" | ", flush=True)
    counts = Counter(row[2] for row in rows)
    print(", ".join(f"{count} {verdict}" for verdict, count in counts.most_common()))
    if arguments.table:
        arguments.table.write_text("\n".join(page(rows, counts)) + "\n")
    return 1 if counts["WRONG"] else 0


def prepare(name: str, work: Path) -> None:
    """Writes the exports, and what torch says in float64."""
    from transformers import AutoConfig, AutoModelForSequenceClassification

    torch.manual_seed(0)
    network = AutoModelForSequenceClassification.from_config(AutoConfig.for_model(name, **CONFIGURATIONS[name])).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            # weights of 0.02 make attention uniform, zeros and ones hide mistakes
            if parameter.ndim > 1 and parameter.std() < 0.03:
                parameter.mul_(6)
            elif parameter.ndim <= 1:
                parameter.add_(0.1 * torch.randn_like(parameter))
    ids, mask = torch.randint(3, WORDS, (1, TOKENS)), torch.ones(1, TOKENS, dtype=torch.long)
    if name not in DECODERS:
        mask[0, 9:] = 0
    wrapped = LogitsOf(network).eval()
    for way in EXPORTS:
        try:
            export(wrapped, (ids, mask), way, work / f"{name}-{way}.onnx")
        except Exception as error:  # exporters raise whatever they like
            print(f"{name} ({way}): {type(error).__name__}: {' '.join(str(error).split())[:200]}", file=sys.stderr)
    kept: dict[str, torch.Tensor] = {}

    def keep(_module: torch.nn.Module, _inputs: tuple, output: torch.Tensor) -> torch.Tensor:
        kept["rows"] = output.detach().requires_grad_(True)
        return kept["rows"]

    network.get_input_embeddings().register_forward_hook(keep)
    logits = wrapped.double()(ids, mask)[0]
    (gradient,) = torch.autograd.grad(logits[logits.argmax()], kept["rows"])
    product = (gradient * kept["rows"].detach())[0].numpy()
    np.savez(work / f"{name}.npz", ids=ids, mask=mask, logits=logits.detach(), product=product)
    np.save(work / f"{name}-ids.npy", ids)
    np.save(work / f"{name}-mask.npy", mask)


def export(network: torch.nn.Module, inputs: tuple, way: str, path: Path) -> None:
    """With an open length."""
    logging.disable(logging.WARNING)
    names = ["input_ids", "attention_mask"]
    words = {"input_names": names, "output_names": ["logits"]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if way == "torchscript":
            axes = dict.fromkeys(names, {0: "batch", 1: "tokens"})
            torch.onnx.export(network, inputs, str(path), dynamo=False, opset_version=17, dynamic_axes=axes, **words)
        else:
            shapes = dict.fromkeys(names, {1: torch.export.Dim("tokens", min=2, max=60)})
            torch.onnx.export(
                network, inputs, str(path), dynamo=True, opset_version=20, dynamic_shapes=shapes, verbose=False, **words
            )


def examine(program: Program, work: Path, name: str, way: str) -> tuple[str, str]:
    """Verdict and figures."""
    model, truth = work / f"{name}-{way}.onnx", np.load(work / f"{name}.npz")
    if not model.exists():
        return "not exported", ""
    ids, mask = (f"--input={word}={work / f'{name}-{end}.npy'}" for word, end in (("input_ids", "ids"), ("attention_mask", "mask")))
    target = ("--target", int(truth["logits"].argmax()))
    backward = program.explain(model, ids, mask, "--method", "input-x-gradient", *target)
    forward = program.explain(model, ids, mask)
    for answer in (backward, forward):
        if not isinstance(answer, Answer):
            return "refused", answer.reason[:300]
    assert isinstance(backward, Answer) and isinstance(forward, Answer)
    listed = backward.prediction
    prediction = distance(np.array([listed[index]["logit"] for index in sorted(listed)]), truth["logits"])
    scale = np.abs(truth["product"]).sum(axis=1).max()
    gradient = float(np.abs(backward.relevance.ravel() - truth["product"].sum(axis=1)).max() / scale)
    checked = program.check(model, ids, mask)
    is_good = isinstance(checked, dict) and checked["function"]["is_unchanged"] and checked["conservation"]["is_conserved"]
    is_right = prediction <= LIMIT and gradient <= GRADIENT_LIMIT and forward.imbalance <= IMBALANCE_LIMIT and is_good
    figures = f"{prediction:.0e} {gradient:.0e} {forward.imbalance:.0e}, check {'yes' if is_good else 'NO'}"
    return ("right" if is_right else "WRONG"), figures


def page(rows: list[tuple], counts: Counter) -> Iterator[str]:
    """The page of the docs."""
    yield from (
        "# Text classifiers against torch",
        "",
        "Written by `tests/oracle/texts_sweep.py`; do not edit. transformers' architectures, narrow and of two layers, on 12 tokens:",
        "logits, gradient times input at the word embeddings, imbalance of LRP under `auto`, the verdict of `check`.",
        "",
        "- " + ", ".join(f"{count} {verdict}" for verdict, count in counts.most_common()),
        "",
        "| architecture | TorchScript | dynamo |",
        "|---|---|---|",
    )
    by_name: dict[str, dict[str, str]] = {}
    for name, way, verdict, figures in rows:
        by_name.setdefault(name, {})[way] = f"{verdict} {figures}".strip()
    for name, found in by_name.items():
        yield f"| {name} | " + " | ".join(found.get(way, "-").replace("|", "\\|") for way in EXPORTS) + " |"


if __name__ == "__main__":
    sys.exit(main())
