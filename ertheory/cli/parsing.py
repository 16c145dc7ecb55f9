"""From the words of the command line to a command, or to one line that says what is wrong with them."""

from __future__ import annotations

import contextlib
import io
import re
import shutil
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import MISSING, field, fields, make_dataclass
from difflib import get_close_matches
from fractions import Fraction
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import tyro
from tyro.constructors import PrimitiveConstructorSpec

from ertheory.bounds.result import rational_text
from ertheory.cli.options import Option, names_of
from ertheory.cli.reading import whole
from ertheory.errors import ErError, InvalidInput, one_of
from ertheory.numbers import exact_rational

__all__ = ["HelpShown", "UsageError", "parse"]

Command = TypeVar("Command")
Read = Callable[[str, str], Any]

_COMMON = ("--help", "--version", "--debug", "-h")
# What stands for an option that was left out, or a switch that is off; its help says in words what follows from that.
_UNSAID = ("None", "False", "")
_JOINED = "\0"  # a blank at which no line ends


class UsageError(ErError):
    """The words of the command line do not form a command."""


class HelpShown(Exception):
    """The words of the command line ask for help, which this holds."""


class _Refused(Exception):
    """Carries what is wrong with a value past the parser, which would put a `ValueError` into a box."""

    def __init__(self, error: InvalidInput) -> None:
        self.error = error


def parse(program: str, command: type[Command], description: str, words: Sequence[str]) -> Command:
    """Read the options of a command.

    Parameters
    ----------
    program
        The program and the command, as they stand in front of the options.
    command
        A dataclass whose fields are annotated with an `Option`.
    description
        What the help says above the options.
    words
        The words behind the command.

    Raises
    ------
    InvalidInput
        If a value is not what its option takes.
    UsageError
        If an option is missing, unknown, or has no value.
    HelpShown
        If help is asked for.
    """
    _refuse_unknown(program, command, words)
    out, err = io.StringIO(), io.StringIO()
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            found = tyro.cli(
                _typed(command),
                prog=program,
                description=description,
                args=list(words),
                config=(tyro.conf.FlagCreatePairsOff,),
            )
    except _Refused as refused:
        raise refused.error from None
    except SystemExit as stop:
        if not stop.code:
            raise HelpShown(_with_short_usage(out.getvalue().rstrip("\n"))) from None
        raise UsageError(f"{_in_one_line(err.getvalue())} (see {program} --help)") from None
    return found


def _with_short_usage(text: str) -> str:
    """Break the first line of a help, which the parser leaves as long as it gets."""
    usage, _, rest = text.partition("\n")
    whole = re.sub(r"\[[^]]*\]", lambda option: option[0].replace(" ", _JOINED), usage)
    columns = shutil.get_terminal_size().columns
    lines = textwrap.wrap(whole, columns, subsequent_indent=" " * 8, break_long_words=False, break_on_hyphens=False)
    return "\n".join([*lines, rest]).replace(_JOINED, " ")


def _refuse_unknown(program: str, command: type[Any], words: Sequence[str]) -> None:
    known = [name for name in names_of(command).values() if name.startswith("--")]
    for word in words:
        name = word.partition("=")[0]
        if name.startswith("--") and len(name) > 2 and name.replace("_", "-") not in (*known, *_COMMON):
            near = get_close_matches(name, known, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise UsageError(f"there is no option {name[:80]}{hint} (see {program} --help)")


def _typed(command: type[Command]) -> type[Command]:
    """Make the command once more, annotated for the parser."""
    hints, names = get_type_hints(command, include_extras=True), names_of(command)
    made = []
    for one in fields(command):  # type: ignore[arg-type]
        kind: Any = hints[one.name].__origin__
        option: Option = hints[one.name].__metadata__[0]
        shown = tyro.conf.arg(metavar=option.metavar, help=option.help, help_behavior_hint=_hint)
        read = option.read or _reader(kind)
        # A checker of types, which the parser would load to look at the defaults, takes a tenth of a second: what is
        # read here has any type for it, and it knows by itself only alternatives in their old form.
        hint: Any = Annotated[_old_form(kind) if read is None else object, shown]
        if option.positional:
            marker: Any = tyro.conf.Positional
            hint = marker[hint]
        if read is not None:
            hint = Annotated[hint, _constructor(names[one.name], option, read)]
        default = field() if one.default is MISSING else field(default=one.default)
        made.append((one.name, hint, default))
    return make_dataclass(command.__name__, made, bases=(command,), frozen=True)


def _old_form(kind: Any) -> Any:
    return Union[get_args(kind)] if get_origin(kind) is UnionType else kind  # noqa: UP007


def _constructor(name: str, option: Option, read: Read) -> PrimitiveConstructorSpec[Any]:
    def instance(words: list[str]) -> Any:
        try:
            return read(name, words[0])
        except InvalidInput as error:
            raise _Refused(error) from None

    return PrimitiveConstructorSpec(
        nargs=1,
        metavar=option.metavar or "VALUE",
        instance_from_str=instance,
        is_instance=lambda value: True,  # noqa: ARG005
        str_from_instance=lambda value: [_text(value)],
    )


def _reader(kind: Any) -> Read | None:
    """Find out how text becomes what a field holds; ``None`` where the parser knows."""
    if get_origin(kind) in (Union, UnionType):
        (kind,) = (part for part in get_args(kind) if part is not NoneType)
    if get_origin(kind) is Literal:
        names = get_args(kind)
        return lambda argument, text: one_of(argument, text, names)
    readers: dict[Any, Read] = {int: whole(), Fraction: exact_rational}
    return readers.get(kind)


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return ",".join(map(_text, value))
    return rational_text(value) if isinstance(value, Fraction) else str(value)


def _hint(default: str) -> str:
    if default in _UNSAID:
        return ""
    return "(required)" if default == str(tyro.MISSING) else f"(default: {default})"


def _in_one_line(box: str) -> str:
    """Turn the parser's box into one line, without its frame and its pointer to the help."""
    lines = (re.sub(r"[│╭╮╰╯─]+|^[|+]|[|+]$|-{3,}", " ", line).strip() for line in box.splitlines())
    kept: list[str] = []
    for line in filter(None, lines):
        if line.startswith(("For full helptext", "Argument helptext", "Perhaps you meant")):
            break
        kept.append(" ".join(line.split()))
    # The first line is the title of the box; the next one often says the same again.
    return " ".join(kept[1:] or kept)
