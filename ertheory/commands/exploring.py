"""Open the explorer: one page that answers by itself."""

from __future__ import annotations

import tempfile
from os import PathLike
from pathlib import Path

from ertheory.commands.arguments import read_target
from ertheory.errors import InvalidInput
from ertheory.files import check_place, write_text
from ertheory.numbers import Rational, probability, rational_text

__all__ = ["explore"]

_MOST_LAYERS = 11
_WIDEST = 999_999


def explore(
    target: str = "784-128-10",
    *,
    sparsity: Rational = "0.9",
    delta: Rational = "0.001",
    out: str | PathLike[str] | None = None,
    force: bool = False,
) -> Path:
    """Open a page with sliders, curves and a drawing in the browser, as ``ertheory explore`` does.

    Parameters
    ----------
    target
        The widths of a fully connected network that the page starts with: at most 12, each up to 999,999.
    sparsity
        The sparsity of every layer that it starts with, in [0, 1).
    delta
        The failure probability that it starts with, in (0, 1).
    out
        The file that the page is written to, a name that ends in .html. No browser is opened then. If left out, it is a
        passing file, and a browser opens it where there is one.
    force
        Whether a file that exists is written over.

    Returns
    -------
    Path
        The file. Its address answers too: ``page.html?target=4-8-3&sparsity=1/2&delta=0.05``.

    Raises
    ------
    InvalidInput
        If an argument lies outside its domain, or the file cannot be written.

    Notes
    -----
    The page computes `printed`, `exact`, `drop`, `factored`, `theorem-2.3`, `degree`, `factored-paths` and
    `factored-count` by itself, and names the command for what is too long for a page. It needs no network.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     "4-8-3" in explore("4-8-3", sparsity=0.5, out=Path(folder) / "page.html").read_text(encoding="utf-8")
    True
    """
    from ertheory.plots.explorer import explorer_page

    text = str(target)
    widths = read_target(text).widths if "-" in text and not Path(text).exists() else ()
    if not 2 <= len(widths) <= _MOST_LAYERS + 1 or max(widths) > _WIDEST:
        raise InvalidInput("target", f"2 to {_MOST_LAYERS + 1} widths such as 784-128-10, each up to {_WIDEST}", text)
    page = explorer_page(
        target="-".join(map(str, widths)),
        sparsity=rational_text(probability("sparsity", sparsity, zero=True)),
        delta=rational_text(probability("delta", delta)),
    )
    if out is not None:
        check_place(Path(out), force=force, argument="out", suffixes=(".html",))
        write_text(Path(out), page, suffix=".html", force=force, argument="out")
        return Path(out)
    import webbrowser

    place = Path(tempfile.mkdtemp(prefix="ertheory-")) / "explorer.html"
    write_text(place, page, suffix=".html", argument="out")
    webbrowser.open(place.as_uri())
    return place
