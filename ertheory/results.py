"""What every result of this package can be written as, once, on top of what it says of itself."""

from __future__ import annotations

import json
from abc import abstractmethod
from typing import Any

from ertheory.tables import Cell, Table

__all__ = ["Result"]


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

    def _fields(self) -> Table:
        return Table.of(("field", "value"), [(name, _cell(value)) for name, value in self.to_dict().items()])


def _cell(value: object) -> Cell:
    """Keep text; everything else, a list inside a cell too, is as JSON has it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, allow_nan=False)
