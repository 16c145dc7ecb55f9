"""The statements about widths, in the order in which they are shown: the paper's first, necessary ones last.

A new statement is one line here, and one module that holds its value.
"""

from __future__ import annotations

from ertheory.bounds.blocks.joint import JOINT
from ertheory.bounds.blocks.minimal import EXACT
from ertheory.bounds.blocks.printed import PRINTED
from ertheory.bounds.drop.widths import DROP
from ertheory.bounds.factored.necessary_statements import FACTORED_COUNT, FACTORED_PATHS
from ertheory.bounds.factored.statement import FACTORED
from ertheory.bounds.necessary.coupled import COUPLED
from ertheory.bounds.necessary.coverage import COVERAGE
from ertheory.bounds.necessary.degree import DEGREE
from ertheory.bounds.necessary.first_moment import FIRST_MOMENT
from ertheory.bounds.necessary.least_total import LEAST_TOTAL
from ertheory.bounds.necessary.parameter_count import PARAMETER_COUNT
from ertheory.bounds.necessary.path_count import PATH_COUNT
from ertheory.bounds.necessary.size_lp import SIZE_LP
from ertheory.bounds.sharp.widths import MATCHING, SEQUENTIAL, SHARP
from ertheory.bounds.statement import Statement
from ertheory.errors import InvalidInput

__all__ = ["BUILT", "CERTIFIED", "INVERTED", "METHODS", "NECESSARY", "READINGS", "STATEMENTS", "find"]

STATEMENTS: tuple[Statement, ...] = (
    PRINTED,
    EXACT,
    JOINT,
    DROP,
    SEQUENTIAL,
    MATCHING,
    SHARP,
    FACTORED,
    COVERAGE,
    DEGREE,
    SIZE_LP,
    PARAMETER_COUNT,
    PATH_COUNT,
    COUPLED,
    LEAST_TOTAL,
    FIRST_MOMENT,
    FACTORED_PATHS,
    FACTORED_COUNT,
)

METHODS = tuple(statement.name for statement in STATEMENTS)
NECESSARY = tuple(statement.name for statement in STATEMENTS if statement.kind == "necessary")
INVERTED = tuple(statement.name for statement in STATEMENTS if statement.inverse is not None)
READINGS = tuple(dict.fromkeys(layer0 for statement in STATEMENTS for layer0 in statement.readings))
BUILT = tuple(statement.name for statement in STATEMENTS if statement.constructions)
CERTIFIED = tuple(statement.name for statement in STATEMENTS if statement.certificate is not None)


def find(name: str, names: tuple[str, ...] = METHODS) -> Statement:
    """Give a statement by its name.

    Parameters
    ----------
    name
        The short name, as on the command line.
    names
        The names that are allowed here.

    Raises
    ------
    InvalidInput
        If it is none of them; the names that are allowed stand in the message.

    Examples
    --------
    >>> find("size-lp").source
    'size bound (ours)'
    """
    if name not in names:
        raise InvalidInput("method", f"one of {', '.join(names)}", name)
    return next(statement for statement in STATEMENTS if statement.name == name)
