"""Arguments of the right type with which nothing can be done, once something has gone wrong with them inside.

Networks that are inside themselves or do not know their shapes yet, tensors that are not in memory, rows of unequal
lengths, numbers that no machine computes with, sizes beyond all memory: who asks all functions about all of these
beforehand asks a lot. So they are looked for when an error is theirs, as types are by `ertheory._typed`. PyTorch is
known by the names of its things, since it need not be there.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from itertools import islice
from typing import Any

from ertheory.errors import InvalidInput

__all__ = ["unusable"]

_LARGE = 2**63
_SIZES = 10**6  # below it a size explains no lack of memory
_MOST = 1000  # elements that are looked at
_TOO_LARGE = re.compile(r"too (large|big) to|Overflow when unpacking|digits\) for integer|cannot convert float")
_NO_NUMBERS = re.compile(r"inhomogeneous|setting an array element|convert string to float|float\(\) argument must be")
_ELSEWHERE = re.compile(r"\bmeta\b|[Ss]parse|[Cc]omplex")
_NO_MEMORY = re.compile(
    r"can't allocate memory|size calculation overflowed|allowed (dimension|size) exceeded|is too big"
)
_TRIED = re.compile(r"[Uu]nable to allocate (?P<said>\S+ \w+)|tried to allocate (?P<bytes>\d+) bytes")


def unusable(error: Exception, arguments: Mapping[str, Any]) -> InvalidInput | None:
    """Name the argument that an error comes from, if it is clear.

    Parameters
    ----------
    error
        What was raised inside.
    arguments
        Their values by their names.

    Examples
    --------
    >>> unusable(OverflowError("int too large to convert to float"), {"count": 3, "rate": 10**400})
    InvalidInput('rate: expected finite numbers below 2^63, got 100000...')
    >>> unusable(MemoryError("Unable to allocate 7.28 TiB for an array"), {"shape": (10**6, 10**6), "seed": 10**30})
    InvalidInput('shape: expected sizes that fit into memory, not 7.28 TiB, got (1000000, 1000000)')
    """
    if isinstance(error, RecursionError):
        allowed = "a network whose parts are not inside themselves, nor inside hundreds of others"
        return _first(arguments, lambda one: hasattr(type(one), "named_modules"), allowed, kinds=True)
    text = str(error)
    if "ninitialized parameter" in text:
        return _first(arguments, _is_lazy, "a network that knows its shapes (run it once)", kinds=True)
    if _NO_MEMORY.search(text) or isinstance(error, MemoryError):
        return _largest(arguments, text)
    if isinstance(error, TypeError | ValueError) and _NO_NUMBERS.search(text):
        return _first(arguments, _is_no_array, "a rectangular array of numbers")
    if isinstance(error, OverflowError) or (isinstance(error, ValueError) and _TOO_LARGE.search(text)):
        return _first(arguments, _is_large, "finite numbers below 2^63")
    if isinstance(error, RuntimeError | TypeError | ValueError) and _ELSEWHERE.search(text):
        return _first(arguments, _is_elsewhere, "dense tensors of real numbers in memory", kinds=True)
    return None


def _first(arguments: Mapping[str, Any], wrong: Any, allowed: str, *, kinds: bool = False) -> InvalidInput | None:
    for name, value in arguments.items():
        for one in (value, *_inside(value)):
            if wrong(one):
                return InvalidInput(name, allowed, _described(one) if kinds else one)
    return None


def _described(one: Any) -> str:
    if not hasattr(one, "is_meta"):
        return type(one).__name__
    return f"{one.dtype}, {one.layout}, on {one.device}".replace("torch.", "")


def _inside(value: Any) -> Iterator[Any]:
    """Give the elements of rows and tables, and of those in them."""
    if isinstance(value, str | bytes) or hasattr(type(value), "named_modules") or hasattr(value, "dtype"):
        return
    parts = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
    for part in islice(parts, _MOST):
        yield part
        yield from _inside(part)


def _is_large(one: Any) -> bool:
    if isinstance(one, float):
        return not math.isfinite(one)
    return isinstance(one, int | Fraction) and not -_LARGE < one < _LARGE


def _is_no_array(one: Any) -> bool:
    if not isinstance(one, list | tuple) and getattr(getattr(one, "dtype", None), "kind", "") not in ("O", "U"):
        return False
    import numpy as np  # `import ertrain` does without, and here something has failed already

    try:
        np.asarray(one, dtype=np.float64)
    except (OverflowError, TypeError, ValueError):
        return True
    return False


def _is_lazy(one: Any) -> bool:
    if not hasattr(type(one), "named_modules"):
        return False
    kept = (*one.parameters(), *one.buffers())
    return any(type(part).__name__.startswith("Uninitialized") for part in kept)


def _is_elsewhere(one: Any) -> bool:
    if hasattr(type(one), "named_modules"):
        return any(part.is_meta for part in one.parameters())
    if not hasattr(one, "is_meta"):
        return False
    return bool(one.is_meta or one.is_complex()) or str(one.layout) != "torch.strided"


def _largest(arguments: Mapping[str, Any], text: str) -> InvalidInput | None:
    sizes = {name: _extent(value) for name, value in arguments.items() if "seed" not in name}
    name = max(sizes, key=lambda one: sizes[one], default="")
    if sizes.get(name, 0) < _SIZES:
        return None
    found = _TRIED.search(text)
    if found is None:
        return InvalidInput(name, "sizes that fit into memory", arguments[name])
    needed = found["said"] or f"{int(found['bytes']) / 2**30:,.1f} GiB"
    return InvalidInput(name, f"sizes that fit into memory, not {needed}", arguments[name])


def _extent(value: Any, depth: int = 0) -> int:
    """Give the largest number of entries that a size, or sizes side by side, ask for."""
    if isinstance(value, int):
        return abs(value)
    if isinstance(value, str):
        return math.prod(int(part) for part in islice(re.findall(r"(?<!\d)\d{1,12}(?!\d)", value), 9))
    if hasattr(value, "dtype") and hasattr(value, "shape"):
        return math.prod(value.shape)
    if depth > 4:
        return 0
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        kept = [getattr(value, field.name) for field in dataclasses.fields(value) if "seed" not in field.name]
        sides = math.prod(part for part in kept if isinstance(part, int) and part > 0)
        return max(sides, *(_extent(part, depth + 1) for part in kept))
    if not isinstance(value, Iterable) or hasattr(type(value), "named_modules") or isinstance(value, Iterator):
        return 0
    parts = list(islice(value.values() if isinstance(value, Mapping) else value, _MOST))
    if parts and all(isinstance(part, int) for part in parts):
        return math.prod(map(abs, parts))
    return max((_extent(part, depth + 1) for part in parts), default=0)
