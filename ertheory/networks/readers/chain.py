"""Steps of a network, collected one after the other while a model of another library is read.

BatchNorm is taken up by a layer beside it, so that what remains is what `Network` knows.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import numpy as np

from ertheory.errors import InvalidInput
from ertheory.networks.arrays import Array
from ertheory.networks.network import Activation, Affine, Flatten, Pool, Residual, Step
from ertheory.networks.readers.batch_norm import ChannelMap

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
    axes
        How many axes of positions feature maps have, ``None`` where that is not known.
    """

    def __init__(self, signal: Signal = None, channels: int | None = None, axes: int | None = None) -> None:
        self.steps: list[Step] = []
        self._signal = signal
        self._channels = channels
        self._axes = axes
        self._flattened = False
        # How many neurons a flatten says that it gives.
        self._stated: int | None = None
        # A BatchNorm that waits for the next layer.
        self._pending: ChannelMap | None = None

    def fork(self) -> Chain:
        """Begin a branch or a skip, which reads what this chain gives."""
        return Chain(self._signal, None if self._flattened else self._channels, self._axes)

    def layer(self, named: str, weight: Array, bias: Array | None = None, **options: Any) -> None:
        """Append a fully connected layer or a convolution.

        Parameters
        ----------
        named
            Names the layer in an error.
        weight, bias
            Shapes (outputs, inputs / groups, *kernel) and (outputs,).
        **options
            The geometry of a convolution, as `Affine.from_dense` takes it.

        Raises
        ------
        InvalidInput
            If the layer does not fit to what comes before it, or a number is not finite.
        """
        offset = np.zeros(len(weight)) if bias is None else bias
        wanted: Signal = "maps" if weight.ndim > 2 else "neurons"
        if self._signal not in (None, wanted):
            raise InvalidInput(named, f"{wanted} in front of it, by a Flatten where need be", self._signal)
        self._check_inputs(named, weight, int(options.get("groups", 1)))
        # What overflows is refused by the step.
        with np.errstate(over="ignore", invalid="ignore"):
            if self._pending is not None:
                weight, offset = self._pending.into_layer_behind(
                    named,
                    weight,
                    offset,
                    groups=options.get("groups", 1),
                    flattened=self._flattened,
                    padding=options["padding"] if any(options.get("padding", ())) else None,
                )
        try:
            self.steps.append(Affine.from_dense(weight, offset, **options))
        except InvalidInput as error:
            raise InvalidInput(f"{named}, {error.argument}", error.allowed, error.value) from None
        self._signal, self._channels, self._axes = wanted, len(weight), weight.ndim - 2 or None
        self._flattened, self._pending, self._stated = False, None, None

    def norm(self, named: str, norm: ChannelMap) -> None:
        """Append a BatchNorm."""
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

    def activation(self, named: str, name: str) -> None:
        """Append an activation."""
        if self._pending is not None:
            raise InvalidInput(named, _WAITS, "none")
        self.steps.append(Activation(name))

    def flatten(self, neurons: int | None = None) -> None:
        """Turn feature maps into neurons, as many as `neurons` says where it is given.

        It is left out where the signal is neurons already, or where nothing came before.
        """
        # A global pooling leaves one position, and a network none at all.
        if self._signal == "maps":
            self.steps.append(Flatten())
            self._flattened = True
        self._signal, self._stated = "neurons", neurons

    def average(self, named: str, axes: int, *, keeps: bool) -> None:
        """Append the average over so many axes, which have to be all; `keeps` says whether positions of size 1 stay."""
        if self._axes != axes:
            raise InvalidInput(named, "an average over all positions of the feature maps of a convolution", axes)
        self.pool(named, Pool("average"))
        if not keeps:
            self.flatten()

    def pool(self, named: str, step: Pool) -> None:
        """Append a pooling."""
        if self._signal not in (None, "maps"):
            raise InvalidInput(named, "pooling of feature maps", self._signal)
        if self._pending is not None and not _commute(self._pending, step):
            raise InvalidInput(named, _WAITS, "none")
        self.steps.append(step)
        self._signal = "maps" if step.axes else "points"

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
        self._signal, self._channels, self._axes, self._flattened = (
            branch._signal,
            branch._channels,
            branch._axes,
            False,
        )

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

    def _check_inputs(self, named: str, weight: Array, groups: int) -> None:
        known, inputs = self._channels, weight.shape[1] * groups
        if known is not None and (inputs % known if self._flattened else inputs != known):
            multiple = "a multiple of " if self._flattened else ""
            turned = "; the weight looks transposed" if weight.ndim == 2 and len(weight) == known else ""
            raise InvalidInput(named, f"{multiple}{known} inputs, as many as come before it{turned}", inputs)
        if self._stated not in (None, inputs):
            raise InvalidInput(named, f"{self._stated} inputs, as many as the flatten before it gives", inputs)

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
