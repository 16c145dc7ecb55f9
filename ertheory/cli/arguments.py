"""The arguments that several commands share, and how they are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from fractions import Fraction
from typing import Annotated, Any

from ertheory.bounds.result import rational_text
from ertheory.cli.options import option
from ertheory.errors import ErError, InfeasibleWidth, InvalidInput
from ertheory.networks.source import read_densities
from ertheory.networks.target import Target
from ertheory.numbers import exact_rational, probability

__all__ = [
    "Confidence",
    "Delta",
    "Density",
    "Format",
    "Layer0Name",
    "ReadingName",
    "Sparsity",
    "TargetText",
    "Text",
    "blamed_on_density",
    "densities_inputs",
    "read_delta",
    "read_integer",
    "read_integers",
    "read_interval",
    "read_option",
    "read_target_text",
    "read_text_densities",
    "refuse_given",
    "renamed",
]

_NEXT_TO_0 = Fraction(1, 10**9)

Text = Annotated[str | None, option(metavar="TEXT")]
TargetText = Annotated[
    str, option(metavar="T", help="The network to represent: 784-128-10, or a .npz or .safetensors file.")
]
Density = Annotated[
    str | None,
    option(metavar="P", help="Fraction of weights kept: one number, or one per source layer, layer 0 first."),
]
Sparsity = Annotated[str | None, option(metavar="S", help="1 - density, in the same form.")]
Delta = Annotated[str | None, option(metavar="D", help="Failure probability, in (0, 1).")]
Confidence = Annotated[str | None, option(metavar="C", help="1 - delta, instead of --delta.")]
Layer0Name = Annotated[
    str | None,
    option(
        metavar="Z",
        help="How layer 0 is read: dense (p_0 = 1), preassigned, or matched (shared out after the mask is seen).",
    ),
]
ReadingName = Annotated[
    str | None,
    option(
        metavar="Z",
        help="How layer 0 is read: dense (p_0 = 1), preassigned, matched (shared out after the mask is seen), or coded "
        "(carries linear combinations; sharp widths only).",
    ),
]
Format = Annotated[str, option(metavar="F", help="table, markdown, latex or csv.")]


def read_target_text(text: str) -> Target:
    """Read --target: widths, or a file if the text names one."""
    from ertheory.networks.readers.targets import load_target

    try:
        return load_target(text)
    except InvalidInput as error:
        name = error.argument if error.argument != "path" else "--target"
        raise InvalidInput("--target" if name == "target" else name, error.allowed, error.value) from None


def read_text_densities(target: Target, density: str | None, sparsity: str | None) -> tuple[Fraction, ...]:
    """Read exactly one of --density and --sparsity."""
    try:
        return read_densities(target, density=density, sparsity=sparsity)
    except InvalidInput as error:
        raise InvalidInput(f"--{error.argument}", error.allowed, error.value) from None


def read_delta(delta: str | None, confidence: str | None) -> Fraction:
    """Read exactly one of --delta and --confidence."""
    if (delta is None) == (confidence is None):
        given = "both" if delta is not None else "none"
        raise InvalidInput("--delta", "exactly one of --delta and --confidence", given)
    return probability("--delta", delta) if delta is not None else 1 - probability("--confidence", confidence)


def read_integers(argument: str, text: str) -> tuple[int, ...]:
    """Read whole numbers of at least 0, separated by commas."""
    numbers = [_integer(part) for part in text.split(",")]
    if None in numbers:
        raise InvalidInput(argument, "whole numbers of at least 0, separated by commas", text)
    return tuple(number for number in numbers if number is not None)


def read_integer(argument: str, text: str, *, least: int = 0) -> int:
    """Read one whole number."""
    number = _integer(text)
    if number is None or number < least:
        raise InvalidInput(argument, f"a whole number of at least {least}", text)
    return number


def _integer(text: str) -> int | None:
    digits = text.strip().replace("_", "")
    return int(digits) if digits.isdecimal() and len(digits) < 400 else None


def read_option(argument: str, text: str, allowed: tuple[Any, ...]) -> Any:
    """Read one of a few names."""
    if text not in allowed:
        raise InvalidInput(argument, f"one of {', '.join(allowed)}", text)
    return text


def blamed_on_density(error: InfeasibleWidth, command: Any, densities: Sequence[Fraction]) -> ErError:
    """Name --density, or --sparsity, where a number can not be written down because a density is next to 0."""
    if min(densities) >= _NEXT_TO_0:
        return error
    if command.density is not None:
        return InvalidInput("--density", f"a number in (0, 1] that is not this close to 0 ({error})", command.density)
    return InvalidInput("--sparsity", f"a number in [0, 1) that is not this close to 1 ({error})", command.sparsity)


def refuse_given(command: Any, names: Sequence[str], allowed: str) -> None:
    """Refuse options that have nothing to act on: all of these are ``None``, or false, where they are left out."""
    for name in names:
        value = getattr(command, name)
        if value not in (None, False):
            raise InvalidInput(_option(name), allowed, value)


def renamed(error: InvalidInput, command: Any, options: dict[str, str]) -> InvalidInput:
    """Name an argument as on the command line, and show a number as it was given there."""
    written = {_option(field.name): getattr(command, field.name) for field in fields(command)}
    known = {field.name: _option(field.name) for field in fields(command)} | options
    name = known.get(error.argument, error.argument)
    number = isinstance(error.value, float | Fraction) and isinstance(written.get(name), str)
    return InvalidInput(name, error.allowed, written[name] if number else error.value)


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def read_interval(argument: str, text: str) -> tuple[float, float]:
    """Read two numbers a,b with a <= b."""
    ends = text.split(",")
    if len(ends) != 2:
        raise InvalidInput(argument, "two numbers a,b", text)
    low, high = (float(exact_rational(argument, end)) for end in ends)
    if low > high:
        raise InvalidInput(argument, "a,b with a <= b", text)
    return low, high


def densities_inputs(target: Target, densities: Sequence[Fraction]) -> dict[str, Any]:
    """Give the resolved target and densities for the JSON document."""
    return {
        "target_widths": list(target.widths),
        "nonzeros": list(target.nonzeros),
        "density": [rational_text(density) for density in densities],
        "sparsity": [rational_text(1 - density) for density in densities],
    }
