"""What happens to arguments of a wrong type: whoever notices, the error is one of ours and names the argument.

Functions, and the makers and methods of classes, look at the values of their arguments where they need to. What is no
value of the right type at all, such as a number where there should be a network, makes Python fail somewhere inside.
Then, and only then, the arguments are held against the types that the function declares, and the first that does not
fit is named; if all do, one that `ertheory._unusable` knows to be the reason. A call that goes well pays a fraction of
a microsecond for it.
"""

from __future__ import annotations

import functools
import inspect
import sys
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from os import PathLike
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from ertheory._unusable import unusable
from ertheory.errors import ErError, InvalidInput

__all__ = ["fits", "name_wrong_types", "naming", "public"]

_MARK = "names_wrong_types"  # of functions that do so
_NUMBERS = {int: "__index__", float: "__float__", complex: "__complex__"}
_MOST = 1000  # elements of an argument that are looked at


def name_wrong_types(page: str) -> None:
    """Let the functions and classes of a page name arguments of a wrong type, wherever they are called from.

    Parameters
    ----------
    page
        The full name of a package, which has its names already. Its functions are exchanged there and where they are
        defined, so that a name stands for one function; classes stay, and have other methods.

    Examples
    --------
    >>> import ertheory.layerwise
    >>> ertheory.layerwise.layer_densities(3, "1/10", "erk")
    Traceback (most recent call last):
        ...
    ertheory.errors.InvalidInput: shapes: expected ..., got 3
    """
    module = sys.modules[page]
    for name in module.__all__:
        setattr(module, name, public(getattr(module, name)))


def public(found: Any) -> Any:
    """Give what is to stand on a page: for a function the one that `naming` makes of it, anything else as it is.

    Where it is defined it is exchanged too, so that there is one function of the name, which can be pickled. The
    methods of a class are exchanged in the class.
    """
    if not isinstance(found, types.FunctionType | type) or not found.__module__.startswith(("ertheory", "ertrain")):
        return found
    if isinstance(found, type):
        _name_in_methods(found)
        return found
    home, name = sys.modules[found.__module__], found.__name__
    defined = getattr(home, name, None) is found
    if defined and not hasattr(found, _MARK):
        setattr(home, name, naming(found))
    return getattr(home, name, found)


def _name_in_methods(kind: type) -> None:
    """Let the maker and the methods of a class name arguments of a wrong type, save what a network computes."""
    for name, method in list(vars(kind).items()):
        if name != "__init__" and (name.startswith("_") or name == "forward"):
            continue
        if isinstance(method, classmethod | staticmethod):
            if not hasattr(method.__func__, _MARK):
                setattr(kind, name, type(method)(naming(method.__func__)))
        elif isinstance(method, types.FunctionType) and not hasattr(method, _MARK):
            setattr(kind, name, naming(method))


def naming(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make of a function one that names the first argument of a wrong type when something goes wrong inside.

    Examples
    --------
    >>> naming(lambda count: count + 1)("x")
    Traceback (most recent call last):
        ...
    TypeError: can only concatenate str (not "int") to str
    >>> def after(count: int) -> int:
    ...     return count + 1
    >>> naming(after)("x")
    Traceback (most recent call last):
        ...
    ertheory.errors.InvalidInput: count: expected a value of type int, got 'x'
    """

    def called(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except Exception as error:
            wrong = _wrong(error, function, args, kwargs, sys._getframe(1))
            if wrong is None:
                raise
            raise wrong from error

    def step_by_step(*args: Any, **kwargs: Any) -> Any:
        try:
            return (yield from function(*args, **kwargs))
        except Exception as error:
            wrong = _wrong(error, function, args, kwargs, sys._getframe(1))
            if wrong is None:
                raise
            raise wrong from error

    made = functools.wraps(function)(step_by_step if inspect.isgeneratorfunction(function) else called)
    setattr(made, _MARK, True)
    return made


def _wrong(
    error: Exception, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], caller: Any
) -> InvalidInput | None:
    """Name the argument that an error comes from, if it is clear, unless the error says already what is wrong."""
    if isinstance(error, ErError | Warning):
        return None
    signature = inspect.signature(function)
    try:
        given = signature.bind(*args, **kwargs).arguments
    except TypeError:  # an argument is missing, or too many are there: Python says which
        return None
    for name, value in given.items():
        parameter = signature.parameters[name]
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        for kind in _declared(function, parameter.annotation):
            text = parameter.annotation if isinstance(parameter.annotation, str) else kind.__name__
            no_numbers = "ArrayLike" in text and isinstance(value, str | bytes)  # which numpy makes arrays of as well
            if no_numbers or not fits(value, kind):
                return InvalidInput(name, f"a value of type {text}", value)
    if _is_ours(caller):  # the function that somebody called knows the arguments as they were given
        return None
    return unusable(error, {name: value for name, value in given.items() if name not in ("self", "cls")})


def _is_ours(frame: types.FrameType | None) -> bool:
    """Whether a call came from these packages themselves; what their commands ask, they ask for somebody."""
    module = "" if frame is None else str(frame.f_globals.get("__name__"))
    top, _, rest = module.partition(".")
    return top in ("ertheory", "ertrain") and not rest.startswith("cli")


def _declared(function: Any, annotation: Any) -> Iterator[Any]:
    """Give the type of an annotation, if there is one that can be found out."""
    if isinstance(annotation, str):
        try:
            yield eval(annotation, inspect.unwrap(function).__globals__)
        except (AttributeError, NameError, TypeError):  # of names that are there for checkers of types alone
            return
    elif annotation is not inspect.Parameter.empty:
        yield annotation


def fits(value: Any, kind: Any) -> bool:
    """Whether a value may be one of a type; where that is not clear, it may.

    Sequences stand for one another, and so do numbers that can be had from one another.

    Examples
    --------
    >>> fits([1, 2], tuple[int, ...]), fits(["a"], tuple[int, ...]), fits(3, str | None), fits(None, str | None)
    (True, False, False, True)
    """
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return any(fits(value, one) for one in inner)
    if origin is Literal:
        return any(type(value) is type(one) and value == one for one in inner)
    if kind is None or kind is type(None):
        return value is None
    base = kind if origin is None else origin
    if not isinstance(base, type) or base is object:
        return True
    if base.__module__ == "collections.abc" and base.__name__ == "Callable":
        return callable(value)
    if base in _NUMBERS:
        return hasattr(type(value), _NUMBERS[base]) and getattr(value, "ndim", 0) == 0
    if base is Path:
        return isinstance(value, str | PathLike)
    if issubclass(base, Mapping):
        return isinstance(value, Mapping) and (
            len(inner) < 2 or all(fits(key, inner[0]) and fits(one, inner[1]) for key, one in value.items())
        )
    if base in (tuple, list) or (base.__module__ == "collections.abc" and issubclass(base, Iterable)):
        return _is_row(value, base, inner)
    try:
        return isinstance(value, base)
    except TypeError:  # a protocol that cannot be asked
        return True


def _is_row(value: Any, base: type, inner: tuple[Any, ...]) -> bool:
    if isinstance(value, str | bytes):
        return base not in (tuple, list) and (not inner or fits(value[:1], inner[0]))
    if not isinstance(value, Iterable) or isinstance(value, Mapping):
        return isinstance(value, base)
    if not inner or isinstance(value, Iterator):
        return True
    parts = [one for one, _ in zip(value, range(_MOST), strict=False)]
    if base is tuple and inner[-1] is not Ellipsis:
        return len(parts) == len(inner) and all(map(fits, parts, inner))
    return all(fits(part, inner[0]) for part in parts)
