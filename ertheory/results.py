"""What every result of this package can be written as, once, on top of what it says of itself."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

from ertheory.tables import Cell, Style, Table, pandas_for

__all__ = ["Explained", "Result", "Step", "explained"]

Step = str | tuple[str, Mapping[str, object]]  # a line as it stands, or a formula of `ertheory.symbolic` and its values


class Result:
    """A result that names its values in `to_dict`, and is written as JSON or as a table of fields."""

    __slots__ = ()

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """Collect everything in types that JSON knows."""
        raise NotImplementedError

    def to_json(self) -> str:
        """Write one JSON document."""
        return json.dumps(self.to_dict(), allow_nan=False)

    def to_markdown(self) -> str:
        """Write a Markdown table with one row per field."""
        return self._fields().to_markdown()

    def to_latex(self) -> str:
        """Write a LaTeX table with the rules of booktabs and one row per field."""
        return self._fields().to_latex()

    def to_csv(self) -> str:
        """Write comma-separated values with plain numbers and one row per field."""
        return self._fields().to_csv()

    def to_pandas(self) -> Any:
        """Make a series of the fields, by their names.

        Returns
        -------
        pandas.Series
            Named after the kind of result.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        return pandas_for("to_pandas").Series(self.to_dict(), name=type(self).__name__, dtype=object)

    def _repr_html_(self) -> str:
        return self._fields().to_html()

    def rendered(self, style: Style) -> str:
        """Write a table with one row per field in one of the styles of `ertheory.tables`."""
        return self._fields().render(style)

    def _fields(self) -> Table:
        return Table.of(("field", "value"), [(name, _cell(value)) for name, value in self.to_dict().items()])


class Explained(Result):
    """The answer to a question, which also says what it was computed from."""

    __slots__ = ()

    @property
    @abstractmethod
    def heading(self) -> str:
        """What is explained, in a few words."""
        raise NotImplementedError

    @abstractmethod
    def steps(self) -> tuple[Step, ...]:
        """Give the formulas and the numbers that go into them, one after another."""
        raise NotImplementedError

    def explain(self) -> str:
        """Show the formulas behind the answer, and the same with the numbers put in."""
        return explained(self.heading, self.steps())


def explained(heading: str, steps: tuple[Step, ...]) -> str:
    """Put the numbers into formulas, and everything below a heading.

    Examples
    --------
    >>> print(explained("one path", ("P = 1 - (1 - p)^n", "P = 1 - (1 - 0.5)^2 = 0.75")))
    one path
      P = 1 - (1 - p)^n
      P = 1 - (1 - 0.5)^2 = 0.75
    """
    lines = [line for step in steps for line in ((step,) if isinstance(step, str) else _with_numbers(*step))]
    return "\n".join([heading, *(f"  {line}" for line in lines)])


def _with_numbers(name: str, values: Mapping[str, object]) -> tuple[str, ...]:
    from ertheory.symbolic import explain  # sympy is slow to load

    return tuple(explain(name, **values))


def _cell(value: object) -> Cell:
    """Keep text; everything else, a list inside a cell too, is as JSON has it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, allow_nan=False)
