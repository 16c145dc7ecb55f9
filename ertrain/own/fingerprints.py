"""Names for what decides a run and has none: networks, losses, data sets, by what they are made of.

A name is the same in every process, so that a run which was killed is found again: it knows neither addresses nor the
order of a set. What somebody wrote is described by its code and by the values that it holds or refers to, what comes
from a library by what it says of itself.
"""

from __future__ import annotations

import functools
import hashlib
import re
import sys
import types
from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils.data import Dataset, Sampler

__all__ = ["fingerprint"]

_SHOWN = 8  # digits of a fingerprint
_LONGEST_ROW, _LONGEST_ARRAY = 2**16, 2**24  # of longer ones as many entries are looked at, evenly spread
_PLAIN = (type(None), bool, int, float, complex, str, bytes, torch.dtype, torch.device)
_OF_EVERY_MODULE = frozenset({*vars(nn.Module()), "_forward_hooks", "training"})
_OF_EVERY_CLASS = frozenset(
    {"__dataclass_fields__", "__dict__", "__doc__", "__firstlineno__", "__module__", "__weakref__", "_abc_impl"}
)
_LIBRARIES = frozenset({*sys.stdlib_module_names, "ertheory", "ertrain"})


def fingerprint(*parts: Any, started: bool = False) -> str:
    """Tell things apart by what they are made of: networks, losses, functions, data sets, optimisers, numbers.

    Parameters
    ----------
    *parts
        Anything.
    started
        Whether the numbers that modules start with are left out.

    Examples
    --------
    >>> fingerprint(nn.Linear(2, 1), started=True) == fingerprint(nn.Linear(2, 1), started=True)
    True
    >>> fingerprint(nn.CrossEntropyLoss(torch.ones(3))) == fingerprint(nn.CrossEntropyLoss(torch.arange(3.0)))
    False
    """
    told = repr(_Description(started=started).of(parts))
    return hashlib.sha256(told.encode(errors="backslashreplace")).hexdigest()[:_SHOWN]


class _Description:
    """What is described already: nothing is described twice, and what contains itself comes to an end."""

    def __init__(self, *, started: bool) -> None:
        self._started = started
        self._seen: dict[int, tuple[int, Any]] = {}  # with the things, so that no address is used again

    def of(self, part: Any) -> Any:
        """Give text, and rows of it, that say what something is made of."""
        if isinstance(part, _PLAIN):
            return repr(part)
        if id(part) in self._seen:
            return "again", self._seen[id(part)][0]
        self._see(part)
        return type(part).__qualname__, self._inside(part)

    def _see(self, part: Any) -> None:
        self._seen.setdefault(id(part), (len(self._seen), part))

    def _inside(self, part: Any) -> Any:
        found: Any
        if isinstance(part, Tensor | np.ndarray | np.generic):
            found = _numbers(part)
        elif isinstance(part, Mapping):
            found = [(self.of(key), self.of(value)) for key, value in part.items()]
        elif isinstance(part, Set):
            found = [self.of(one) for one in sorted(part, key=_own_words)]
        elif isinstance(part, list | tuple | range):
            found = len(part), [self.of(one) for one in _spread(part)]
        elif isinstance(part, functools.partial):
            found = self.of([part.func, part.args, part.keywords])
        elif isinstance(part, types.MethodType):
            found = self.of([part.__func__, part.__self__])
        elif isinstance(part, types.FunctionType | type):
            own = self._class if isinstance(part, type) else self._function
            found = part.__qualname__, None if _of_a_library(part) else own(part)
        elif isinstance(part, types.ModuleType):  # it says of itself where it lies, which is not the same everywhere
            found = part.__name__
        elif isinstance(part, Optimizer):
            found = self._optimiser(part)
        elif isinstance(part, nn.Module):
            found = self._module(part)
        elif _of_a_library(type(part)) and not isinstance(part, Dataset | Sampler):
            found = _own_words(part)
        else:
            found = self.of(type(part)), self._named(getattr(part, "__dict__", {}))
        return found

    def _named(self, values: Mapping[str, Any]) -> list[Any]:
        return [(name, self.of(value)) for name, value in values.items()]

    def _function(self, function: Any) -> Any:
        function = getattr(function, "_torchdynamo_orig_callable", function)  # the rest of it changes when it is called
        code, known = function.__code__, function.__globals__
        return (
            self._code(code),
            self.of([function.__defaults__, function.__kwdefaults__]),
            [self.of(cell.cell_contents) for cell in function.__closure__ or () if _is_filled(cell)],
            self._named({name: known[name] for name in _names(code) if name in known}),
        )

    def _code(self, code: types.CodeType) -> Any:
        constants = [self._code(one) if isinstance(one, types.CodeType) else self.of(one) for one in code.co_consts]
        return code.co_code.hex(), code.co_names, constants

    def _class(self, kind: Any) -> Any:
        own = {name: _called(value) for name, value in vars(kind).items() if name not in _OF_EVERY_CLASS}
        return self.of(kind.__bases__), self._named(own)

    def _optimiser(self, optimiser: Optimizer) -> Any:
        for group in optimiser.param_groups:
            for parameter in group["params"]:
                self._see(parameter)
        groups = [
            self._named({**group, "params": [tuple(one.shape) for one in group["params"]]})
            for group in optimiser.param_groups
        ]
        return self.of(type(optimiser)), groups

    def _module(self, module: nn.Module) -> Any:
        module = getattr(module, "_orig_mod", module)  # of one that is compiled
        held = []
        for name, tensor in (*module.named_parameters(), *module.named_buffers()):
            self._see(tensor)
            held.append((name, tuple(tensor.shape), str(tensor.dtype), None if self._started else _numbers(tensor)))
        parts = []
        for name, part in module.named_modules():
            self._see(part)
            settings = {key: value for key, value in vars(part).items() if key not in _OF_EVERY_MODULE}
            parts.append((name, self.of(type(part)), self._named(settings)))
        return _own_words(module), held, parts


def _numbers(given: Any) -> Any:
    """Give shape, kind and checksum of an array."""
    shape = tuple(given.shape)
    if isinstance(given, Tensor):
        if given.layout is not torch.strided or given.is_meta or given.is_quantized:
            return shape, _own_words(given)
        flat = given.detach().flatten()
        flat = flat[:: -(-len(flat) // _LONGEST_ARRAY) or 1].cpu().contiguous()
        return shape, str(given.dtype), hashlib.sha256(flat.view(torch.uint8).numpy().tobytes()).hexdigest()
    if given.dtype.hasobject:
        return shape, _own_words(given)
    row = np.asarray(given).reshape(-1)
    few = row[:: -(-len(row) // _LONGEST_ARRAY) or 1]
    return shape, str(given.dtype), hashlib.sha256(few.tobytes()).hexdigest()


def _spread(row: Sequence[Any]) -> Sequence[Any]:
    """Give the entries of a row, or of a long one some."""
    return row if len(row) <= _LONGEST_ROW else [row[at * len(row) // _LONGEST_ROW] for at in range(_LONGEST_ROW)]


def _of_a_library(part: Any) -> bool:
    """Whether a function or class is none that somebody wrote for this run."""
    name = getattr(part, "__module__", None) or ""
    path = getattr(sys.modules.get(name), "__file__", None) or ""
    if name == "__main__":
        return False
    return name.partition(".")[0] in _LIBRARIES or "site-packages" in path or "dist-packages" in path


def _own_words(part: Any) -> str:
    """Give what something says of itself, but for addresses."""
    return re.sub(r"0x[0-9a-fA-F]+", "0x", repr(part))


def _called(value: Any) -> Any:
    """Give the function inside of a property or a method of a class."""
    if isinstance(value, property):
        return value.fget
    return value.__func__ if isinstance(value, staticmethod | classmethod) else value


def _is_filled(cell: types.CellType) -> bool:
    try:
        _ = cell.cell_contents
    except ValueError:
        return False
    return True


def _names(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for part in code.co_consts:
        if isinstance(part, types.CodeType):
            yield from _names(part)
