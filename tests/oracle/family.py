"""What the parity table needs to know of a network."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import torch
from zennit.canonizers import Canonizer

import graph
from construction import Construction, construct
from exports import EXPORTS, Export
from graph import Graph

Canonizers = Callable[[], list[Canonizer]]


@dataclass(frozen=True)
class Family:
    """One network of the table."""

    build: Callable[[], torch.nn.Module]
    shipped: Canonizers
    """The canonizers that zennit has for it."""
    completed: Canonizers | None = None
    """Those with ours added, for presets that divide relevance, where zennit's do not see all of the network."""
    completed_gradients: Canonizers | None = None
    """The same for the gradient and its kin, under which a gate passes its own derivative."""
    size: int = 224
    """Height and width of the input."""
    seeds: tuple[int, ...] = (0,)
    """Each draws other parameters and another image."""
    has_flat_pooling_too: bool = False
    """Whether to compare with flat average pooling as well, because rounding decides under the norm rule."""
    is_beyond_zennit: bool = False
    """Whether it has what zennit cannot be made to divide relevance by: BatchNorm in front of a ReLU."""

    @property
    def exports(self) -> dict[str, Export]:
        """The ways to export it; the first is the one that the references are compared with."""
        return EXPORTS

    @property
    def composites(self) -> tuple[Path, ...]:
        """Composite files to compare beside the gradient and :attr:`preset`; none where all presets are compared."""
        return ()

    @property
    def preset(self) -> str | None:
        """The preset that is made for it, where not all are compared."""
        return None

    def construct(self, name: str, seed: int) -> Construction:
        """The network and image of a seed; the same on each call."""
        return construct(self.build, crc32(name.encode()) + seed, self.size)

    def layers(self, network: torch.nn.Module, image: torch.Tensor) -> Graph:
        """The network as a list of layers, for an image [1, C, H, W] of its precision."""
        return graph.of(network)
