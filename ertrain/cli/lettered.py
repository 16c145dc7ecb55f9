"""Settings that are too long for a table: a letter in the row, and below the table what it stands for."""

from __future__ import annotations

from collections.abc import Iterable
from string import ascii_lowercase

from ertheory.cli.output import wrap

__all__ = ["lettered"]

_LONG = 24  # columns


def lettered(texts: Iterable[str]) -> tuple[dict[str, str], str]:
    """Choose what stands in a table for each text: a short one for itself, a long one for a letter.

    Returns
    -------
    shown : dict
        What to show for every text.
    key : str
        A line for each letter, broken at the width of the terminal; empty where there is none.

    Examples
    --------
    >>> shown, key = lettered(["epochs=3", "learning_rate=0.1 optimiser=sgd weight_decay=0.0005"])
    >>> list(shown.values())
    ['epochs=3', 'a']
    >>> print(key)
    a: learning_rate=0.1 optimiser=sgd weight_decay=0.0005
    """
    different = list(dict.fromkeys(texts))
    long = [text for text in different if len(text) > _LONG]
    letters = {text: _letter(number) for number, text in enumerate(long)}
    key = "\n".join(wrap(f"{letter}: {text}") for text, letter in letters.items())
    return {text: letters.get(text, text) for text in different}, key


def _letter(number: int) -> str:
    more, last = divmod(number, len(ascii_lowercase))
    return (_letter(more - 1) if more else "") + ascii_lowercase[last]
