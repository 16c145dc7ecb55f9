"""Steps of a network, collected one after the other while the modules of a PyTorch model are read.

Dropout is left out and BatchNorm is taken up by a layer beside it, so that what remains is what `Network` knows.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import numpy as np

from ertheory.errors import InvalidInput
from ertheory.networks.network import Activation, Affine, Flatten, Pool, Residual, Step
from ertheory.networks.readers.batch_norm import ChannelMap
from ertheory.networks.readers.torch_modules import entries, parameter
from ertheory.networks.readers.torch_steps import geometry

__all__ = ["Chain"]

# Feature maps; feature maps of one position, behind a global pooling; neurons; not known yet.
Signal: TypeAlias = Literal["maps", "points", "neurons"] | None

_WAITS = "a layer between a BatchNorm that no layer in front of it can take up and this module"


class Chain:
    """The steps read so far, and what has happened since the last layer.

    Parameters
    ----------
    signal
        What the first step reads.
    channels
        How many channels or neurons it reads, ``None`` where that is not known.
    branch
        Whether these are the steps of a residual branch.
    """

    def __init__(self, signal: Signal = None, channels: int | None = None, *, branch: bool = False) -> None:
        self.steps: list[Step] = []
        self._signal = signal
        self._channels = channels
        self._branch = branch
        self._flattened = False
        # A BatchNorm that waits for the next layer.
        self._pending: ChannelMap | None = None

    def fork(self, *, branch: bool) -> Chain:
        """Begin a branch or a skip, which reads what this chain gives."""
        return Chain(self._signal, None if self._flattened else self._channels, branch=branch)

    def layer(self, named: str, module: Any) -> None:
        """Append a Linear or a convolution."""
        weight, bias = (parameter(named, entries(module), part) for part in ("weight", "bias"))
        if weight is None:
            raise InvalidInput(named, "a weight", None)
        offset = np.zeros(len(weight)) if bias is None else bias
        wanted: Signal = "maps" if weight.ndim > 2 else "neurons"
        if self._signal not in (None, wanted):
            raise InvalidInput(named, f"{wanted} in front of it, by a Flatten where need be", self._signal)
        options = geometry(named, module) if weight.ndim > 2 else {}
        self._check_inputs(named, weight.shape[1] * int(options.get("groups", 1)))
        # What overflows is refused by the step.
        with np.errstate(over="ignore", invalid="ignore"):
            if self._pending is not None:
                weight, offset = self._pending.into_layer_behind(
                    named,
                    weight,
                    offset,
                    groups=options.get("groups", 1),
                    flattened=self._flattened,
                    padding=module.padding if any(options.get("padding", ())) else None,
                )
        try:
            self.steps.append(Affine.from_dense(weight, offset, **options))
        except InvalidInput as error:
            raise InvalidInput(f"{named}, {error.argument}", error.allowed, error.value) from None
        self._signal, self._channels = wanted, len(weight)
        self._flattened, self._pending = False, None

    def norm(self, named: str, module: Any) -> None:
        """Append a BatchNorm."""
        norm = ChannelMap.of_module(named, module)
        if self._pending is not None:
            self._pending = norm.after(named, self._pending)
            return
        found = self._taking_up(norm)
        if found is None:
            self._pending = norm
            return
        place, layer = found
        shape = (layer.outputs, layer.inputs // layer.groups, *layer.kernel)
        with np.errstate(over="ignore", invalid="ignore"):
            weight, bias = norm.into_layer_before(named, layer.weight.toarray().reshape(shape), layer.bias)
        options = {part: getattr(layer, part) for part in ("stride", "padding", "dilation", "groups")}
        try:
            self.steps[place] = Affine.from_dense(weight, bias, **options)
        except InvalidInput as error:
            raise InvalidInput(f"{named}, {error.argument}", error.allowed, error.value) from None

    def activation(self, named: str, name: str, *, in_place: bool = False) -> None:
        """Append an activation."""
        if self._pending is not None:
            raise InvalidInput(named, _WAITS, "none")
        if in_place and self._branch and all(isinstance(step, Flatten) for step in self.steps):
            raise InvalidInput(named, "inplace=False, for the skip reads the same numbers", True)
        self.steps.append(Activation(name))

    def flatten(self, named: str, module: Any) -> None:
        """Append a Flatten; it is left out where the signal is neurons already, or where nothing came before."""
        if (module.start_dim, module.end_dim) != (1, -1):
            raise InvalidInput(named, "start_dim=1 and end_dim=-1", (module.start_dim, module.end_dim))
        self.flatten_all()

    def flatten_all(self) -> None:
        """Turn feature maps into neurons."""
        # A global pooling leaves one position, and a network none at all.
        if self._signal == "maps":
            self.steps.append(Flatten())
            self._flattened = True
        self._signal = "neurons"

    def pool(self, named: str, step: Pool) -> None:
        """Append a pooling."""
        if self._signal not in (None, "maps"):
            raise InvalidInput(named, "pooling of feature maps", self._signal)
        if self._pending is not None and not _commute(self._pending, step):
            raise InvalidInput(named, _WAITS, "none")
        self.steps.append(step)
        self._signal = "maps" if step.size else "points"

    def residual(self, label: str, branch: Chain, skip: Chain) -> None:
        """Append branch + skip, both of which began as a `fork` of this chain."""
        for part, chain in (("branch", branch), ("skip", skip)):
            if self._pending is not None or chain._pending is not None:
                raise InvalidInput(f"{label}.{part}", "a layer beside every BatchNorm that takes it up", "none")
        if None not in (branch._channels, skip._channels) and branch._channels != skip._channels:
            raise InvalidInput(label, f"a skip of {branch._channels} channels, as in its branch", skip._channels)
        try:
            self.steps.append(Residual(tuple(branch.steps), tuple(skip.steps)))
        except InvalidInput as error:
            raise InvalidInput(f"{label}.{error.argument}", error.allowed, error.value) from None
        self._signal, self._channels, self._flattened = branch._signal, branch._channels, False

    def finish(self) -> tuple[Step, ...]:
        """Give the steps.

        Raises
        ------
        InvalidInput
            If the last of them is not a layer or a residual block.
        """
        last = self.steps[-1] if self.steps else None
        if self._pending is not None or not isinstance(last, Affine | Residual):
            behind = "a BatchNorm" if self._pending is not None else type(last).__name__
            raise InvalidInput("model", "a layer as its last module; leave out what follows it", behind)
        return tuple(self.steps)

    def _check_inputs(self, named: str, inputs: int) -> None:
        known = self._channels
        if known is not None and (inputs % known if self._flattened else inputs != known):
            multiple = "a multiple of " if self._flattened else ""
            raise InvalidInput(named, f"{multiple}{known} inputs, as many as come before it", inputs)

    def _taking_up(self, norm: ChannelMap) -> tuple[int, Affine] | None:
        """Give the layer in front and its place, if nothing but poolings that commute with the map lies between."""
        for place in range(len(self.steps) - 1, -1, -1):
            step = self.steps[place]
            if isinstance(step, Affine):
                return place, step
            if not isinstance(step, Pool) or not _commute(norm, step):
                return None
        return None


def _commute(norm: ChannelMap, step: Pool) -> bool:
    if step.kind == "max":
        return bool((norm.scale >= 0).all())
    return not any(step.padding) or not norm.shift.any()
