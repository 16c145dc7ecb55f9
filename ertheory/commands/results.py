"""Several answers to one question, in one immutable value."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, overload

from ertheory.errors import one_of
from ertheory.tables import Table

if TYPE_CHECKING:
    from ertheory.plots.picture import Picture

__all__ = ["Results"]


class _Answer(Protocol):
    @property
    def method(self) -> str: ...

    def to_dict(self) -> dict[str, Any]: ...

    def explain(self) -> str: ...


Answer_ = TypeVar("Answer_", bound=_Answer)


@dataclass(frozen=True)
class Results(Sequence[Answer_], Generic[Answer_]):
    """The answers of several statements, in the order in which they are shown.

    Parameters
    ----------
    answers
        One answer per row.
    table
        Lays the answers out.

    Examples
    --------
    >>> from ertheory import width
    >>> found = width("784-128-10", sparsity=0.9, delta=0.001)
    >>> [answer.method for answer in found if answer.applies]
    ['exact', 'drop', 'sharp', 'factored', 'theorem-2.3', 'degree', 'coupled', 'factored-paths', 'factored-count']
    >>> found["sharp"].widths
    (8551, 1850, 10)
    """

    answers: tuple[Answer_, ...]
    table: Callable[[Sequence[Answer_]], Table]

    @overload
    def __getitem__(self, key: int | str) -> Answer_: ...

    @overload
    def __getitem__(self, key: slice) -> Results[Answer_]: ...

    def __getitem__(self, key: int | str | slice) -> Answer_ | Results[Answer_]:
        """Give the answer at a place, or the first one of a method, or a part of the answers.

        Raises
        ------
        InvalidInput
            If no answer is of this method.
        """
        if isinstance(key, slice):
            return Results(self.answers[key], self.table)
        if isinstance(key, str):
            one_of("method", key, self.methods)
            return next(answer for answer in self.answers if answer.method == key)
        return self.answers[key]

    def __len__(self) -> int:
        return len(self.answers)

    def __iter__(self) -> Iterator[Answer_]:
        return iter(self.answers)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(self.methods)})"

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods that answered, each once."""
        return tuple(dict.fromkeys(answer.method for answer in self.answers))

    def to_dict(self) -> dict[str, Any]:
        """Collect everything in types that JSON knows, as ``--json`` prints it."""
        return {"results": [answer.to_dict() for answer in self.answers]}

    def to_json(self) -> str:
        """Write one JSON document."""
        return json.dumps(self.to_dict(), allow_nan=False)

    def to_table(self) -> Table:
        """Lay the answers out, one row each."""
        return self.table(self.answers)

    def to_markdown(self) -> str:
        """Write a Markdown table."""
        return self.to_table().to_markdown()

    def to_latex(self) -> str:
        """Write a LaTeX table with the rules of booktabs."""
        return self.to_table().to_latex()

    def to_csv(self) -> str:
        """Write comma-separated values with plain numbers."""
        return self.to_table().to_csv()

    def to_pandas(self) -> Any:
        """Make a frame with a row for each answer.

        Returns
        -------
        pandas.DataFrame
            One row per answer, one column per header of the table.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        return self.to_table().to_pandas()

    def _repr_html_(self) -> str:
        return self.to_table().to_html()

    def plot(self) -> Picture:
        """Draw answers of `width`: points for neurons and edges at one sparsity, curves over several.

        Returns
        -------
        Picture
            A notebook shows it; its `save` writes files.

        Raises
        ------
        TypeError
            If these are answers to another question.
        """
        from ertheory.bounds.result import Width
        from ertheory.plots.answers import picture_of_widths

        widths = [answer for answer in self.answers if isinstance(answer, Width)]
        if len(widths) < len(self.answers):
            msg = "only answers about widths have a picture; to_table() and to_pandas() lay out the others"
            raise TypeError(msg)
        return picture_of_widths(widths)

    def explain(self) -> str:
        """Show the formulas behind every answer, and the same with the numbers put in."""
        return "\n\n".join(answer.explain() for answer in self.answers)
