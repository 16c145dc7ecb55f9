"""What is no argument at all is refused in one line that names the argument, by every public function."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pytest

import ertheory
from ertheory._typed import fits, naming, public
from ertheory.errors import InvalidInput
from tests.wrong_types import Odd, not_named, public_functions, silent_methods

HOUSE = ("ertheory.numbers.", "ertheory.cli.")  # what rooms ask one another, in loops


def test_every_public_function_names_what_it_cannot_take():
    functions = {name: one for name, one in public_functions("ertheory") if not name.startswith(HOUSE)}
    assert len(functions) > 100
    assert {name: said for name, one in functions.items() if (said := not_named(one)) is not None} == {}


def test_every_page_ends_so_that_its_functions_and_classes_name_wrong_types():
    pages = ("ertheory.cli.", "ertheory.numbers.", "ertheory.plots.explorer.")  # of the house, and a page in HTML
    assert [name for name in silent_methods("ertheory") if not name.startswith(pages)] == []


def test_a_name_stands_for_one_function_which_can_be_pickled():
    assert ertheory.layerwise.layer_densities is ertheory.layerwise.layer_densities
    for name, function in public_functions("ertheory"):
        assert pickle.loads(pickle.dumps(function)) is function, name


def scaled(values: Sequence[float], *, by: int = 1, name: str | None = None) -> list[float]:
    """Do so."""
    if name == "missing":
        raise KeyError(name)
    return [value * by + len(name or "") for value in values]


def test_the_first_argument_of_a_wrong_type_is_named():
    tell = naming(scaled)
    assert (tell.__name__, tell.__doc__) == ("scaled", "Do so.")
    assert tell([1, 2], by=3) == [3, 6]
    for given, line in [
        (((3,), {}), "values: expected a value of type Sequence[float], got 3"),
        ((([1, "a"],), {"by": 1.5}), "values: expected a value of type Sequence[float], got [1, 'a']"),
        ((([1],), {"by": Odd()}), "by: expected a value of type int, got something odd"),
        ((([1],), {"name": 3}), "name: expected a value of type str | None, got 3"),
    ]:
        with pytest.raises(InvalidInput) as caught:
            tell(*given[0], **given[1])
        assert str(caught.value) == line
        assert isinstance(caught.value.__cause__, TypeError)  # what went wrong inside is still there to be looked at


def test_a_text_is_no_array_of_numbers():
    @naming
    def added(numbers: npt.ArrayLike) -> np.ndarray:
        return np.asarray(numbers, dtype=float)

    with pytest.raises(InvalidInput, match=r"^numbers: expected a value of type npt.ArrayLike, got 'x'"):
        added("x")
    assert added([1, 2]).tolist() == [1, 2]


def test_errors_that_no_type_explains_stay_what_they_are():
    tell = naming(scaled)
    with pytest.raises(KeyError, match="missing"):
        tell([1], name="missing")
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'values'"):
        tell()

    @naming
    def refuse(count: int) -> None:
        raise InvalidInput("count", "no text", count)

    with pytest.raises(InvalidInput, match="count: expected no text, got 'x'"):
        refuse("x")


def test_functions_that_give_one_after_another_name_it_too():
    @naming
    def counted(most: int) -> Iterator[int]:
        yield from range(most)

    assert list(counted(3)) == [0, 1, 2]
    with pytest.raises(InvalidInput, match="most: expected a value of type int, got 'x'"):
        list(counted("x"))


class Box:
    """Something with sides."""

    __module__ = "ertheory.boxes"

    def __init__(self, sides: Sequence[int]) -> None:
        self.volume = math.prod(side + 0 for side in sides)

    def grown(self, by: float) -> float:
        return self.volume * float(by)

    @classmethod
    def of(cls, text: str) -> Box:
        return cls([int(text.strip())])


def test_classes_name_it_in_what_makes_them_and_in_their_methods():
    assert public(Box) is Box is public(Box)
    assert (Box([2, 3]).grown(2), Box.of(" 3").volume) == (12, 3)
    for wrong, line in [
        (lambda: Box(3), "sides: expected a value of type Sequence[int], got 3"),
        (lambda: Box([2]).grown([]), "by: expected a value of type float, got []"),
        (lambda: Box.of(2), "text: expected a value of type str, got 2"),
    ]:
        with pytest.raises(InvalidInput) as caught:
            wrong()
        assert str(caught.value) == line


def test_what_no_machine_can_do_is_named_by_the_function_that_somebody_called():
    @naming
    def filled(shape: tuple[int, ...], seed: int, share: float = 0.0) -> np.ndarray:
        return np.ones(shape) * float(share) + 0 * seed

    with pytest.raises(InvalidInput, match=r"^shape: expected sizes that fit into memory, not 7\.28 TiB, got \(10"):
        filled((10**6, 10**6), 10**30)
    with pytest.raises(InvalidInput, match=r"^share: expected finite numbers below 2\^63, got a number of thousands"):
        filled((2, 3), 1, 10**5000)
    with pytest.raises(InvalidInput, match=r"^rows: expected a rectangular array of numbers, got \[\[1\], \[1, 2\]\]"):
        naming(lambda rows: np.asarray(rows, dtype=float))([[1], [1, 2]])
    with pytest.raises(ValueError, match="negative dimensions"):  # which nothing explains that is looked for
        filled((2, -3), 1)
    ours = {"__name__": "ertheory.boxes", "filled": filled}
    with pytest.raises(MemoryError):
        eval("filled((10**6, 10**6), 0)", ours)


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (int, [3, True, np.int64(3)], ["3", None, 1.5, np.zeros(2), Odd()]),
        (float, [3, 1.5, Fraction(1, 3), np.float32(1)], ["3", None, 1j, np.zeros(2)]),
        (str, ["x"], [3, b"x", None]),
        (str | None, ["x", None], [3]),
        (Path, ["x", Path()], [3, b"x"]),
        (Literal["a", 1], ["a", 1], ["b", True, None]),
        (tuple[int, ...], [(), (1, 2), [1], np.ones(2, int)], [3, "12", (1, "2"), {1: 2}, None]),
        (tuple[int, str], [(1, "a"), [1, "a"]], [(1,), ("a", 1)]),
        (Sequence[str], ["ab", ["a"], ()], [[1], 3, b"ab"]),
        (Mapping[str, int], [{}, {"a": 1}], [{"a": "b"}, {1: 1}, [("a", 1)], 3]),
        (Callable[[int], int], [int, len], [3, "len"]),
        (np.ndarray, [np.ones(2)], [[1.0], 3]),
        (Any, [3, None, Odd()], []),
        (object, [3, None, Odd()], []),
    ],
)
def test_what_a_type_takes(kind, good, bad):
    assert [value for value in good if not fits(value, kind)] == []
    assert [value for value in bad if fits(value, kind)] == []
