"""STR inside the drawn mask: thresholds below which weights vanish are learned, one for each layer."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from ertheory.errors import warn
from ertrain.configuration import Configuration
from ertrain.masks.masking import masks_of
from ertrain.methods.base import FixedMask, highest_inside, set_masks
from ertrain.methods.gradual import cubic

__all__ = ["STR"]

_BELOW_ONE = 1 - 1e-12


class STR(FixedMask):
    """Soft thresholds on the weights of S_ER, with or without a density that they have to reach.

    Notes
    -----
    Kusupati et al. (ICML 2020). A layer holds sign(w) relu(|w| - t_l) with t_l = sigmoid(s_l), and both w and s_l are
    trained, with weight decay. The gradient g of what the layer holds gives those of w, which is g where |w| > t_l and
    0 elsewhere, and of s_l, which is the sum of -g sign(w) t_l (1 - t_l) over |w| > t_l.

    Published STR reaches a density that follows from decay, rate, length and start of s_l, and cannot be asked for:
    that is what an empty `final_density` gives. With one, after every `update_every` steps one number is added to all
    s_l, such that as many weights are above their thresholds as `ertrain.methods.gradual.cubic` says; how the budget is
    shared among layers is still learned. After the share `update_until` of training, S_P is the exact number of weights
    that stand highest above their thresholds, the thresholds are taken off, and what the layer held trains on in S_P.
    """

    can_be_packed = False  # S_P changes at every step

    def __init__(
        self, configuration: Configuration, model: nn.Module, inputs: tuple[int, ...] | None, steps: int
    ) -> None:
        super().__init__(configuration, model, inputs, steps)
        self._steered = configuration.final_density != ""
        self.end = max(1, math.floor(configuration.update_until * configuration.epochs * steps))
        self._over = False
        self._layers = {name: model.get_submodule(name).get_parameter("weight") for name in self.drawn}
        self._values = {name: nn.Parameter(weight.detach().clone()) for name, weight in self._layers.items()}
        device = next(iter(self._layers.values())).device
        self.thresholds = nn.Parameter(torch.full((len(self.drawn),), configuration.threshold_start, device=device))
        self._hold()
        self.recount_flops()

    def trainable(self) -> list[nn.Parameter]:
        """Return weights before the thresholds, thresholds, and all that has none."""
        own = {id(weight) for weight in self._layers.values()}
        others = [parameter for parameter in self.model.parameters() if id(parameter) not in own]
        return [*self._values.values(), self.thresholds, *others]

    def stands_for(self) -> dict[str, tuple[nn.Parameter, nn.Parameter]]:
        """Return what layers hold, and their weights before the thresholds."""
        return {name: (self._layers[name], values) for name, values in self._values.items()}

    def protect(self, optimiser: torch.optim.Optimizer, model: nn.Module) -> None:
        """Nothing: the optimiser moves weights before their thresholds, with gradients that `step` masks."""

    @torch.no_grad()
    def step(self, optimiser: torch.optim.Optimizer, at: int) -> None:
        """Move weights and thresholds, then steer the thresholds where it is time for it."""
        self.count_flops(self._forward)
        masks, slopes = masks_of(self.model), []
        for name, weight in self._layers.items():
            gradient = torch.zeros_like(weight) if weight.grad is None else weight.grad.mul_(masks[name])
            slopes.append(-(gradient * weight.sign()).sum())
            self._values[name].grad, weight.grad = gradient, None
        rising = self.thresholds.sigmoid()
        self.thresholds.grad = None if self._over else torch.stack(slopes) * rising * (1 - rising)
        optimiser.step()
        if self._steered and at + 1 == self.end:
            self._finish(optimiser)
        elif self._steered and not self._over and (at + 1) % self.configuration.update_every == 0:
            self._steer(at + 1)
        self._hold()
        if (at + 1) % self.configuration.update_every == 0:  # operations are counted for the density of now
            self.recount_flops()

    def after_epoch(self, epoch: int, optimiser: torch.optim.Optimizer) -> None:  # noqa: ARG002
        """Count what is left, and say so if the thresholds do nothing."""
        self.recount_flops()
        if not self._steered and not bool(self.thresholds.sigmoid().any()):
            text = (
                "all thresholds of STR are still 0 and remove no weight: give a final_density, or a threshold_start "
                f"above -100, more epochs or weight decay (now {self.configuration.weight_decay:g})"
            )
            warn(text, RuntimeWarning)

    def at_final_density(self, epoch: int) -> bool:
        """Whether the thresholds have been taken off, where a final density was asked for."""
        return not self._steered or (epoch + 1) * self.steps >= self.end

    def state(self) -> dict[str, Tensor]:
        """Return weights before the thresholds, thresholds, and whether these have been taken off."""
        values = {f"values.{name}": values.detach() for name, values in self._values.items()}
        return {"over": torch.tensor(self._over), "thresholds": self.thresholds.detach(), **values}

    @torch.no_grad()
    def load(self, state: Mapping[str, Tensor]) -> None:
        """Take up weights and thresholds."""
        self._over = bool(state["over"])
        self.thresholds.copy_(state["thresholds"])
        for name, values in self._values.items():
            values.copy_(state[f"values.{name}"])
        self._hold()
        self.recount_flops()

    def _heights(self) -> dict[str, Tensor]:
        """How far s_l may rise before a weight is gone: |w| > sigmoid(s_l + h) where h is below this."""
        pairs = zip(self._values.items(), self.thresholds.double(), strict=True)
        return {
            name: values.detach().double().abs().clamp(max=_BELOW_ONE).logit() - threshold
            for (name, values), threshold in pairs
        }

    def _steer(self, done: int) -> None:
        count, heights = (
            cubic(self.size, self.budget(self.configuration.final_density), done, self.end),
            self._heights(),
        )
        inside = torch.cat([heights[name][mask] for name, mask in self.drawn.items()])
        if not 0 < count < len(inside):
            return
        above, below = (inside.kthvalue(len(inside) - place).values for place in (count - 1, count))
        # Halfway between the last weight that stays and the first that goes; that one may be 0, infinitely low.
        self.thresholds.add_(torch.where(below.isfinite(), (above + below) / 2, above - 1e-3).float())

    def _finish(self, optimiser: torch.optim.Optimizer) -> None:
        self._hold()
        target = self.budget(self.configuration.final_density)
        chosen = highest_inside(self._heights(), self.drawn, target)
        set_masks(self.model, chosen)
        for name, values in self._values.items():
            values.copy_(self._layers[name])
            for kept in optimiser.state.get(values, {}).values():
                if isinstance(kept, Tensor) and kept.shape == values.shape:
                    kept.masked_fill_(~chosen[name], 0)
        self._over = True
        self.recount_flops()

    @torch.no_grad()
    def _hold(self) -> None:
        """Let the layers hold their weights beyond the thresholds."""
        masks = masks_of(self.model)
        for (name, values), threshold in zip(self._values.items(), self.thresholds.sigmoid(), strict=True):
            if self._over:
                self._layers[name].copy_(values)
            else:
                self._layers[name].copy_(values.sign() * (values.abs() - threshold).relu())
                masks[name].copy_(self._layers[name] != 0)
