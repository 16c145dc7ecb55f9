"""What all commands have in common: words to a command, exit status, errors in one line."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import tyro

from ertheory.cli.descriptions import fitted
from ertheory.errors import ErError

__all__ = ["Commands", "UsageError", "run_program"]

_LONGEST_LINE = 400

# Command, the class that holds its options and runs it, and what it is for with examples.
Commands = tuple[tuple[str, type[Any], str], ...]


class UsageError(ErError):
    """The words of the command line do not form a command."""

    def __init__(self, message: str, program: str) -> None:
        super().__init__(f"{message} (see {program} --help)")


def run_program(name: str, about: str, commands: Commands, arguments: Sequence[str] | None = None) -> int:
    """Run one command of a program.

    Parameters
    ----------
    name
        Of the program.
    about
        What the program is for.
    commands
        Its commands. Each class has a method ``run`` that returns the exit status.
    arguments
        Words of the command line; those of the process if left out.

    Returns
    -------
    int
        Exit status: 0 done, 1 a check failed, 2 bad input, with one line on standard error.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given == ["--version"]:
        from ertheory import __version__

        print(f"{name} {__version__}")
        return 0
    try:
        return int(_parse(name, about, commands, given).run())
    except ErError as error:
        return _refuse(name, str(error))
    except BrokenPipeError:  # a reader such as `head` has seen enough
        sys.stdout = open(os.devnull, "w")  # noqa: PTH123
        return 0
    except OSError as error:
        return _refuse(name, f"{error.filename or 'file'}: {error.strerror or error}")
    except KeyboardInterrupt:
        _refuse(name, "interrupted")
        return 130


def _parse(program: str, about: str, commands: Commands, arguments: list[str]) -> Any:
    options: Any = None
    width = shutil.get_terminal_size().columns
    for name, command, purpose in commands:
        # Where all commands are listed, examples would hide them.
        shown = fitted(purpose if name in arguments[:1] else purpose.partition("\n\n")[0], width)
        option = Annotated[command, tyro.conf.subcommand(name, description=shown)]  # type: ignore[valid-type]
        options = option if options is None else options | option
    messages = io.StringIO()
    try:
        with contextlib.redirect_stderr(messages):
            return tyro.cli(
                options,
                prog=program,
                description=about,
                args=arguments,
                config=(tyro.conf.FlagCreatePairsOff,),
            )
    except SystemExit as stop:
        if not stop.code:
            raise
        word = arguments[0] if arguments and not arguments[0].startswith("-") else ""
        raise UsageError(_in_one_line(messages.getvalue()), f"{program} {word}".strip()) from None


def _in_one_line(box: str) -> str:
    """Turn tyro's box into one line, without its frame and its pointer to the help."""
    lines = (re.sub(r"[│╭╮╰╯─]+|^[|+]|[|+]$|-{3,}", " ", line).strip() for line in box.splitlines())
    kept: list[str] = []
    for line in filter(None, lines):
        if line.startswith(("For full helptext", "Argument helptext", "Perhaps you meant")):
            break
        kept.append(" ".join(line.split()))
    # The first line is the title of the box; the next one often says the same again.
    return " ".join(kept[1:] or kept)


def _refuse(program: str, message: str) -> int:
    line = " ".join(f"{program}: {message}".split())
    print(line if len(line) <= _LONGEST_LINE else line[: _LONGEST_LINE - 3] + "...", file=sys.stderr)
    return 2
