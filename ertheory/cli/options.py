"""Options of commands: what they take, how that is shown in the help, and how it is read.

A command is a dataclass whose fields are annotated with an `Option`. The type says what it takes: a switch, a whole
number, an exact rational, one of a few names. Here nothing is parsed yet, so nothing of the parser is loaded.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

__all__ = ["Option", "names_of", "option_name"]


@dataclass(frozen=True)
class Option:
    """What the help says of an option, and how its text is read.

    Parameters
    ----------
    help
        A sentence.
    metavar
        What stands for the value in the help.
    read
        Reads the text, given the name for the error message. If left out, the type of the field decides: a whole
        number of at least 0, any rational, or one of the names of a ``Literal``.
    positional
        Whether the value is given without the name of the option; the help then shows the metavar.

    Examples
    --------
    >>> from typing import Annotated
    >>> Seed = Annotated[int, Option("The masks are drawn by this seed.", "N")]
    """

    help: str
    metavar: str | None = None
    read: Callable[[str, str], Any] | None = None
    positional: bool = False


def option_name(field: str) -> str:
    """Name a field as on the command line.

    Examples
    --------
    >>> option_name("max_weight")
    '--max-weight'
    """
    return f"--{field.replace('_', '-')}"


def names_of(command: type[Any]) -> dict[str, str]:
    """Name the fields of a command as on the command line; a positional one by what stands for it in the help.

    Examples
    --------
    >>> from ertheory.cli.widths import LowerCommand
    >>> names_of(LowerCommand)["output"]
    '--output'
    """
    from typing import get_type_hints

    hints = get_type_hints(command, include_extras=True)
    names = {}
    for field in fields(command):
        option: Option = hints[field.name].__metadata__[0]
        names[field.name] = option.metavar or field.name if option.positional else option_name(field.name)
    return names
