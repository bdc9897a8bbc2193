"""Composites as onnxplain reads them (its YAML), matched against the layers of a graph.

Written from the documentation of the composite files: the first entry whose conditions all hold
gives a layer its rule; `first` and `last` are about layers with weights; the n-th of N layers of a
kind lies at the depth (n + 1/2) / N. Presets fit any network, so they name no nodes: `name` is refused.
"""

from collections import Counter
from dataclasses import dataclass, field

import yaml

from graph import WEIGHTED, Graph

ROUTING = ("input", "concat", "reshape", "max-pool")
"""Kinds through which relevance has one way to go."""
GRADIENTS = ("gradient", "guided-backprop", "deconvnet")


@dataclass(frozen=True)
class Stabilizer:
    """What keeps a denominator from zero: `z + sign(z) epsilon`."""

    epsilon: float = 1e-6

    @classmethod
    def parse(cls, value: object) -> "Stabilizer":
        """A number, or `{epsilon: number}`."""
        if isinstance(value, dict):
            if value.get("kind", "additive") != "additive":
                raise NotImplementedError(f"a stabilizer of kind {value['kind']}")
            value = value["epsilon"]
        return cls(float(str(value)))


@dataclass(frozen=True)
class Setting:
    """A rule with its parameters."""

    rule: str
    parameters: dict[str, float] = field(default_factory=dict)
    stabilizer: Stabilizer = Stabilizer()
    with_bias: bool = True

    @classmethod
    def parse(cls, value: object, default: Stabilizer) -> "Setting":
        """`flat`, or `{gamma: {gamma: 0.5, stabilizer: 1e-6, bias: false}}`."""
        if isinstance(value, str):
            return cls(value, {}, default)
        ((rule, parameters),) = value.items()
        parameters = dict(parameters or {})
        with_bias = bool(parameters.pop("bias", True))
        own = parameters.pop("stabilizer", parameters.pop("epsilon", None))
        stabilizer = default if own is None else Stabilizer.parse(own)
        numbers = {name: float(str(number)) for name, number in parameters.items()}
        return cls(rule, numbers, stabilizer, with_bias)


@dataclass(frozen=True)
class Composite:
    """A list of rules with their conditions."""

    name: str
    entries: list[tuple[dict[str, object], Setting]]
    canonize: object
    """`all`, `none`, or a list of passes."""

    @classmethod
    def parse(cls, text: str) -> "Composite":
        """Read the YAML of a preset or a composite file."""
        document = yaml.safe_load(text)
        default = Stabilizer.parse(document.get("stabilizer", 1e-6))
        entries = [(entry.get("when", {}), Setting.parse(entry["rule"], default)) for entry in document["rules"]]
        return cls(document["name"], entries, document.get("canonize", "all"))

    @property
    def is_gradient(self) -> bool:
        """Whether no entry divides relevance: such a method is defined on the network as it was built."""
        return all(setting.rule in GRADIENTS for _, setting in self.entries)

    @property
    def needs_input_range(self) -> bool:
        """Whether an entry is z-box without bounds of its own."""
        return any(setting.rule == "z-box" for _, setting in self.entries)

    def assign(self, graph: Graph) -> list[Setting]:
        """The rule of every layer; routing layers get `gradient`, which routes."""
        places = _places(graph)
        return [self._rule(place) for place in places]

    def _rule(self, place: "Place") -> Setting:
        if place.kind in ROUTING:
            return Setting("gradient")
        for when, setting in self.entries:
            if place.fulfils(when):
                return setting
        raise ValueError(f"the composite {self.name} has no rule for {place}")


@dataclass(frozen=True)
class Place:
    """What conditions ask of a layer."""

    kind: str
    is_first: bool
    is_last: bool
    depth: float

    def fulfils(self, when: dict[str, object]) -> bool:
        """Whether all conditions hold."""
        return all(self._holds(name, value) for name, value in when.items())

    def _holds(self, name: str, value: object) -> bool:
        match name, value:
            case "kind", str():
                return self.kind == value
            case "kind", list():
                return self.kind in value
            case "first", bool():
                return self.is_first == value
            case "last", bool():
                return self.is_last == value
            case "depth", [low, high]:
                return low <= self.depth < high
        raise NotImplementedError(f"the condition {name}: {value}")


def _places(graph: Graph) -> list[Place]:
    layers = graph.layers
    counts = Counter(layer.kind for layer in layers)
    seen: Counter[str] = Counter()
    behind = [False] * len(layers)
    for index, layer in enumerate(layers):
        behind[index] = any(behind[at] or layers[at].kind in WEIGHTED for at in layer.inputs)
    before = [False] * len(layers)
    for index in reversed(range(len(layers))):
        for at in layers[index].inputs:
            before[at] |= before[index] or layers[index].kind in WEIGHTED
    places = []
    for index, layer in enumerate(layers):
        depth = (seen[layer.kind] + 0.5) / counts[layer.kind]
        seen[layer.kind] += 1
        has_weights = layer.kind in WEIGHTED
        places.append(Place(layer.kind, has_weights and not behind[index], has_weights and not before[index], depth))
    return places
