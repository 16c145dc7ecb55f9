"""Tables of results: aligned for people, as Markdown or LaTeX for a text, as CSV with plain numbers for programs."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from importlib import import_module
from typing import Any, Literal, NamedTuple, TypeAlias, get_args

__all__ = ["FORMATS", "Cell", "Shown", "Style", "Table", "latex_text", "pandas_for"]

Style = Literal["table", "markdown", "latex", "csv"]
FORMATS: tuple[Style, ...] = get_args(Style)

_LONGEST_NUMBER = 40  # characters
_PAGE = 65  # characters, about what a line of a printed page holds
_SPECIAL = {
    **dict.fromkeys("&%$#_{}"),
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "±": r"\textpm{}",
    "×": r"\texttimes{}",
    "–": "--",
}


class Shown(NamedTuple):
    """A number, and how it is shown to people.

    Parameters
    ----------
    value
        The number as CSV has it.
    text
        What the other formats show.
    """

    value: int | float | str
    text: str


Cell: TypeAlias = str | int | float | Shown | None


@dataclass(frozen=True)
class Table:
    """Rows under their headers.

    Parameters
    ----------
    headers
        One name per column.
    rows
        One cell per column in every row: text, a number, or ``None`` where there is nothing to say.
    spare
        Headers of columns that a terminal may do without, the first of them first.
    narrow
        A table that says less, for terminals that are too narrow even so.

    Examples
    --------
    >>> table = Table(("layer", "neurons"), (("hidden", 179536), ("output", None)))
    >>> print(table.to_text())
    layer   neurons
    ------  -------
    hidden  179,536
    output  -
    >>> print(table.to_csv())
    layer,neurons
    hidden,179536
    output,
    """

    headers: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    spare: tuple[str, ...] = ()
    narrow: Table | None = None

    @classmethod
    def of(
        cls,
        headers: Sequence[str],
        rows: Sequence[Sequence[Cell]],
        spare: Sequence[str] = (),
        narrow: Table | None = None,
    ) -> Table:
        """Make a table of any sequences.

        Examples
        --------
        >>> Table.of(["n"], [[1], [2]]).rows
        ((1,), (2,))
        """
        return cls(tuple(headers), tuple(map(tuple, rows)), tuple(spare), narrow)

    def render(self, style: Style = "table", columns: int = 120) -> str:
        """Write the table in one of `FORMATS`.

        Parameters
        ----------
        style
            One of ``table``, ``markdown``, ``latex`` and ``csv``.
        columns
            The width of the terminal, which only ``table`` reads.
        """
        if style == "table":
            return self.to_text(columns)
        written: str = {"markdown": self.to_markdown, "latex": self.to_latex, "csv": self.to_csv}[style]()
        return written

    def to_text(self, columns: int = 120) -> str:
        """Align the columns of as much of the table as the terminal has room for.

        Where it is too narrow, spare columns are left out, and that is said; where this is not enough, the table that
        says less takes its place, or else every row becomes a block of lines with nothing left out.

        Parameters
        ----------
        columns
            The width of the terminal.

        Examples
        --------
        >>> print(Table(("layer", "neurons"), (("hidden", 179536),), spare=("layer",)).to_text(columns=12))
        neurons
        -------
        179,536
        Too narrow for: layer.
        """
        for left_out in range(len(self.spare) + 1):
            shown = self._without(self.spare[:left_out])
            rows = shown._texts()
            widths = [max(map(len, column)) for column in zip(shown.headers, *rows, strict=True)]
            if sum(widths) + 2 * (len(widths) - 1) <= columns:
                lines = [shown.headers, ["-" * width for width in widths], *rows]
                aligned = ["  ".join(map(_align, line, widths)).rstrip() for line in lines]
                return "\n".join(aligned + ([f"Too narrow for: {', '.join(self.spare[:left_out])}."] * (left_out > 0)))
        if self.narrow is not None:
            return self.narrow.to_text(columns)
        longest = max(map(len, self.headers))
        blocks = (
            "\n".join(f"{name:<{longest}}  {cell}" for name, cell in zip(self.headers, row, strict=True))
            for row in self._texts()
        )
        return "\n\n".join(blocks)

    def _without(self, headers: Sequence[str]) -> Table:
        kept = [column for column, name in enumerate(self.headers) if name not in headers]
        head, *rows = [[line[column] for column in kept] for line in (self.headers, *self.rows)]
        return Table(tuple(map(str, head)), tuple(map(tuple, rows)))

    def to_markdown(self) -> str:
        """Write a Markdown table."""
        lines = [self.headers, ["---"] * len(self.headers), *self._texts()]
        return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)

    def to_latex(self) -> str:
        r"""Write a LaTeX table; it needs ``\usepackage{booktabs,textcomp}``.

        Examples
        --------
        >>> print(Table(("success >=", "n"), (("50 %", 7),)).to_latex())
        \begin{tabular}{lr}
        \toprule
        success $\ge$ & n \\
        \midrule
        50 \% & 7 \\
        \bottomrule
        \end{tabular}
        """
        head, *body = (" & ".join(map(latex_text, line)) + r" \\" for line in [self.headers, *self._texts()])
        lines = [r"\toprule", head, r"\midrule", *body, r"\bottomrule"]
        return "\n".join([f"\\begin{{tabular}}{{{self._latex_columns()}}}", *lines, r"\end{tabular}"])

    def _latex_columns(self) -> str:
        """Choose where cells stand; the longest column of a table wider than a page is broken into lines."""
        columns = range(len(self.headers))
        longest = [max(len(texts[column]) for texts in [self.headers, *self._texts()]) for column in columns]
        places = ["r" if self._counts(column) else "l" for column in columns]
        widest = longest.index(max(longest))
        if len(columns) == 2 and sum(longest) > _PAGE and places[widest] == "l":
            places[widest] = r"p{0.6\linewidth}"
        return "".join(places)

    def to_csv(self) -> str:
        """Write comma-separated values, numbers without separators of thousands, and nothing where nothing is said."""
        text = io.StringIO()
        plain = [[_plain(cell) for cell in row] for row in self.rows]
        csv.writer(text, lineterminator="\n").writerows([self.headers, *plain])
        return text.getvalue().rstrip("\n")

    def to_html(self) -> str:
        """Write an HTML table, as notebooks show it; numbers stand at the right.

        Examples
        --------
        >>> Table(("n", "success >="), ((1000, "<b>"),)).to_html().count("&lt;b&gt;")
        1
        """
        sides = ["right" if self._counts(column) else "left" for column in range(len(self.headers))]

        def line(tag: str, cells: Sequence[str]) -> str:
            made = (
                f'<{tag} style="text-align:{side}">{escape(cell)}</{tag}>'
                for side, cell in zip(sides, cells, strict=True)
            )
            return f"<tr>{''.join(made)}</tr>"

        body = "\n".join(line("td", row) for row in self._texts())
        return f"<table>\n<thead>{line('th', self.headers)}</thead>\n<tbody>\n{body}\n</tbody>\n</table>"

    def _repr_html_(self) -> str:
        return self.to_html()

    def to_pandas(self) -> Any:
        """Make a frame of plain numbers and text, missing where nothing is said.

        Returns
        -------
        pandas.DataFrame
            One column per header.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        rows = [[cell.value if isinstance(cell, Shown) else cell for cell in row] for row in self.rows]
        return pandas_for("to_pandas").DataFrame(rows, columns=list(self.headers))

    def _texts(self) -> list[list[str]]:
        return [[_shown(cell) for cell in row] for row in self.rows]

    def _counts(self, column: int) -> bool:
        """Whether a column holds numbers alone."""
        cells = [row[column] for row in self.rows if row[column] is not None]
        return bool(cells) and not any(isinstance(cell, str) for cell in cells)


def pandas_for(name: str) -> Any:
    """Load pandas, which is nobody's dependency.

    Parameters
    ----------
    name
        What needs it.

    Raises
    ------
    ImportError
        If it is not installed; the message is one line.
    """
    try:
        return import_module("pandas")
    except ImportError as error:
        msg = f"{name} needs pandas: python -m pip install pandas"
        raise ImportError(msg) from error


def _plain(cell: Cell) -> str:
    if isinstance(cell, Shown):
        return str(cell.value)
    return "" if cell is None else str(cell)


def _shown(cell: Cell) -> str:
    if isinstance(cell, Shown):
        return cell.text
    if cell is None:
        return "-"
    if isinstance(cell, int):
        return _long(cell)
    return f"{cell:.6g}" if isinstance(cell, float) else cell


def _long(number: int) -> str:
    text = f"{number:,}" if number < 10**15 else str(number)
    return text if len(text) <= _LONGEST_NUMBER else f"{text[0]}.{text[1:6]}e{len(text) - 1}"


def _align(cell: str, width: int) -> str:
    number = cell.replace(",", "").replace(".", "").removesuffix(" %").removesuffix("%").removesuffix("x").lstrip("-")
    return cell.rjust(width) if number.isdigit() else cell.ljust(width)


def latex_text(text: str) -> str:
    """Escape what LaTeX reads as commands."""
    words = text.replace(">=", "\0").replace("<=", "\1")
    escaped = "".join(_SPECIAL[letter] or f"\\{letter}" if letter in _SPECIAL else letter for letter in words)
    return escaped.replace("\0", r"$\ge$").replace("\1", r"$\le$")
