"""What all commands have in common: words to a command, exit status, errors in one line."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import sys
import textwrap
import traceback
from collections.abc import Iterator, Sequence
from fractions import Fraction
from importlib import import_module
from typing import Any

from ertheory.cli.descriptions import fitted
from ertheory.cli.options import names_of, option_name
from ertheory.cli.output import OutputClosed, check_output, show
from ertheory.cli.streams import steady_streams
from ertheory.errors import ErError, InvalidInput, one_of

__all__ = ["Commands", "command_at", "run_program"]

_LONGEST_LINE = 400
_NARROWEST = 40
_REPORT = "this is a defect of the program; please report it, with the command, to its developers"

# What comes with an extra alone: the library, and the extra.
_EXTRAS = {
    "dask": ("Dask", "cluster"),
    "distributed": ("Dask", "cluster"),
    "onnx": ("onnx", "onnx"),
    "sklearn": ("scikit-learn", "train"),
    "torch": ("PyTorch", "train"),
    "torchvision": ("torchvision", "train"),
}

# Command, where the class is that holds its options and runs it (loaded if it is chosen), what it is for with examples.
Commands = tuple[tuple[str, str, str], ...]


def run_program(name: str, about: str, commands: Commands, arguments: Sequence[str] | None = None) -> int:
    """Run one command of a program.

    Parameters
    ----------
    name
        Name of the program.
    about
        What the program is for.
    commands
        The commands. Each class, given as ``module:name``, is a dataclass with an `ertheory.cli.options.Option` for
        each field, and a method ``run`` that returns the exit status.
    arguments
        Words of the command line; those of the process if left out.

    Returns
    -------
    int
        Exit status: 0 done, 1 a check failed, 2 bad input, 3 an unexpected error, with one line on standard error.
        With ``--debug`` a traceback stands above that line.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words
    words = [word for word in words if word != "--debug"]
    with steady_streams(lambda text: _say(name, text, debug=False)):
        return _status(name, about, commands, words, debug=debug)


def _status(name: str, about: str, commands: Commands, words: list[str], *, debug: bool) -> int:
    try:
        with _wide_enough():
            return _run(name, about, commands, words)
    except OutputClosed:  # a reader such as `head` has seen enough
        sys.stdout = open(os.devnull, "w")  # noqa: PTH123
        return 0
    except KeyboardInterrupt:
        _say(name, "interrupted", debug=False)
        return 130
    except ErError as error:
        _say(name, str(error), debug=debug)
        return 2
    except ModuleNotFoundError as error:
        if error.name not in _EXTRAS:
            return _unexpected(name, error, debug=debug)
        library, extra = _EXTRAS[error.name]
        _say(name, f"this needs {library}, which is not installed: pip install 'ertheory[{extra}]'", debug=debug)
        return 2
    except OSError as error:
        if error.filename is not None:  # a file or folder that somebody named
            _say(name, f"{error.filename}: {error.strerror or error}", debug=debug)
            return 2
        return _unexpected(name, error, debug=debug)
    except MemoryError as error:
        said = f" ({error})" if str(error) else ""
        _say(name, f"there is not enough memory for what is asked{said}", debug=debug)
        return 2
    except Exception as error:
        return _unexpected(name, error, debug=debug)


@contextlib.contextmanager
def _wide_enough() -> Iterator[None]:
    """Let nobody break lines for a terminal of a few columns: some never end with it, or take all memory."""
    before = os.environ.get("COLUMNS")
    if shutil.get_terminal_size().columns >= _NARROWEST:
        yield
        return
    os.environ["COLUMNS"] = str(_NARROWEST)
    try:
        yield
    finally:
        if before is None:
            del os.environ["COLUMNS"]
        else:
            os.environ["COLUMNS"] = before


def _run(program: str, about: str, commands: Commands, words: Sequence[str]) -> int:
    if "--version" in words:
        from ertheory import __version__

        show(f"{program} {__version__}")
        return 0
    if words and words[0].partition("=")[0] == "--completion":
        from ertheory.cli.completion import completion, words_of

        shell = words[0].partition("=")[2] or "".join(words[1:2])
        show(completion(program, shell, [words_of(name, _first(text), command_at(at)) for name, at, text in commands]))
        return 0
    if words and words[0] in ("--help", "-h"):
        show(_overview(program, about, commands))
        return 0
    if not words:
        raise InvalidInput("COMMAND", f"one of {', '.join(name for name, _, _ in commands)} (see {program} --help)", "")
    chosen = one_of("COMMAND", words[0], [name for name, _, _ in commands])
    _, place, purpose = next(one for one in commands if one[0] == chosen)
    command = command_at(place)

    from ertheory.cli.parsing import HelpShown, parse

    try:
        asked = parse(f"{program} {chosen}", command, fitted(purpose, shutil.get_terminal_size().columns), words[1:])
        check_output()  # before anything is computed
        return int(asked.run())
    except HelpShown as shown:
        show(str(shown))
        return 0
    except InvalidInput as error:
        raise _as_option(error, command, words) from error


def command_at(place: str) -> type[Any]:
    """Load the class of a command.

    Parameters
    ----------
    place
        Its module and its name, joined by a colon.

    Examples
    --------
    >>> command_at("ertheory.cli.widths:LowerCommand").__name__
    'LowerCommand'
    """
    module, _, name = place.partition(":")
    found: type[Any] = getattr(import_module(module), name)
    return found


def _overview(program: str, about: str, commands: Commands) -> str:
    columns = shutil.get_terminal_size().columns
    longest = max(len(name) for name, _, _ in commands) + 4
    lines = [f"usage: {program} COMMAND [OPTIONS]", "", about, "", "commands:"]
    for name, _, purpose in commands:
        indent = f"  {name:<{longest - 2}}"
        lines.append(textwrap.fill(_first(purpose), columns, initial_indent=indent, subsequent_indent=" " * longest))
    options = "Every command has --help, with examples; --version; and --debug, which shows where an error came from."
    shells = f'In bash: eval "$({program} --completion bash)" completes words; likewise in zsh and fish.'
    return "\n".join([*lines, "", textwrap.fill(options, columns), textwrap.fill(shells, columns)])


def _first(purpose: str) -> str:
    return purpose.partition("\n")[0]


def _as_option(error: InvalidInput, command: type[Any], words: Sequence[str]) -> InvalidInput:
    """Name arguments as on the command line, and show a number as it was written there."""
    names = names_of(command)
    allowed = re.sub(r"`(\w+)`", lambda found: names.get(found[1], option_name(found[1])), error.allowed)
    name = names.get(error.argument, error.argument)
    value = error.value
    if isinstance(value, float | Fraction):
        value = _written(name, words, value)
    return InvalidInput(name, allowed, value)


def _written(option: str, words: Sequence[str], value: object) -> object:
    """Find the text of an option among the words, if it is there and holds one number."""
    for word, following in zip(words, [*words[1:], ""], strict=True):
        name, equals, text = word.partition("=")
        if name.replace("_", "-") == option and "," not in (text if equals else following):
            return text if equals else following
    return value


def _unexpected(program: str, error: Exception, *, debug: bool) -> int:
    said = " ".join(str(error).split())
    where = "" if debug else " (--debug shows where it happened)"
    shortened = said if len(said) <= _LONGEST_LINE // 2 else f"{said[: _LONGEST_LINE // 2]}..."
    _say(program, f"unexpected {type(error).__name__}: {shortened}; {_REPORT}{where}", debug=debug)
    return 3


def _say(program: str, message: str, *, debug: bool) -> None:
    if debug:
        traceback.print_exc()
    line = " ".join(f"{program}: {message}".split())
    print(line if len(line) <= _LONGEST_LINE else line[: _LONGEST_LINE - 3] + "...", file=sys.stderr)
