"""What may be found in a mask, and what learns in it: copies of target neurons, or factored maps.

Each construction says along which line of widths it is looked for, how masks of these widths are shaped, whether one
of them holds it, and what the networks are that learn there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from itertools import pairwise
from typing import Literal, TypeAlias

from ertheory.bounds import STATEMENTS, width
from ertheory.bounds.necessary.first_layer import AFFINE_ONLY
from ertheory.bounds.result import Width
from ertheory.builders import Plan, plan
from ertheory.builders.factored.pairs import MaskPair
from ertheory.builders.factored.verdict import universal_by
from ertheory.errors import InfeasibleWidth, TheoremNotApplicable
from ertheory.masks import DrawnMask
from ertheory.networks.target import Target
from ertrain.students.widths.line import WidthLine

__all__ = ["CONSTRUCTIONS", "Construction", "ConstructionName", "Shapes", "construction_of", "source_layers"]

ConstructionName = Literal["copies", "factored"]
CONSTRUCTIONS: tuple[ConstructionName, ...] = ("copies", "factored")
Shapes: TypeAlias = tuple[tuple[int, int], ...]

# Those that speak of every source, however it represents the target.
_OF_EVERY_SOURCE = tuple(one.name for one in STATEMENTS if one.kind == "necessary" and one.scope == "source")
_OF_FACTORED = ("factored-paths", "factored-count")
_BEYOND = 100  # the line of factored widths ends where the failure probability is so many times smaller


@dataclass(frozen=True, eq=False, kw_only=True)
class Construction:
    """A construction for one target.

    Parameters
    ----------
    bounds
        Sufficient widths, the best first, and others that are shown beside them.
    necessary
        The largest necessary width of each hidden layer of the source, None where no statement says anything.
    line
        The widths that are looked at.
    proved
        The total from which on the construction is proved.
    shapes_at
        Gives the shapes (outputs, inputs) of all layers of the source at a total of the line.
    missing
        Says for the shapes and the seeds of masks in which of them the construction is not.
    factors
        Layers of the source for each of the target behind which there is a ReLU.
    """

    bounds: tuple[Width, ...]
    necessary: tuple[int | None, ...]
    line: WidthLine
    proved: int
    shapes_at: Callable[[int], Shapes]
    missing: Callable[[Shapes, list[int]], list[bool]]
    factors: int = 1


def source_layers(name: ConstructionName, target: Target) -> int:
    """Count the layers of a source, each of which has a density."""
    return 2 * target.depth if name == "factored" else target.depth + 1


def construction_of(
    name: ConstructionName, teacher: Target, densities: tuple[Fraction, ...], delta: Fraction
) -> Construction:
    """Prepare a construction.

    Parameters
    ----------
    name
        ``copies``: copies of the target's neurons, coded inputs, as method ``sharp`` builds them. ``factored``: two
        masked maps for every one of the target, universal over its weights by matchings.
    teacher
        The target, with weights.
    densities
        They are those of all layers of the source.
    delta
        The failure probability.

    Raises
    ------
    TheoremNotApplicable, InfeasibleWidth
        If there is no construction, or for copies no printed widths.

    Examples
    --------
    >>> from ertrain.students.teacher import draw_teacher
    >>> teacher = draw_teacher(Target.from_text("2-3-1"))
    >>> found = construction_of("factored", teacher, (Fraction(1, 2),) * 4, Fraction(1, 20))
    >>> found.line.widths(found.proved) == found.bounds[0].widths[:-1], found.shapes_at(found.proved)[-1]
    (True, (1, 17))
    """
    return (_factored if name == "factored" else _copies)(teacher, densities, delta)


def _copies(teacher: Target, densities: tuple[Fraction, ...], delta: Fraction) -> Construction:
    started = plan(teacher, method="sharp", density=densities, failure_probability=delta, layer0="coded")
    bounds = _answers(("sharp", "exact", "printed"), teacher, densities, delta)
    necessary = _necessary(_OF_EVERY_SOURCE, teacher, densities, delta, layers=teacher.depth)
    ends = {one.method: tuple(width or 0 for width in one.widths[:-1]) for one in bounds}
    if "printed" not in ends:
        msg = "the line of widths ends at the printed ones, and there are none"
        raise InfeasibleWidth(msg)
    corners = [tuple(low or teacher.widths[layer] if layer else low or 1 for layer, low in enumerate(necessary))]
    for name in ("sharp", "printed"):
        corners.append(tuple(map(max, corners[-1], ends[name])))
    line = WidthLine(tuple(corners))
    return Construction(
        bounds=bounds,
        necessary=necessary,
        line=line,
        proved=started.answer.total or line.highest,
        shapes_at=partial(_copied_shapes, started, line),
        missing=partial(_not_built, started),
    )


def _factored(teacher: Target, densities: tuple[Fraction, ...], delta: Fraction) -> Construction:
    bounds = _answers(("factored",), teacher, densities, delta)
    if not bounds:
        width(teacher, method="factored", density=densities, failure_probability=delta)  # says why
    (wider,) = _answers(("factored",), teacher, densities, delta / _BEYOND)
    necessary = _necessary(_OF_FACTORED, teacher, densities, delta, layers=2 * teacher.depth - 1)
    proved, last = ([each or 1 for each in one.widths[:-1]] for one in (bounds[0], wider))
    # Between the maps stand the neurons of the target: their number is that of every corner.
    first = [min(low or 1, most) for low, most in zip(necessary, proved, strict=True)]
    line = WidthLine((tuple(first), tuple(proved), tuple(map(max, proved, last))))
    return Construction(
        bounds=bounds,
        necessary=necessary,
        line=line,
        proved=sum(proved),
        shapes_at=partial(_factored_shapes, teacher, line),
        missing=partial(_not_matched, densities),
        factors=2,
    )


def _answers(
    methods: Sequence[str], target: Target, densities: tuple[Fraction, ...], delta: Fraction
) -> tuple[Width, ...]:
    """Compute widths; one answer less must not take the others along."""
    found = []
    for method in methods:
        layer0: Literal["coded"] | None = "coded" if method == "sharp" else None
        try:
            found.append(width(target, method=method, density=densities, failure_probability=delta, layer0=layer0))
        except (InfeasibleWidth, TheoremNotApplicable):
            continue
    return tuple(found)


def _necessary(
    methods: Sequence[str], target: Target, densities: tuple[Fraction, ...], delta: Fraction, *, layers: int
) -> tuple[int | None, ...]:
    """Give for every hidden layer the largest width that a statement about all sources asks for."""
    answers = _answers(methods, target, densities, delta)
    widths = [one.widths[:-1] for one in answers if AFFINE_ONLY not in one.reason]
    every = zip(*widths, strict=True) if widths else ((),) * layers
    return tuple(max((low for low in layer if low is not None), default=None) for layer in every)


def _copied_shapes(started: Plan, line: WidthLine, total: int) -> Shapes:
    return started.shapes_at((*line.widths(total), started.network.affine[-1].outputs))


def _factored_shapes(teacher: Target, line: WidthLine, total: int) -> Shapes:
    widths = (teacher.inputs, *line.widths(total), teacher.widths[-1])
    return tuple((outputs, inputs) for inputs, outputs in pairwise(widths))


def _not_built(started: Plan, shapes: Shapes, seeds: list[int]) -> list[bool]:
    needed = [step.outputs for step in started.network.affine]
    if any(rows < least for (rows, _), least in zip(shapes[1:], needed, strict=True)):
        return [True] * len(seeds)  # a neuron of the target at least is left without one of its own
    return [not started.found_in(_masks(shapes, started.answer.densities, seed)) for seed in seeds]


def _not_matched(densities: tuple[Fraction, ...], shapes: Shapes, seeds: list[int]) -> list[bool]:
    def lacks(seed: int) -> bool:
        drawn = [mask.to_csr() for mask in _masks(shapes, densities, seed)]
        pairs = zip(drawn[::2], drawn[1::2], strict=True)
        return any(universal_by(MaskPair(first, second)) is None for first, second in pairs)

    return [lacks(seed) for seed in seeds]


def _masks(shapes: Shapes, densities: Sequence[Fraction], seed: int) -> list[DrawnMask]:
    layers = enumerate(zip(shapes, densities, strict=True))
    return [DrawnMask(shape, density, seed, layer) for layer, (shape, density) in layers]
