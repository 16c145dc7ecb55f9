"""What operators of ONNX compute of constants and of shapes alone, as PyTorch leaves it in front of a reshape.

The number of points is not known, so arithmetic with shapes is done twice, with two numbers of points: what comes out
the same does not depend on it, and what comes out as these numbers is the number of points.

>>> import numpy as np
>>> sizes = Sizes.of_shape((None, 3, 4))
>>> sizes.known()
(None, 3, 4)
>>> sizes.is_points(0), sizes.is_points(1)
(True, False)
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ertheory.errors import InvalidInput

__all__ = ["FOLDED", "Sizes", "computed"]

Numbers: TypeAlias = npt.NDArray[Any]

_POINTS = (1_000_003, 1_000_033)
_FREE = (2_000_003, 2_000_029)  # of another axis that is not fixed

_LONGEST = 4096  # what a shape may be made of

# Operators that are computed where they read nothing else.
FOLDED = frozenset(
    ("Add", "Cast", "Concat", "ConstantOfShape", "Div", "Gather", "Identity", "Mul", "Neg", "Reciprocal", "ReduceProd",
     "Reshape", "Slice", "Sqrt", "Squeeze", "Sub", "Transpose", "Unsqueeze")
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Sizes:
    """Whole numbers that may depend on the number of points.

    Parameters
    ----------
    runs
        The numbers for either number of points.
    """

    runs: tuple[Numbers, Numbers]

    @classmethod
    def of_shape(cls, shape: tuple[int | None, ...]) -> Sizes:
        """Give the sizes of a value, whose first axis is that of the points and other axes may not be fixed."""
        first, second = (
            np.array(
                [_POINTS[run], *(_FREE[run] if size is None else size for size in shape[1:])][: len(shape)],
                dtype=np.int64,
            )
            for run in (0, 1)
        )
        return cls((first, second))

    def known(self) -> tuple[int | None, ...]:
        """Give the numbers, ``None`` for those that are not fixed."""
        pairs = zip(*(run.ravel().tolist() for run in self.runs), strict=True)
        return tuple(int(one) if one == other else None for one, other in pairs)

    def is_points(self, place: int) -> bool:
        """Say whether a number is that of the points."""
        return tuple(int(run.ravel()[place]) for run in self.runs) == _POINTS


def computed(named: str, operator: Any, values: Mapping[str, Any], version: int) -> Numbers | Sizes:
    """Compute an operator that reads constants and sizes, by the reference implementation of the format.

    Parameters
    ----------
    named
        Names the operator in an error.
    operator
        Its ``onnx.NodeProto``, of a type in `FOLDED`.
    values
        Arrays and `Sizes` by name.
    version
        It is that of the operators.

    Raises
    ------
    InvalidInput
        If it cannot be computed.
    """
    from onnx.reference import ReferenceEvaluator

    reads = {name: values[name] for name in operator.input if name}
    if operator.op_type == "ConstantOfShape":  # the only one that makes much of little
        (shape,) = reads.values()
        sizes = shape.runs[0] if isinstance(shape, Sizes) else np.asarray(shape)
        length = math.prod(sizes.ravel().tolist())
        if not 0 <= length <= _LONGEST:
            raise InvalidInput(named, f"at most {_LONGEST} numbers", length)
    evaluator = ReferenceEvaluator(operator, opsets={"": version})

    def run(place: int) -> Numbers:
        feeds = {name: value.runs[place] if isinstance(value, Sizes) else value for name, value in reads.items()}
        results: Any = evaluator.run(None, feeds)
        return np.asarray(results[0])

    try:
        first = run(0)
        return Sizes((first, run(1))) if any(isinstance(value, Sizes) for value in reads.values()) else first
    except Exception as error:  # whatever the reference implementation says of bad constants
        raise InvalidInput(named, "constants that it can be computed of", f"{type(error).__name__}: {error}") from error
