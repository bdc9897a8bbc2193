"""The module in Rust: types for editors and type checkers."""

from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, Literal, TypedDict

import numpy as np
from numpy.typing import ArrayLike, NDArray

__version__: str

Input = str | PathLike[str] | bytes | ArrayLike | Mapping[str, "Input"] | Any
"""A path, the bytes of a picture file, a picture of Pillow's, an array or tensor, or a dict of them by names."""
Target = int | str
"""An index, a label, or "top"."""
CompositeLike = str | PathLike[str] | Mapping[str, Any]
"""A preset, the path or text of a YAML file, or a dict; "auto" suits the architecture."""
Numbers = float | Sequence[float]
Array = NDArray[np.float32]

class Error(Exception): ...
class ModelError(Error): ...
class PreprocessingError(Error): ...
class LabelsError(Error): ...
class InputError(Error): ...
class CompositeError(Error): ...
class MethodError(Error): ...
class TargetError(Error): ...
class ComputationError(Error): ...
class RenderingError(Error): ...
class FileError(Error): ...
class DoubtWarning(UserWarning): ...

class Preset(TypedDict):
    name: str
    about: str
    yaml: str

class Parameter(TypedDict):
    name: str
    default: Any
    about: str

class Method(TypedDict):
    name: str
    about: str
    paper: str
    parameters: list[Parameter]

def load(
    path: str | PathLike[str],
    *,
    preprocess: str | PathLike[str] | None = None,
    card: str | PathLike[str] | None = None,
    labels: str | PathLike[str] | Sequence[str] | Literal[False] | None = None,
    mean: Numbers | None = None,
    std: Numbers | None = None,
    size: int | tuple[int, int] | None = None,
    resize: str | None = None,
    crop: str | None = None,
    channels: Literal["RGB", "BGR", "GRAY"] | None = None,
    layout: Literal["NCHW", "NHWC"] | None = None,
    input_range: tuple[Numbers, Numbers] | Literal["unknown"] | None = None,
    output: str | None = None,
    reduce: str | None = None,
    class_axis: int | None = None,
    inputs: Mapping[str, Input] | None = None,
    explain_inputs: str | Sequence[str] | None = None,
    shape: Sequence[int] | Mapping[str, Sequence[int]] | None = None,
    allow_gradient: Sequence[str] | None = None,
    max_memory: int | None = None,
    threads: int | None = None,
) -> Model: ...
def presets() -> list[Preset]: ...
def methods() -> list[Method]: ...
def figure(
    explanations: Sequence[Explanation],
    *,
    colormap: str | None = None,
    normalize: str | None = None,
    alpha: float | None = None,
    level: float | None = None,
    crop_mark: str | None = None,
    overlay_size: int | None = None,
) -> Figure: ...
def run_command(words: Sequence[str]) -> int: ...

class Model:
    @property
    def path(self) -> Path: ...
    @property
    def inputs(self) -> dict[str, tuple[int, ...]]: ...
    @property
    def input_shape(self) -> tuple[int, ...]: ...
    @property
    def input_range(self) -> tuple[list[float], list[float]] | None: ...
    @property
    def class_count(self) -> int: ...
    @property
    def labels(self) -> list[str] | None: ...
    @property
    def preprocessing(self) -> str | None: ...
    @property
    def family(self) -> str: ...
    @property
    def notices(self) -> list[Notice]: ...
    def explain(
        self,
        input: Input,
        *,
        target: Target = "top",
        against: Target | None = None,
        method: str = "lrp",
        composite: CompositeLike = "auto",
        at: str | None = None,
        initial: Literal["logit", "one"] | None = None,
        tokens: Sequence[str] | None = None,
        no_canonize: bool | Sequence[str] | None = None,
        **parameters: Any,
    ) -> Explanation: ...
    def explain_targets(
        self,
        input: Input,
        targets: Target | Sequence[Target],
        *,
        against: Target | None = None,
        method: str = "lrp",
        composite: CompositeLike = "auto",
        at: str | None = None,
        initial: Literal["logit", "one"] | None = None,
        tokens: Sequence[str] | None = None,
        no_canonize: bool | Sequence[str] | None = None,
        **parameters: Any,
    ) -> list[Explanation]: ...
    def explain_batch(
        self,
        inputs: Iterable[Input] | ArrayLike,
        *,
        target: Target | Sequence[Target] = "top",
        against: Target | None = None,
        method: str = "lrp",
        composite: CompositeLike = "auto",
        at: str | None = None,
        initial: Literal["logit", "one"] | None = None,
        tokens: Sequence[str] | None = None,
        no_canonize: bool | Sequence[str] | None = None,
        errors: Literal["raise", "return"] = "raise",
        **parameters: Any,
    ) -> list[Any]: ...
    def attribute(
        self,
        inputs: Iterable[Input] | ArrayLike,
        target: Target | Sequence[Target] | None = None,
        *,
        against: Target | None = None,
        method: str = "lrp",
        composite: CompositeLike = "auto",
        at: str | None = None,
        initial: Literal["logit", "one"] | None = None,
        tokens: Sequence[str] | None = None,
        no_canonize: bool | Sequence[str] | None = None,
        **parameters: Any,
    ) -> Array: ...
    def predict(self, input: Input) -> Prediction: ...
    def predict_batch(self, inputs: Iterable[Input] | ArrayLike) -> list[Prediction]: ...
    def inspect(
        self, *, composite: CompositeLike = "auto", no_canonize: bool | Sequence[str] | None = None
    ) -> dict[str, Any]: ...
    def check(
        self,
        inputs: Iterable[Input] | ArrayLike | None = None,
        *,
        composite: CompositeLike = "auto",
        no_canonize: bool | Sequence[str] | None = None,
    ) -> dict[str, Any]: ...

class Explanation:
    @property
    def relevance(self) -> Array: ...
    @property
    def relevances(self) -> dict[str, Array]: ...
    @property
    def map(self) -> Array: ...
    @property
    def prediction(self) -> Prediction: ...
    @property
    def target(self) -> Class: ...
    @property
    def against(self) -> Class | None: ...
    @property
    def sign(self) -> Literal["for", "against", "mixed"]: ...
    @property
    def books(self) -> Books: ...
    @property
    def completeness(self) -> dict[str, float] | None: ...
    @property
    def method(self) -> str: ...
    @property
    def composite(self) -> str: ...
    @property
    def notices(self) -> list[Notice]: ...
    def heatmap(
        self,
        *,
        colormap: str | None = None,
        normalize: str | None = None,
        alpha: float | None = None,
        level: float | None = None,
        crop_mark: str | None = None,
        overlay_size: int | None = None,
    ) -> Picture: ...
    def overlay(
        self,
        *,
        colormap: str | None = None,
        normalize: str | None = None,
        alpha: float | None = None,
        level: float | None = None,
        crop_mark: str | None = None,
        overlay_size: int | None = None,
    ) -> Picture: ...
    def figure(
        self,
        *,
        colormap: str | None = None,
        normalize: str | None = None,
        alpha: float | None = None,
        level: float | None = None,
        crop_mark: str | None = None,
        overlay_size: int | None = None,
    ) -> Figure: ...
    def report(self) -> dict[str, Any]: ...
    def _repr_png_(self) -> bytes | None: ...
    def _repr_html_(self) -> str | None: ...

class Prediction:
    @property
    def logits(self) -> Array: ...
    @property
    def probabilities(self) -> Array: ...
    @property
    def top(self) -> Class | None: ...
    def strongest(self, count: int = 5) -> list[Class]: ...
    def _repr_html_(self) -> str: ...

class Class:
    @property
    def index(self) -> int: ...
    @property
    def label(self) -> str | None: ...
    @property
    def logit(self) -> float: ...
    @property
    def probability(self) -> float: ...

class Books:
    @property
    def initial(self) -> float: ...
    @property
    def input_sum(self) -> float: ...
    @property
    def absorbed_by_bias(self) -> float: ...
    @property
    def absorbed_by_stabilizer(self) -> float: ...
    @property
    def is_conserving(self) -> bool: ...

class Notice:
    @property
    def topic(self) -> str: ...
    @property
    def severity(self) -> Literal["detail", "note", "warning"]: ...
    @property
    def text(self) -> str: ...

class Picture:
    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...
    @property
    def __array_interface__(self) -> dict[str, Any]: ...
    def png(self) -> bytes: ...
    def save(self, path: str | PathLike[str]) -> None: ...
    def pil(self) -> Any: ...
    def _repr_png_(self) -> bytes: ...

class Figure:
    def png(self) -> bytes: ...
    def svg(self) -> bytes: ...
    def pdf(self) -> bytes: ...
    def save(self, path: str | PathLike[str]) -> None: ...
    def pil(self) -> Any: ...
    def _repr_png_(self) -> bytes: ...
