"""Explains pictures with a graph of `onnxplain compile --input picture`: onnxruntime, NumPy and Pillow only.

    python explain.py explainer.onnx cat.jpg dog.jpg
"""

import json
import sys

import numpy as np
import onnxruntime
from PIL import Image

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1  # many pictures: one thread a process, more processes
session = onnxruntime.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
labels = session.get_modelmeta().custom_metadata_map.get("onnxplain.labels", "").split("\n")
name = session.get_inputs()[0].name
_, height, width, channels = session.get_inputs()[0].shape

for path in sys.argv[2:]:
    picture = Image.open(path).convert("RGB" if channels == 3 else "L").resize((width, height), Image.Resampling.BILINEAR)
    pixels = np.asarray(picture).reshape(1, height, width, channels)
    logits, relevance = session.run(["logits", "relevance"], {name: pixels, "target": np.array([-1])})
    best = int(logits[0].argmax())
    print(json.dumps({"path": path, "class": labels[best], "relevance": float(relevance.sum())}))
    np.save(f"{path}.relevance.npy", relevance[0])
