"""Edge-popup inside the drawn mask: weights stay as they were drawn, and scores learn which of them to use."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor, nn

from ertrain.masking import masks_of
from ertrain.methods.base import FixedMask
from ertrain.streams import generator

if TYPE_CHECKING:
    from ertrain.configuration import Configuration

__all__ = ["EdgePopup", "in_proportion", "largest"]

_BAND = 0.02  # how far a threshold is looked for around that of the step before, relative to it


class EdgePopup(FixedMask):
    """Keep the weights with the largest scores |s| in every layer, exactly so many, and train s alone.

    Notes
    -----
    Ramanujan et al. (CVPR 2020). Only entries of S_ER have scores. Straight through: the gradient of s is that of the
    weight in the network times its own value and sign(s), for all entries of S_ER, used or not. The layer holds
    its weights as they are used, 0 elsewhere, so passes are those of a plain network. Biases, normalisation and layers
    without a mask keep their start.

    With `levels` n, run one after another with a whole schedule each, level i uses the density
    density^(1 - i/n) final_density^(i/n), i = 1, ..., n, shared out in proportion to the layers' shares of S_ER.
    Initialisations that know of sparsity, such as "sparse" and "signed-constant", are those for the fan-in at the end.
    """

    reads: ClassVar[tuple[str, ...]] = ("final_density", "levels")

    def __init__(self, configuration: Configuration, model: nn.Module, inputs: tuple[int, ...], steps: int) -> None:
        super().__init__(configuration, model, inputs, steps)
        self.epochs, self._level = self.planned(configuration), 1
        self._counted, self._counts = 0, dict[str, int]()
        self._near: dict[str, Tensor] = {}  # thresholds of the step before
        self._entries = {name: mask.flatten().nonzero().squeeze(1) for name, mask in self.drawn.items()}
        last = self.counts(configuration.levels)
        model.requires_grad_(requires_grad=False)
        self._values: dict[str, Tensor] = {}
        self._scores: dict[str, nn.Parameter] = {}
        rng = generator(configuration.seed, "scores")
        for name, mask in self.drawn.items():
            weight = model.get_submodule(name).get_parameter("weight").requires_grad_()
            scale = math.sqrt(len(self._entries[name]) / max(last[name], 1))
            values = weight.detach().flatten()[self._entries[name]]
            self._values[name] = values if configuration.initialisation in ("kaiming", "paper") else values * scale
            uniform = torch.rand(mask.shape, generator=rng).to(mask.device).flatten()[self._entries[name]]
            self._scores[name] = nn.Parameter((2 * uniform - 1) / math.sqrt(mask[0].numel()))
        self._scored = sum(2 * int(mask.sum()) * self._positions[name] for name, mask in self.drawn.items())
        self._choose()
        self.recount()

    @classmethod
    def planned(cls, configuration: Configuration) -> int:
        """Give the epochs of all levels."""
        return configuration.epochs * configuration.levels

    def trained(self) -> list[nn.Parameter]:
        """Return the scores."""
        return list(self._scores.values())

    def phase(self, epoch: int) -> int:
        """Return the epoch of the level."""
        return epoch % self.configuration.epochs

    @torch.no_grad()
    def step(self, optimiser: torch.optim.Optimizer, at: int) -> None:  # noqa: ARG002
        """Move the scores, and choose anew."""
        self.spend(self._scored)  # nothing is learned where there are no scores
        for name, scores in self._scores.items():
            weight = self.model.get_submodule(name).get_parameter("weight")
            if weight.grad is not None:
                slopes = weight.grad.flatten().index_select(0, self._entries[name])
                scores.grad = slopes.mul_(self._values[name]).mul_(scores.sign())
                weight.grad = None
        optimiser.step()
        self._choose()

    def after_epoch(self, epoch: int, optimiser: torch.optim.Optimizer) -> None:
        """Go to the next level at the end of one; scores stay, what the optimiser remembers is forgotten."""
        done = (epoch + 1) // self.configuration.epochs
        if (epoch + 1) % self.configuration.epochs == 0 and done < self.configuration.levels:
            self._level = done + 1
            optimiser.state.clear()
            self._choose()
            self.recount()

    def settled(self, epoch: int) -> bool:
        """Whether an epoch belongs to the last level."""
        return epoch // self.configuration.epochs == self.configuration.levels - 1

    def counts(self, level: int) -> dict[str, int]:
        """Give the number of weights of every layer at a level, counted from 1."""
        last = self.budget(self.configuration.final_density)
        share = level / self.configuration.levels
        total = last if level == self.configuration.levels else round(self.size ** (1 - share) * last**share)
        sizes = [len(entries) for entries in self._entries.values()]
        return dict(zip(self._entries, in_proportion(sizes, total), strict=True))

    def weights(self) -> dict[str, Tensor]:
        """Return all weights of S_ER, used or not."""
        return {f"{name}.weight" if name else "weight": self._spread(name, self._values[name]) for name in self.drawn}

    def state(self) -> dict[str, Tensor]:
        """Return scores and level."""
        scores = {f"scores.{name}": scores.detach() for name, scores in self._scores.items()}
        return {"level": torch.tensor(self._level), **scores}

    @torch.no_grad()
    def load(self, state: Mapping[str, Tensor]) -> None:
        """Take up scores and level; the weights are those of the start."""
        self._level = int(state["level"])
        for name, scores in self._scores.items():
            scores.copy_(state[f"scores.{name}"])
        self._choose()
        self.recount()

    @torch.no_grad()
    def _choose(self) -> None:
        buffers = masks_of(self.model)
        if self._counted != self._level:
            self._counted, self._counts = self._level, self.counts(self._level)
        for name, count in self._counts.items():
            strength = self._scores[name].abs()
            chosen, self._near[name] = largest(strength, count, near=self._near.get(name))
            buffers[name].copy_(self._spread(name, chosen))
            weight = self.model.get_submodule(name).get_parameter("weight")
            weight.copy_(self._spread(name, self._values[name] * chosen))

    def _spread(self, name: str, values: Tensor) -> Tensor:
        """Put the values of the entries of S_ER where they belong in a layer."""
        mask = self.drawn[name]
        if len(values) == mask.numel():
            return values.reshape(mask.shape)
        return values.new_zeros(mask.numel()).index_copy_(0, self._entries[name], values).reshape(mask.shape)


def largest(scores: Tensor, count: int, *, near: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Choose exactly so many of a vector, the largest; the first ones among those that are equal. Nothing is sorted.

    Parameters
    ----------
    scores
        At least 0.
    count
        How many, at most all of them.
    near
        Where the threshold may be. It saves time if that is true, and changes nothing.

    Returns
    -------
    torch.Tensor
        Which ones.
    torch.Tensor
        The smallest score among them, the threshold.

    Examples
    --------
    >>> largest(torch.tensor([1.0, 3.0, 1.0, 1.0]), 2)
    (tensor([ True,  True, False, False]), tensor(1.))
    """
    if count <= 0:
        return torch.zeros_like(scores, dtype=torch.bool), scores.new_tensor(torch.inf)
    threshold = _threshold(scores, count, near)
    above, equal = scores > threshold, scores == threshold
    return above | (equal & (equal.cumsum(0) <= count - torch.count_nonzero(above))), threshold


def _threshold(scores: Tensor, count: int, near: Tensor | None) -> Tensor:
    if near is not None and scores.device.type == "cpu":  # to ask a GPU for a number takes longer than to search there
        high = near * (1 + _BAND)
        around = scores.masked_select((scores >= near * (1 - _BAND)) & (scores <= high))
        rank = count - int(torch.count_nonzero(scores > high))
        if 1 <= rank <= len(around):
            return around.kthvalue(len(around) - rank + 1).values
    return scores.kthvalue(len(scores) - count + 1).values


def in_proportion(sizes: Sequence[int], total: int) -> list[int]:
    """Share out a number in proportion to sizes that are as large together, or larger: by largest remainders.

    Examples
    --------
    >>> in_proportion([5, 3, 2], 4)
    [2, 1, 1]
    """
    whole = max(sum(sizes), 1)
    shares = [size * total // whole for size in sizes]
    order = sorted(range(len(sizes)), key=lambda place: -(sizes[place] * total % whole))
    for place in order[: total - sum(shares)]:
        shares[place] += 1
    return shares
