"""Why does this image classifier say what it says?

Relevance of every pixel for any classifier stored as an ONNX file, by layer-wise relevance propagation and other methods:

    import onnxplain

    model = onnxplain.load("model.onnx")
    explanation = model.explain("cat.jpg")
    explanation.target, explanation.relevance, explanation.books
    explanation.figure().save("cat.png")  # a notebook shows the explanation by itself

`onnxplain.presets()` and `onnxplain.methods()` list what there is to choose from. What was assumed is in
`model.notices`, and goes to the logger `onnxplain`; what may spoil a result is a `DoubtWarning`; what goes wrong is an
`onnxplain.Error` of the kind that the part of the work has.

`onnxplain.ray`, `onnxplain.dask` and `onnxplain.spark` are for many machines, `onnxplain.quantus` for Quantus.
"""

from ._onnxplain import (
    Books,
    Class,
    CompositeError,
    ComputationError,
    DoubtWarning,
    Error,
    Explanation,
    Figure,
    FileError,
    InputError,
    LabelsError,
    MethodError,
    Model,
    ModelError,
    Notice,
    Picture,
    Prediction,
    PreprocessingError,
    RenderingError,
    TargetError,
    __version__,
    figure,
    load,
    methods,
    presets,
)

__all__ = [
    "Books",
    "Class",
    "CompositeError",
    "ComputationError",
    "DoubtWarning",
    "Error",
    "Explanation",
    "Figure",
    "FileError",
    "InputError",
    "LabelsError",
    "MethodError",
    "Model",
    "ModelError",
    "Notice",
    "Picture",
    "Prediction",
    "PreprocessingError",
    "RenderingError",
    "TargetError",
    "__version__",
    "figure",
    "load",
    "methods",
    "presets",
]
