"""Edge-popup inside the drawn mask: weights stay as they were drawn, and scores learn which of them to use."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy.typing as npt
import torch
from torch import Tensor, nn

from ertrain.configuration import Configuration
from ertrain.masks.entries import random_entries
from ertrain.masks.masking import masks_of
from ertrain.masks.shapes import whole_shape
from ertrain.methods.base import FixedMask
from ertrain.streams import generator

__all__ = ["EdgePopup", "in_proportion", "largest"]


class EdgePopup(FixedMask):
    """Keep the weights with the largest scores |s| in every layer, exactly so many, and train s alone.

    Notes
    -----
    Ramanujan et al. (CVPR 2020). Only entries of S_ER have scores. Straight through: the gradient of s is that of the
    weight in the network times its own value and sign(s), for all entries of S_ER, used or not. The layer holds
    its weights as they are used, 0 elsewhere, so passes are those of a plain network. Biases, normalisation and layers
    without a mask keep their start. Scores and values have the layer's own shape and are 0 outside of S_ER; there the
    gradient of s is 0 as well, so scores stay 0 whatever the optimiser. To pick out entries would take longer.

    With `levels` n, run one after another with a whole schedule each, level i uses the density
    density^(1 - i/n) final_density^(i/n), i = 1, ..., n, shared out in proportion to the layers' shares of S_ER.
    Initialisations that know of sparsity, such as "sparse" and "signed-constant", are those for the fan-in at the end.
    """

    can_be_packed = False  # what a score's gradient says is asked for outside of S_P, at every step

    def __init__(
        self, configuration: Configuration, model: nn.Module, inputs: tuple[int, ...] | None, steps: int
    ) -> None:
        super().__init__(configuration, model, inputs, steps)
        self.epochs, self._level = self.total_epochs(configuration), 1
        self._counted, self._counts = 0, dict[str, int]()
        self._near: dict[str, float] = {}  # thresholds of the step before; 0 on a GPU, where to ask for them takes long
        last = self.counts(configuration.levels)
        model.requires_grad_(requires_grad=False)
        self._masks, self._weights = masks_of(model), dict[str, nn.Parameter]()
        self._values: dict[str, Tensor] = {}
        self._scores: dict[str, nn.Parameter] = {}
        rng = generator(configuration.seed, "scores")
        for name, mask in self.drawn.items():
            self._weights[name] = weight = model.get_submodule(name).get_parameter("weight")
            weight.requires_grad_()
            scale = math.sqrt(int(mask.sum()) / max(last[name], 1))
            values = weight.detach().clone()
            self._values[name] = (
                values if configuration.initialisation in ("kaiming", "own", "paper") else values * scale
            )
            layer = model.get_submodule(name)
            uniform = (2 * random_entries(layer, torch.rand, rng) - 1) / math.sqrt(math.prod(whole_shape(layer)[1:]))
            self._scores[name] = nn.Parameter(torch.empty_like(values).copy_(uniform).masked_fill_(~mask, 0))
        on_cpu = all(weight.device.type == "cpu" for weight in self._weights.values())
        self._room = torch.empty(max(map(torch.numel, self.drawn.values())) if on_cpu else 0, dtype=torch.int32)
        self._flat: dict[str, tuple[Any, Any, Any, Any]] = {}  # scores, values, masks and weights as vectors, on a CPU
        for name in self.drawn if on_cpu else ():
            parts = self._scores[name], self._values[name], self._masks[name], self._weights[name]
            self._flat[name] = _flat(parts[0]), _flat(parts[1]), _flat(parts[2]), _flat(parts[3])
        self._scored = sum(2 * int(mask.sum()) * self._positions.get(name, 0) for name, mask in self.drawn.items())
        self._choose()
        self.recount_flops()

    @classmethod
    def total_epochs(cls, configuration: Configuration) -> int:
        """Give the epochs of all levels."""
        return configuration.epochs * configuration.levels

    def trainable(self) -> list[nn.Parameter]:
        """Return the scores."""
        return list(self._scores.values())

    def stands_for(self) -> dict[str, tuple[nn.Parameter, nn.Parameter]]:
        """Return weights and their scores."""
        return {name: (self._weights[name], scores) for name, scores in self._scores.items()}

    def protect(self, optimiser: torch.optim.Optimizer, model: nn.Module) -> None:
        """Nothing: scores are moved, and `step` chooses weights inside S_ER."""

    def schedule_epoch(self, epoch: int) -> int:
        """Return the epoch of the level."""
        return epoch % self.configuration.epochs

    @torch.no_grad()
    def step(self, optimiser: torch.optim.Optimizer, at: int) -> None:  # noqa: ARG002
        """Move the scores, and choose anew."""
        from ertrain.methods.popup_kernel import score_gradients  # numba takes half a second to load

        self.count_flops(self._scored)  # nothing is learned where there are no scores
        for name, scores in self._scores.items():
            weight = self._weights[name]
            if weight.grad is not None:
                scores.grad, weight.grad = weight.grad.contiguous(), None
                if self._flat:
                    flat_scores, flat_values, _, _ = self._flat[name]
                    score_gradients(_flat(scores.grad), flat_values, flat_scores)
                else:
                    scores.grad.mul_(self._values[name]).mul_(scores.sign())
        optimiser.step()
        self._choose()

    def after_epoch(self, epoch: int, optimiser: torch.optim.Optimizer) -> None:
        """Go to the next level at the end of one; scores stay, what the optimiser remembers is forgotten."""
        done = (epoch + 1) // self.configuration.epochs
        if (epoch + 1) % self.configuration.epochs == 0 and done < self.configuration.levels:
            self._level = done + 1
            optimiser.state.clear()
            self._choose()
            self.recount_flops()

    def at_final_density(self, epoch: int) -> bool:
        """Whether an epoch belongs to the last level."""
        return epoch // self.configuration.epochs == self.configuration.levels - 1

    def counts(self, level: int) -> dict[str, int]:
        """Give the number of weights of every layer at a level, counted from 1."""
        last = self.budget(self.configuration.final_density)
        share = level / self.configuration.levels
        total = last if level == self.configuration.levels else round(self.size ** (1 - share) * last**share)
        sizes = [int(mask.sum()) for mask in self.drawn.values()]
        return dict(zip(self.drawn, in_proportion(sizes, total), strict=True))

    def weights(self) -> dict[str, Tensor]:
        """Return all weights of S_ER, used or not."""
        return {f"{name}.weight" if name else "weight": values for name, values in self._values.items()}

    def state(self) -> dict[str, Tensor]:
        """Return scores and level."""
        scores = {f"scores.{name}": scores.detach() for name, scores in self._scores.items()}
        return {"level": torch.tensor(self._level), **scores}

    @torch.no_grad()
    def load(self, state: Mapping[str, Tensor]) -> None:
        """Take up scores and level; the weights are those of the start."""
        self._level, self._counted = int(state["level"]), 0  # the drawn masks may be others now
        for name, scores in self._scores.items():
            scores.copy_(state[f"scores.{name}"])
        self._near.clear()  # the weights that were loaded are not those in use
        self._choose()
        self.recount_flops()

    @torch.no_grad()
    def _choose(self) -> None:
        """Bring masks and weights up to date, on the CPU by a search near the thresholds of the step before."""
        from ertrain.methods.popup_kernel import use_near  # numba takes half a second to load

        if self._counted != self._level:
            self._counted, self._counts = self._level, self.counts(self._level)
        room = self._room.numpy()
        for name, count in self._counts.items():
            near = self._near.get(name, 0.0)
            if near > 0:
                near = use_near(*self._flat[name], count, near, room)
            if near <= 0:
                scores, mask, weight = self._scores[name], self._masks[name], self._weights[name]
                mask.copy_(largest(scores, self.drawn[name], count))
                weight.copy_(self._values[name]).masked_fill_(~mask, 0)
                if count > 0 and self._flat:
                    near = float(scores[mask].abs().min())
            self._near[name] = near


def largest(scores: Tensor, inside: Tensor, count: int) -> Tensor:
    """Choose exactly so many entries of a mask, those with the largest |s|; the first ones among those that are equal.

    Parameters
    ----------
    scores
        s, of any shape. What is not a number is larger than all numbers.
    inside
        The mask, booleans of the same shape.
    count
        How many, at most all entries of the mask.

    Examples
    --------
    >>> largest(torch.tensor([1.0, -3.0, 1.0, 9.0]), torch.tensor([True, True, True, False]), 2)
    tensor([ True,  True, False, False])
    """
    if count <= 0:
        return torch.zeros_like(inside)
    strength = scores.detach().abs().nan_to_num(math.inf).masked_fill(~inside, -1).flatten()
    threshold = strength.kthvalue(len(strength) - count + 1).values
    above, equal = strength > threshold, strength == threshold
    chosen = above | (equal & (equal.cumsum(0) <= count - torch.count_nonzero(above)))
    return chosen.reshape(scores.shape)


def _flat(tensor: Tensor) -> npt.NDArray[Any]:
    """Show a tensor on the CPU as a vector, without a copy."""
    return tensor.detach().view(-1).numpy()


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
