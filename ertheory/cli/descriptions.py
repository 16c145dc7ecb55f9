"""Examples in the help of commands, broken into lines that a terminal holds."""

from __future__ import annotations

import re
import textwrap

__all__ = ["fitted"]

_EXAMPLE = "  "  # begins each line with a command to be copied
_JOINED = "\0"  # a blank at which no line ends


def fitted(description: str, width: int) -> str:
    r"""Break the commands in a description in front of their options.

    Parameters
    ----------
    description
        Text, which stays as it is, and lines with commands, which begin with two blanks.
    width
        It is that of the terminal. A single option that is longer stays whole.

    Notes
    -----
    A command that goes on ends its line with a backslash, so that a shell still takes it whole.

    Examples
    --------
    >>> print(fitted("Example:\n  program --target 784-128-10 --delta 0.001", 40))
    Example:
      program --target 784-128-10 \
          --delta 0.001
    """
    return "\n".join(_command(line, width) if line.startswith(_EXAMPLE) else line for line in description.splitlines())


def _command(text: str, width: int) -> str:
    options = re.sub(r" (?!-)", _JOINED, text.strip())  # a value stays with its option
    lines = textwrap.wrap(
        options,
        width - 2,
        initial_indent=_EXAMPLE,
        subsequent_indent=3 * _EXAMPLE,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return " \\\n".join(lines).replace(_JOINED, " ")
