"""What is asked of arguments in many rooms: what code of others does not take is refused by the argument's name."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Sequence

import torch

from ertheory.errors import ErError, InvalidInput
from ertheory.numbers import whole_number, whole_numbers

__all__ = ["check_inputs", "check_names", "check_sizes", "check_widths", "device_of", "taken"]

_MOST = 10**15  # entries along an axis, as of `ertheory.layerwise.LayerShape`
_MOST_NEURONS = 10**9


@contextlib.contextmanager
def taken(argument: str, allowed: str, value: object) -> Iterator[None]:
    """Say of whatever goes wrong in a block that it is an argument which others' code does not take.

    Parameters
    ----------
    argument, allowed, value
        They are as in `ertheory.errors.InvalidInput`; what went wrong is added to what is allowed.

    Raises
    ------
    InvalidInput
        If something else is raised than an error of these packages, a warning, or a lack of memory.

    Examples
    --------
    >>> with taken("inputs", "a shape that the network takes", (3,)):
    ...     torch.nn.Linear(2, 1)(torch.zeros(1, 3))
    Traceback (most recent call last):
        ...
    ertheory.errors.InvalidInput: inputs: expected a shape that the network takes (mat1 and mat2 ...), got (3,)
    """
    try:
        yield
    except (ErError, Warning, MemoryError, torch.cuda.OutOfMemoryError):
        raise
    except Exception as error:  # whatever a network or a data set of somebody else raises
        raise InvalidInput(argument, f"{allowed} ({error or type(error).__name__})", value) from error


def check_inputs(inputs: Sequence[int]) -> None:
    """Refuse what is no shape of an input, without the batch; a single number has the shape ().

    Examples
    --------
    >>> check_inputs((3, -1))
    Traceback (most recent call last):
        ...
    ertheory.errors.InvalidInput: inputs: expected whole numbers from 1 to 10^15, got -1
    """
    whole_numbers("inputs", inputs, least=1, most=_MOST)


def check_sizes(**sizes: int) -> None:
    """Refuse what is no number of neurons, channels or classes, by the name that the caller has for it.

    Examples
    --------
    >>> check_sizes(channels=3, classes=0)
    Traceback (most recent call last):
        ...
    ertheory.errors.InvalidInput: classes: expected a whole number from 1 to 1000000000, got 0
    """
    for name, size in sizes.items():
        whole_number(name, size, least=1, most=_MOST_NEURONS)


def check_widths(widths: Sequence[int]) -> None:
    """Refuse what are no widths of a network: its inputs, its hidden layers and its outputs.

    Examples
    --------
    >>> check_widths((784,))
    Traceback (most recent call last):
        ...
    ertheory.errors.InvalidInput: widths: expected at least two widths, those of inputs and outputs, got (784,)
    """
    if len(whole_numbers("widths", widths, least=1, most=_MOST_NEURONS)) < 2:
        raise InvalidInput("widths", "at least two widths, those of inputs and outputs", tuple(widths))


def device_of(device: torch.device | str | None) -> torch.device:
    """Give the device that is meant, if it is there.

    Examples
    --------
    >>> device_of("cpu"), device_of(None)
    (device(type='cpu'), device(type='cpu'))
    """
    with taken("device", "a device that is there, such as cpu or cuda:0", device):
        return torch.empty(0, device=device).device


def check_names(argument: str, names: Collection[str], known: Collection[str]) -> None:
    """Refuse names that are none of the known ones, or stand there twice, or no names at all.

    Examples
    --------
    >>> check_names("names", ["fc1", "fc9"], ["fc1", "fc2"])
    Traceback (most recent call last):
        ...
    ertheory.errors.InvalidInput: names: expected names among fc1, fc2, got 'fc9'
    """
    if not names:
        raise InvalidInput(argument, "at least one name", list(names))
    seen = set[str]()
    for name in names:
        if name not in known:
            raise InvalidInput(argument, f"names among {', '.join(known)}", name)
        if name in seen:
            raise InvalidInput(argument, "every name once", name)
        seen.add(name)
