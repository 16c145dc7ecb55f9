"""Completion of words in bash, zsh and fish: a script made from the commands, which the shell loads once.

    eval "$(ertheory --completion bash)"          in ~/.bashrc
    eval "$(ertheory --completion zsh)"           in ~/.zshrc, below compinit
    ertheory --completion fish | source           in ~/.config/fish/config.fish

The script holds the names itself: no program starts while somebody types.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal, get_args, get_origin, get_type_hints

from ertheory.cli.options import Option, option_name
from ertheory.errors import one_of

__all__ = ["SHELLS", "Words", "completion", "words_of"]


@dataclass(frozen=True)
class Words:
    """What may be typed behind one command.

    Parameters
    ----------
    command
        Its name.
    about
        What it is for, in a line.
    options
        Names of options, each with its help, the values that it takes where they are few, and whether it takes one.
    places
        What may stand there without the name of an option.
    """

    command: str
    about: str
    options: tuple[tuple[str, str, tuple[str, ...], bool], ...]
    places: tuple[str, ...]


def words_of(command: str, about: str, kind: type[Any]) -> Words:
    """Read the options of a command.

    Examples
    --------
    >>> from ertheory.cli.widths import LowerCommand
    >>> found = words_of("lower", "Theorem 2.3.", LowerCommand)
    >>> next(values for name, _, values, _ in found.options if name == "--output")
    ('relu', 'linear')
    """
    hints = get_type_hints(kind, include_extras=True)
    options: list[tuple[str, str, tuple[str, ...], bool]] = []
    places: list[str] = []
    for field in fields(kind):
        shape, option = get_args(hints[field.name])[0], hints[field.name].__metadata__[0]
        values = _values(shape, option)
        if option.positional:
            places += values
        else:
            options.append((option_name(field.name), option.help, values, shape is not bool))
    options.append(("--help", "Show the options, with examples.", (), False))
    return Words(command, about, tuple(options), tuple(places))


def _values(shape: Any, option: Option) -> tuple[str, ...]:
    names = getattr(option.read, "names", ())
    if names:
        return tuple(names)
    kinds = [shape, *get_args(shape)]  # a union, where it may be left out
    literal = next((one for one in kinds if get_origin(one) is Literal), None)
    return () if literal is None else tuple(get_args(literal))


def completion(program: str, shell: str, commands: Sequence[Words]) -> str:
    """Write the script for a shell.

    Parameters
    ----------
    program
        The name of the program.
    shell
        ``bash``, ``zsh`` or ``fish``.
    commands
        What may be typed behind each command.

    Raises
    ------
    InvalidInput
        If it is another shell.
    """
    return SHELLS[one_of("--completion", shell, tuple(SHELLS))](program, commands)


def _bash(program: str, commands: Sequence[Words]) -> str:
    cases = []
    for one in commands:
        taken = [f"            {name}) values={_listed(values)} ;;" for name, _, values, _ in one.options if values]
        free = "|".join(name for name, _, values, takes in one.options if takes and not values)
        cases += [
            f"    {one.command})",
            f"        options={_listed(name for name, *_ in one.options)}",
            f"        places={_listed(one.places)}",
            '        case "$before" in',
            *taken,
            *([f"            {free}) places= options= ;;"] if free else []),
            "        esac",
            "        ;;",
        ]
    function = f"_{program}_words"
    return "\n".join(
        [
            f"{function}() {{",
            "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} options= places= values=",
            '    if [ "$COMP_CWORD" -eq 1 ]; then',
            f"        values={_listed([*(one.command for one in commands), '--help', '--version'])}",
            "    fi",
            '    case "${COMP_WORDS[1]}" in',
            *cases,
            "    esac",
            '    if [ -n "$values" ]; then COMPREPLY=($(compgen -W "$values" -- "$word"))',
            '    elif [ "${word#-}" != "$word" ]; then COMPREPLY=($(compgen -W "$options" -- "$word"))',
            '    else COMPREPLY=($(compgen -W "$places" -- "$word") $(compgen -f -- "$word")); fi',
            "}",
            f"complete -o filenames -F {function} {program}",
        ]
    )


def _zsh(program: str, commands: Sequence[Words]) -> str:
    return "autoload -U +X bashcompinit && bashcompinit\n" + _bash(program, commands)


def _fish(program: str, commands: Sequence[Words]) -> str:
    begin = f"complete -c {program}"
    lines = [f"{begin} -n __fish_use_subcommand -l {name}" for name in ("help", "version")]
    for one in commands:
        lines.append(f"{begin} -f -n __fish_use_subcommand -a {one.command} -d {shlex.quote(one.about)}")
        here = f"{begin} -n '__fish_seen_subcommand_from {one.command}'"
        for name, about, values, takes in one.options:
            given = f" -x -a {_listed(values)}" if values else " -r" if takes else ""
            lines.append(f"{here} -l {name.removeprefix('--')}{given} -d {shlex.quote(about)}")
        if one.places:
            lines.append(f"{here} -f -a {_listed(one.places)}")
    return "\n".join(lines)


def _listed(words: Any) -> str:
    return shlex.quote(" ".join(words))


SHELLS: dict[str, Callable[[str, Sequence[Words]], str]] = {"bash": _bash, "zsh": _zsh, "fish": _fish}
