"""Steps of a network, collected one after the other while a model of another library is read.

BatchNorm is taken up by a layer beside it where one can, and is a step of its own, with a diagonal matrix, elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias, TypeVar

import numpy as np

from ertheory.errors import InvalidInput
from ertheory.networks.arrays import Array
from ertheory.networks.network import Activation, Affine, Flatten, Pool, Residual, Step
from ertheory.networks.readers.batch_norm import ChannelMap
from ertheory.networks.readers.padding import Pads, added, even, evened

__all__ = ["Chain"]

# Feature maps; feature maps of one position, behind a global pooling; neurons; not known yet.
Signal: TypeAlias = Literal["maps", "points", "neurons"] | None

_Made = TypeVar("_Made")


@dataclass(frozen=True, eq=False)
class _Waiting:
    """A BatchNorm that waits for the next layer, and where it stands: in front of the step of this number."""

    named: str
    norm: ChannelMap
    place: int
    kernel: tuple[int, ...]


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
    names
        Where the names of affine steps are gathered, by the identities of the steps.
    """

    def __init__(
        self,
        signal: Signal = None,
        channels: int | None = None,
        axes: int | None = None,
        names: dict[int, str] | None = None,
    ) -> None:
        self.steps: list[Step] = []
        # What every affine step was read from, by its identity; branches share it.
        self.names: dict[int, str] = {} if names is None else names
        self._signal = signal
        self._channels = channels
        self._axes = axes
        self._flattened = False
        # How many neurons a flatten says that it gives.
        self._stated: int | None = None
        self._waiting: _Waiting | None = None
        # Zeros around feature maps that wait for a convolution or an average, and what put them there.
        self._zeros: tuple[str, Pads] | None = None
        # How many axes of the one position behind a global pooling have been dropped.
        self._dropped = 0

    def fork(self) -> Chain:
        """Begin a branch or a skip, which reads what this chain gives."""
        self._settle()
        self._check_zeros()
        self._check_dropped()
        return Chain(self._signal, None if self._flattened else self._channels, self._axes, self.names)

    def layer(self, named: str, weight: Array, bias: Array | None = None, **options: Any) -> None:
        """Append a fully connected layer or a convolution.

        Parameters
        ----------
        named
            Names the layer in an error.
        weight, bias
            Shapes (outputs, inputs / groups, *kernel) and (outputs,).
        **options
            The geometry of a convolution, as `Affine.from_dense` takes it; the padding may be two numbers for an axis,
            in front and behind. Where these differ, filters get taps of weight 0 that make them equal.

        Raises
        ------
        InvalidInput
            If the layer does not fit to what comes before it, or a number is not finite.
        """
        offset = np.zeros(len(weight)) if bias is None else bias
        self._check_dropped()
        axes, groups = weight.ndim - 2, int(options.get("groups", 1))
        wanted: Signal = "maps" if axes else "neurons"
        if axes and self._signal == "points":
            self._keep_positions(axes)
        if self._signal not in (None, wanted):
            raise InvalidInput(named, f"{wanted} in front of it, by a Flatten where need be", self._signal)
        self._check_axes(named, axes)
        if axes:
            pads, self._zeros = added(options.get("padding") or (0,) * axes, self._zeros and self._zeros[1]), None
            weight, options = evened(weight, pads, options)
        # Beyond the border the padded zeros do not carry the shift, and no bias can take its place there.
        if self._waiting is not None and any(options.get("padding", ())) and self._waiting.norm.shift.any():
            self._settle(axes)
        self._check_inputs(named, weight, groups)
        # What overflows is refused by the step.
        with np.errstate(over="ignore", invalid="ignore"):
            if self._waiting is not None:
                weight, offset = self._waiting.norm.into_layer_behind(
                    named, weight, offset, groups=groups, flattened=self._flattened
                )
        self._append(named, _checked(named, lambda: Affine.from_dense(weight, offset, **options)))
        self._signal, self._channels, self._axes = wanted, len(weight), axes or None
        self._flattened, self._waiting, self._stated = False, None, None

    def norm(self, named: str, norm: ChannelMap, axes: int | None = None) -> None:
        """Append a BatchNorm; `axes` is how many axes of positions it reads, ``None`` where that is not known."""
        if axes and self._signal == "neurons":
            raise InvalidInput(named, f"{axes} axes of positions in front of it", self._signal)
        self._check_axes(named, axes)
        self._check_zeros()
        if axes is not None and self._signal is None:
            self._signal, self._axes = ("maps", axes) if axes else ("neurons", None)
        waiting = self._waiting
        if waiting is not None and not any(isinstance(step, Flatten) for step in self.steps[waiting.place :]):
            # What waits changes places with every pooling in between.
            self._waiting = replace(waiting, norm=norm.after(named, waiting.norm), place=len(self.steps))
            return
        self._settle()
        features, channels = len(norm.scale), self._channels
        if channels is not None and (features % channels if self._flattened else features != channels):
            multiple = "a multiple of " if self._flattened else ""
            raise InvalidInput(named, f"{multiple}{channels} features, as many as come before it", features)
        found = self._taking_up(norm)
        if found is None:
            self._waiting = _Waiting(named, norm, len(self.steps), self._single_tap())
            return
        place, layer = found
        shape = (layer.outputs, layer.inputs // layer.groups, *layer.kernel)
        with np.errstate(over="ignore", invalid="ignore"):
            weight, bias = norm.into_layer_before(named, layer.weight.toarray().reshape(shape), layer.bias)
        options = {part: getattr(layer, part) for part in ("stride", "padding", "dilation", "groups")}
        self.steps[place] = _checked(named, lambda: Affine.from_dense(weight, bias, **options))
        self.names[id(self.steps[place])] = self.names[id(layer)]

    def activation(self, name: str) -> None:
        """Append an activation."""
        self._settle()
        self._check_zeros()
        self.steps.append(Activation(name))

    def flatten(self, neurons: int | None = None) -> None:
        """Turn feature maps into neurons, as many as `neurons` says where it is given.

        It is left out where the signal is neurons already, or where nothing came before.
        """
        self._check_zeros()
        # A global pooling leaves one position, and a network none at all.
        if self._signal == "maps":
            self.steps.append(Flatten())
            self._flattened = True
        self._signal, self._stated, self._dropped = "neurons", neurons, 0

    def squeeze(self, named: str, axes: Sequence[int] | None) -> None:
        """Drop axes of the one position that a global pooling leaves, all of them where `axes` is ``None``."""
        allowed = "a global pooling in front of it, and axes of positions; flatten(1) is read everywhere"
        left = 0 if self._axes is None else self._axes - self._dropped
        if self._signal != "points" or not left or (axes is None and self._channels in (None, 1)):
            raise InvalidInput(named, allowed, "all axes" if axes is None else tuple(axes))
        places = {axis % (left + 2) for axis in axes} if axes is not None else set(range(2, left + 2))
        if not places <= set(range(2, left + 2)) or any(not -left <= axis < left + 2 for axis in axes or ()):
            raise InvalidInput(named, allowed, tuple(axes or ()))
        self._dropped += len(places)
        if self._dropped == self._axes:
            self.flatten()

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
        self._check_axes(named, step.axes)
        self._check_dropped()
        # Zeros in front count in an average; where its own padding does not, there must be none of it.
        if self._zeros is not None and step.kind == "average" and step.size and (step.counted or not any(step.padding)):
            padding = even(added(step.padding, self._zeros[1]))
            if padding is not None:
                step, self._zeros = _checked(named, lambda: replace(step, padding=padding, counted=True)), None
        self._check_zeros()
        if self._waiting is not None and not _commute(self._waiting.norm, step):
            self._settle(step.axes or 0)
        self.steps.append(step)
        self._axes = step.axes or self._axes
        self._signal = "maps" if step.axes else "points"

    def pad(self, named: str, sizes: Pads) -> None:
        """Put zeros in front of and behind each axis of feature maps; what follows has to take them up."""
        if not any(map(any, sizes)):
            return
        self._check_dropped()
        if self._signal not in (None, "maps"):
            raise InvalidInput(named, "feature maps in front of it", self._signal)
        self._check_axes(named, len(sizes))
        if self._waiting is not None and self._waiting.norm.shift.any():
            self._settle(len(sizes))
        self._zeros = named, added(sizes, self._zeros and self._zeros[1])

    def residual(self, label: str, first: Chain, second: Chain) -> None:
        """Append the sum of two chains, both of which began as a `fork` of this one."""
        for chain in (first, second):
            chain._settle()
            chain._check_zeros()
            chain._check_dropped()
        if not first.steps and not second.steps and self._channels is not None and not self._flattened:
            self.norm(label, ChannelMap(np.full(self._channels, 2.0), np.zeros(self._channels)))
            return
        # The one without activations is the skip; of two alike the second.
        turned = (not second._is_projection() and first._is_projection()) or not first.steps
        turned = turned or (not second._is_skip() and first._is_skip())
        branch, skip = (second, first) if turned else (first, second)
        branch._close()
        if None not in (branch._channels, skip._channels) and branch._channels != skip._channels:
            raise InvalidInput(label, f"a skip of {branch._channels} channels, as in its branch", skip._channels)
        if not skip._is_skip():
            allowed = "one of the two values to be the input of the block or layers and activations behind it, a layer "
            allowed += "at the end, or use embed_module"
            both = " and ".join("-".join(type(step).__name__ for step in part.steps) for part in (branch, skip))
            raise InvalidInput(label, allowed, both)
        try:
            self.steps.append(Residual(tuple(branch.steps), tuple(skip.steps)))
        except InvalidInput as error:
            raise InvalidInput(f"{label}.{error.argument}", error.allowed, error.value) from None
        self._signal, self._channels, self._axes = branch._signal, branch._channels, branch._axes
        self._flattened, self._stated = False, None

    def finish(self) -> tuple[Step, ...]:
        """Give the steps.

        Raises
        ------
        InvalidInput
            If the last of them is not a layer or a residual block.
        """
        self._settle()
        self._check_zeros()
        self._check_dropped()
        last = self.steps[-1] if self.steps else None
        if not isinstance(last, Affine | Residual):
            allowed = "a layer as its last module; leave out what follows it"
            raise InvalidInput("model", allowed, "nothing" if last is None else type(last).__name__)
        return tuple(self.steps)

    def _settle(self, axes: int = 0) -> None:
        """Make what waits a step of its own, where it stands: what comes now neither takes it up nor commutes.

        What comes now reads so many axes of positions, 0 where it does not say so.
        """
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            step = _checked(waiting.named, lambda: waiting.norm.as_step(waiting.kernel or (1,) * axes))
            self.steps.insert(waiting.place, step)
            self.names[id(step)] = waiting.named
            self._channels = step.outputs
            self._flattened = any(isinstance(behind, Flatten) for behind in self.steps[waiting.place :])

    def _append(self, named: str, step: Affine) -> None:
        self.steps.append(step)
        self.names[id(step)] = named

    def _is_projection(self) -> bool:
        return all(isinstance(step, Affine) for step in self.steps)

    def _is_skip(self) -> bool:
        kinds = all(isinstance(step, Affine | Activation) for step in self.steps)
        return kinds and (not self.steps or isinstance(self.steps[-1], Affine))

    def _close(self) -> None:
        """End with an affine step, as a branch has to: with the identity where another step is the last, or none."""
        last = self.steps[-1] if self.steps else None
        if not isinstance(last, Affine) and self._channels is not None and not self._flattened:
            same = ChannelMap(np.ones(self._channels), np.zeros(self._channels))
            self._append("the identity that ends a branch", same.as_step(self._single_tap()))

    def _single_tap(self) -> tuple[int, ...]:
        """Give the kernel of a step that acts at every position on its own."""
        return (1,) * (self._axes or 0) if self._signal == "maps" else ()

    def _keep_positions(self, axes: int) -> None:
        """Let the last pooling over everything leave one position, where a convolution follows."""
        for place in range(len(self.steps) - 1, -1, -1):
            step = self.steps[place]
            if isinstance(step, Pool) and step.axes is None:
                self.steps[place], self._signal = Pool(step.kind, outputs=(1,) * axes), "maps"
            if not isinstance(step, Activation | Affine):
                return

    def _check_zeros(self) -> None:
        if self._zeros is not None:
            allowed = "a convolution, or an average over windows, right behind it, which takes its zeros up"
            raise InvalidInput(self._zeros[0], allowed, "another operation")

    def _check_dropped(self) -> None:
        if self._dropped:
            raise InvalidInput("model", "all axes of the one position to be dropped, or none", f"{self._dropped} axes")

    def _check_axes(self, named: str, axes: int | None) -> None:
        if axes and self._axes is not None and axes != self._axes:
            raise InvalidInput(named, f"{self._axes} axes of positions, as many as come before it", axes)
        if axes and self._signal is None:
            # A BatchNorm that was the first did not say how many there are.
            for place, step in enumerate(self.steps):
                if isinstance(step, Affine):
                    self.steps[place] = replace(step, kernel=(1,) * axes)
                    self.names[id(self.steps[place])] = self.names[id(step)]

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


def _checked(named: str, make: Callable[[], _Made]) -> _Made:
    """Make a step, and name the module where the numbers are none that a step may have."""
    try:
        return make()
    except InvalidInput as error:
        raise InvalidInput(f"{named}, {error.argument}", error.allowed, error.value) from None


def _commute(norm: ChannelMap, step: Pool) -> bool:
    if step.kind == "max":
        return bool((norm.scale >= 0).all())
    return not any(step.padding) or not step.counted or not norm.shift.any()
