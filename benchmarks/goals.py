"""What is wanted of onnxplain, and whether a measured ratio meets it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Goal:
    """A ratio of times that must be reached, or must not be exceeded."""

    factor: float
    is_ceiling: bool = False

    def __str__(self) -> str:
        return f"{'at most' if self.is_ceiling else 'at least'} {self.factor:g} ×"

    def is_met(self, ratio: float) -> bool:
        """Whether the ratio is on the wanted side."""
        return ratio <= self.factor if self.is_ceiling else ratio >= self.factor

    def verdict(self, ratio: float) -> str:
        """Met, or missed by which factor."""
        if self.is_met(ratio):
            return "met"
        return f"missed by {max(ratio / self.factor, self.factor / ratio):.2g} ×"


ZENNIT = {
    "epsilon-plus-flat": {"vgg16": Goal(3.0), "": Goal(4.0)},
    "epsilon-gamma-box": {"vgg16": Goal(5.5), "": Goal(7.0)},
    "epsilon-alpha2-beta1-flat": {"": Goal(4.0)},  # Two groups: five passes instead of three.
}
FLOOR = Goal(2.0, is_ceiling=True)
CAPTUM = Goal(2.0)
GRADIENT = Goal(1.0)
ONE_SHOT = Goal(15.0)
ONE_SHOT_MEMORY = Goal(3.0)
TWO_CORES = Goal(1.8)


def against_zennit(composite: str, network: str) -> Goal:
    """VGG-16, nearly all dense arithmetic, leaves less to win."""
    goals = ZENNIT[composite]
    return goals.get(network, goals[""])
