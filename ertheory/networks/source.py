"""The source: the Erdős–Rényi network in which the target is looked for.

Source layers are numbered 0..L, one more than the target has: layer 0 supplies copies of the inputs. Every weight of
layer l is kept with probability p_l, independently; biases are never masked.

>>> source = Source.for_target(Target.from_text("4-8-3"), widths=(56, 80, 3), densities=("1", "1/2", "1/2"))
>>> source.edges_expected
Fraction(2584, 1)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from ertheory.errors import InvalidInput
from ertheory.networks.target import Target
from ertheory.numbers import Rational, probability, rational_text, whole_number, whole_numbers

__all__ = ["Source", "read_densities"]


@dataclass(frozen=True)
class Source:
    """An ER network before its mask is drawn: widths and densities of layers 0..L.

    Parameters
    ----------
    inputs
        d, the inputs (input channels) that layer 0 reads.
    widths
        N_0..N_L, neurons or channels.
    densities
        p_0..p_L as exact rationals in (0, 1].
    entries_per_pair
        Weights between two neurons or channels of consecutive layers, per layer 0..L: 1 where fully connected, filter
        taps where convolutional, positions behind a flatten.
    """

    inputs: int
    widths: tuple[int, ...]
    densities: tuple[Fraction, ...]
    entries_per_pair: tuple[int, ...]

    def __post_init__(self) -> None:
        lengths = len(self.widths), len(self.densities), len(self.entries_per_pair)
        if len(set(lengths)) != 1:
            raise InvalidInput("densities", f"one density per source layer ({lengths[0]})", lengths[1])
        object.__setattr__(self, "inputs", whole_number("inputs", self.inputs, least=1))
        for name in ("widths", "entries_per_pair"):
            object.__setattr__(self, name, whole_numbers(name, getattr(self, name), least=1))
        object.__setattr__(self, "densities", tuple(probability("density", p, one=True) for p in self.densities))

    @classmethod
    def for_target(cls, target: Target, *, widths: Sequence[int], densities: Rational | Sequence[Rational]) -> Source:
        """Make a source of the shape that the theorems ask for: one layer more than the target.

        Parameters
        ----------
        target
            Supplies d and the kernels. Layer 0 of a convolutional source is a 1x1 convolution.
        widths
            N_0..N_L with N_L the outputs of the target.
        densities
            One density for all layers, or p_0..p_L.

        Raises
        ------
        InvalidInput
            If the number of widths or densities does not fit the target.
        """
        if len(widths) != target.depth + 1:
            raise InvalidInput("widths", f"{target.depth + 1} source widths N_0..N_{target.depth}", tuple(widths))
        if widths[-1] != target.widths[-1]:
            raise InvalidInput("widths", f"{target.widths[-1]} outputs as last width", widths[-1])
        return cls(
            inputs=target.inputs,
            widths=tuple(widths),
            densities=read_densities(target, density=densities),
            entries_per_pair=(1, *(layer.entries_per_pair for layer in target.layers)),
        )

    def _repr_svg_(self) -> str:
        from ertheory.networks.drawing import network_svg

        notes = [f"p = {rational_text(density)[:12]}" for density in self.densities]
        return network_svg((self.inputs, *self.widths), [None] * len(self.widths), notes)

    @property
    def entries(self) -> tuple[int, ...]:
        """Mask entries per layer 0..L."""
        reads = (self.inputs, *self.widths)
        return tuple(n * m * k for n, m, k in zip(self.widths, reads, self.entries_per_pair, strict=False))

    @property
    def edges_expected(self) -> Fraction:
        """Expected number of weights that the mask keeps, over all layers."""
        return sum((p * entries for p, entries in zip(self.densities, self.entries, strict=True)), Fraction(0))


def read_densities(
    target: Target,
    *,
    density: Rational | Sequence[Rational] | None = None,
    sparsity: Rational | Sequence[Rational] | None = None,
    layers: int | None = None,
) -> tuple[Fraction, ...]:
    """Read p_0..p_L from exactly one of density and sparsity; one number stands for all layers, layer 0 included.

    Parameters
    ----------
    target
        The target, which says how many layers the source has.
    density, sparsity
        One number, or one per source layer.
    layers
        How many layers the source has, where it is not one more than the target has.

    Raises
    ------
    InvalidInput
        If both or none are given, their number does not fit, or one lies outside (0, 1] (sparsity: [0, 1)).

    Examples
    --------
    >>> read_densities(Target.from_text("4-8-3"), sparsity="0,0.9,0.9")
    (Fraction(1, 1), Fraction(1, 10), Fraction(1, 10))
    """
    if (density is None) == (sparsity is None):
        raise InvalidInput("density", "exactly one of density and sparsity", "both" if density is not None else "none")
    if density is not None:
        given = _as_list(density)
        values = [probability("density", value, one=True) for value in given]
    else:
        given = _as_list(sparsity)
        values = [1 - probability("sparsity", value, zero=True) for value in given]
    layers = target.depth + 1 if layers is None else layers
    if len(values) not in (1, layers):
        name = "density" if density is not None else "sparsity"
        allowed = f"one number, or {layers} (source layers 0..{layers - 1} of target {target})"
        raise InvalidInput(name, allowed, len(values))
    return tuple(values * layers if len(values) == 1 else values)


def _as_list(values: Rational | Sequence[Rational] | None) -> list[Rational]:
    if isinstance(values, str):
        return list(values.split(","))
    if isinstance(values, Sequence):
        return list(values)
    return [values]  # type: ignore[list-item]
