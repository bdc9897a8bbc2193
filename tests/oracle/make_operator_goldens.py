"""Writes `tests/golden/operators`: one-operator classifiers that were once misread or refused, with onnxruntime's answer.

    python tests/oracle/make_operator_goldens.py

Each is a case of `operators_sweep.py`: the model, a picture, the logits, and the gradient of the strongest by central
differences where that has no kink. `cargo test --test operators goldens` reads them, without Python.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnx

from operators.judge import truth_of
from operators_sweep import all_cases

FOLDER = Path(__file__).resolve().parents[1] / "golden" / "operators"
NAMES = """
Celu-12 alpha=0.3
Swish-24 alpha=0.5
Pow-17 x, its mean (broadcast)
Hardmax-13 axis=1
Einsum-12 equation=...w,wd->...d
Attention-23 rank 3 boolean causal q_num_heads=2 kv_num_heads=2
Attention-23 rank 3 additive scale=0.7 softcap=2.0 is_causal=1 q_num_heads=2 kv_num_heads=2
FusedMatMul-17 transBatchA=1 transBatchB=1 transB=1 alpha=0.4
FusedMatMul-17 transBatchA=1 transA=1
MultiHeadAttention-17 com.microsoft bias
MultiHeadAttention-17 com.microsoft attention_bias
MultiHeadAttention-17 com.microsoft unidirectional
Attention-17 com.microsoft other sizes
SkipLayerNormalization-17 com.microsoft bias
SkipLayerNormalization-17 com.microsoft the sum as another output
GatherND-17 elements
Compress-17 flat
ReverseSequence-17 time 1
Col2Im-18 2x2
CenterCropPad-18 axes=[2,3]
Cast-17 of a weight in bfloat16
LpPool-11 kernel_shape=[3,3] strides=[2,2] pads=[1,1,1,1] p=2
ConvTranspose-11 strides=[2, 2] output_shape=[13, 12]
ConvTranspose-11 auto_pad=SAME_UPPER strides=[2, 2] output_shape=[12, 12]
LRN-13 size=2 alpha=0.5 beta=0.5 bias=2
GridSample-20 mode=linear padding_mode=zeros align_corners=0
GridSample-20 mode=cubic padding_mode=reflection align_corners=1
GridSample-16 spatial transformer, bilinear border
GridSample-16 spatial transformer, bicubic zeros
AffineGrid-20 spatial transformer
TopK-17 the best tokens, gated by their scores (graph pooling)
TopK-17 mixture of experts, the best two
ArgMax-17 one token by GatherND
Scan-11 RNN, weights in it
Scan-17 leaky sum, directions [1]
Loop-17 over the rows of x, whose number is its shape's
Loop-17 while k < 4
If-17 in a loop, by the turn
DFT-17 power
STFT-17 power
Resize-13 tf_crop_and_resize
Resize-19 cubic half_pixel_symmetric by 0.6,0.7
Resize-13 nearest align_corners floor by 1.7,2.3
Resize-18 cubic 1 by 0.6,0.7
Softmax-17 plus one (off by one)
DeformConv-19 modulated, one behind the other
DeformConv-19 strides, padding, dilation, bias
DeformConv-19 mask
DeformConv-19 groups of offsets
DeformConv-19 groups
RoiAlign-10 output_height=3 output_width=2 sampling_ratio=0 spatial_scale=0.5
RoiAlign-16 output_height=3 output_width=2 sampling_ratio=3 spatial_scale=0.5 coordinate_transformation_mode=half_pixel
MaxUnpool-12 behind a convolution
MaxUnpool-12 to a size that windows do not cover
ReverseSequence-17 several lengths, time 1
ReverseSequence-17 several lengths, time 0
""".strip().splitlines()


def main() -> int:
    """Writes every golden, and `index.json`."""
    cases = {case.name: case for case in all_cases()}
    missing = [name for name in NAMES if name not in cases]
    if missing:
        print(f"no such cases: {missing}", file=sys.stderr)
        return 2
    FOLDER.mkdir(parents=True, exist_ok=True)
    for old in FOLDER.glob("*.onnx"):
        old.unlink()
    index = []
    for number, name in enumerate(NAMES):
        case, x = cases[name], cases[name].tensor()
        file = f"{number:02}-{case.operator.lower().replace(' ', '-')}.onnx"
        truth = truth_of(case, x, FOLDER / file)
        gradient = truth.gradients(x, {})[0][0]
        index.append(
            {
                "name": name,
                "by": truth.by,
                "file": file,
                "shape": list(x.shape),
                "input": [round(float(value), 6) for value in x.ravel()],
                "logits": [float(f"{value:.7g}") for value in truth.output],
                "target": truth.target,
                "gradient": [
                    float(f"{value:.5g}") if known else None
                    for value, known in zip(gradient.values.ravel(), gradient.is_known.ravel(), strict=True)
                ],
            }
        )
    lines = ",\n".join(json.dumps(row) for row in index)
    (FOLDER / "index.json").write_text(f"[\n{lines}\n]\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
