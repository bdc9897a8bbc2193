"""Time of one image when everything is loaded and warm: onnxplain against its peers, in pairs."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import torch

import goals
import peers
from binary import Onnxplain
from goals import Goal
from measure import Contestant, Effort, Sample, Series, alternate, in_process
from networks import Network

ZENNIT = "zennit"
CAPTUM = "captum LRP"
GRADIENT = "torch input gradient"
FLOOR = "3 onnxruntime forwards"
REPETITIONS = 2
"""Calls of a peer in a round."""


@dataclass(frozen=True)
class Comparison:
    """onnxplain and one peer on the same network."""

    network: str
    composite: str
    threads: int
    peer: str
    goal: Goal
    own: Series
    other: Series

    @property
    def ratio(self) -> Sample:
        """Peer / onnxplain; for the floor, onnxplain / peer."""
        return self.own.times(self.other) if self.goal.is_ceiling else self.other.times(self.own)


@dataclass(frozen=True)
class Steady:
    """All that one case gives."""

    comparisons: list[Comparison]
    start_up: Series
    """onnxplain's: load, canonize, compile."""


@dataclass(frozen=True)
class Case:
    """A network under a composite with a number of threads."""

    network: Network
    composite: str
    threads: int

    def goals(self) -> dict[str, Goal]:
        """The peers of this case, and what is wanted against each."""
        if self.composite == "epsilon":
            return {CAPTUM: goals.CAPTUM}
        wanted = {ZENNIT: goals.against_zennit(self.composite, self.network.name)}
        if self.composite == "epsilon-plus-flat":
            wanted |= {GRADIENT: goals.GRADIENT, FLOOR: goals.FLOOR}
        return wanted

    def measure(self, binary: Onnxplain, inputs: list[Path], effort: Effort) -> Steady:
        """Time onnxplain and the peers in turn."""
        torch.set_num_threads(self.threads)
        start_up = Series()

        def own() -> Sample:
            block = binary.block(self.network.onnx, inputs, self.composite, self.threads)
            start_up.samples.append(block.start_up)
            return block.image

        with ExitStack() as open_peers:
            works = {name: self._peer(name, inputs[0], open_peers) for name in self.goals()}
            for work in works.values():
                work()
            contestants: dict[str, Contestant] = {name: in_process(work, REPETITIONS) for name, work in works.items()}
            series = alternate({"onnxplain": own} | contestants, effort)
        return Steady(self._comparisons(series), start_up)

    def _peer(self, name: str, image_path: Path, open_peers: ExitStack) -> peers.Work:
        image = peers.load_image(image_path)
        if name == FLOOR:
            return peers.three_forwards(self.network.onnx, image, self.threads)
        module = self.network.load()
        if name == CAPTUM:
            return open_peers.enter_context(peers.captum_lrp(module, image))
        if name == GRADIENT:
            return open_peers.enter_context(peers.input_gradient(module, image))
        composite = peers.COMPOSITES[self.composite](self.network.architecture)
        return open_peers.enter_context(peers.zennit(module, composite, image))

    def _comparisons(self, series: dict[str, Series]) -> list[Comparison]:
        own = series["onnxplain"]
        return [
            Comparison(self.network.name, self.composite, self.threads, peer, goal, own, series[peer])
            for peer, goal in self.goals().items()
        ]


def cases(networks: list[Network]) -> Iterator[Case]:
    """Every network, composite and number of threads; the decisive ones, with one thread, first."""
    for threads in (1, 2):
        for network in networks:
            for composite in peers.COMPOSITES:
                yield Case(network, composite, threads)
            if network.architecture.in_captum:
                yield Case(network, "epsilon", threads)
