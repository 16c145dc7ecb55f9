"""One page a command, with all its options, from the classes that also make the help."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import MISSING, Field, fields
from fractions import Fraction
from typing import get_type_hints

from ertheory.cli import _COMMANDS as THEORY
from ertheory.cli.options import names_of
from ertheory.cli.program import Commands, command_at

__all__ = ["page_of", "pages", "programs"]


def programs() -> dict[str, Commands]:
    """Give the commands of both programs."""
    from ertrain.cli import _COMMANDS as TRAIN

    return {"ertheory": THEORY, "ertrain": TRAIN}


def pages() -> Iterator[tuple[str, str]]:
    """Yield the pages."""
    index = [
        "# Commands",
        "",
        "Every command has `--help`, with examples; `--version`; and `--debug`, which shows where an error came from.",
        "Both programs also run as `python -m ertheory` and `python -m ertrain`. How targets, files, JSON and messages",
        "are written is the same everywhere: [files and JSON](../files.md).",
        "",
    ]
    for program, commands in programs().items():
        index += [f"## {program}", "", "| command | what it is for |", "| --- | --- |"]
        for name, place, purpose in commands:
            page = f"{program}-{name}"
            index.append(f"| [`{program} {name}`]({page}.md) | {purpose.partition(chr(10))[0]} |")
            yield f"commands/{page}.md", page_of(program, name, place, purpose)
        index.append("")
    listed = [f"{program}-{name}" for program, commands in programs().items() for name, _, _ in commands]
    index += ["```{toctree}", ":hidden:", "", *listed, "```", ""]
    yield "commands/index.md", "\n".join(index)


def page_of(program: str, name: str, place: str, purpose: str) -> str:
    """Describe one command."""
    first, _, rest = purpose.partition("\n")
    examples = [line.strip() for line in rest.splitlines() if line.startswith("  ")]
    lines = [f"# {program} {name}", "", first, ""]
    if examples:
        lines += ["```console", *(f"$ {line}" for line in examples), "```", ""]
    command = command_at(place)
    hints, names = get_type_hints(command, include_extras=True), names_of(command)
    rows = []
    for field in fields(command):
        option = hints[field.name].__metadata__[0]
        shown = names[field.name] + (f" {option.metavar}" if option.metavar and not option.positional else "")
        rows.append(f"| `{shown}` | {_cell(option.help)} | {_default(field)} |")
    if rows:
        lines += ["| option | what it does | default |", "| --- | --- | --- |", *rows, ""]
    return "\n".join(lines)


def _cell(text: str) -> str:
    for sign in "\\|*_<[":
        text = text.replace(sign, f"\\{sign}")
    return text


def _default(field: Field[object]) -> str:
    value = field.default_factory() if field.default_factory is not MISSING else field.default
    if value is MISSING:
        return "(must be given)"
    if value is None or value is False or value == ():
        return "-"
    if isinstance(value, tuple):
        value = ",".join(map(str, value))
    return f"`{float(value) if isinstance(value, Fraction) else value}`"
