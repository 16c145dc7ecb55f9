"""Errors: one line of at most 400 characters whatever was given, and whole when they come from another process."""

from __future__ import annotations

import pickle
import warnings
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ertheory import errors
from ertheory.errors import ConstructionFailed, InvalidInput, shortened
from ertheory.numbers import exact_rational


class Odd:
    """Something that cannot be pickled, and does not want to be shown on one line."""

    def __repr__(self) -> str:
        return "an\nodd\tthing"

    def __reduce__(self) -> str:
        raise TypeError


VALUES = [2, "text", Fraction(1, 3), (1, 2), None, Odd(), 10**100_000, Fraction(1, 10**9000)]


@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
def test_errors_survive_another_process(value: object) -> None:
    error = InvalidInput("density", "a number in (0, 1)", value)
    other = pickle.loads(pickle.dumps(error))
    assert type(other) is InvalidInput
    assert str(other) == str(error)
    assert (other.argument, other.allowed) == (error.argument, error.allowed)
    failed = pickle.loads(pickle.dumps(ConstructionFailed("no edge", ((0, 1),))))
    assert (str(failed), failed.missing) == ("no edge", ((0, 1),))


@given(st.text(max_size=1000), st.text(max_size=2000), st.text(max_size=1000))
def test_messages_keep_to_their_length(argument: str, allowed: str, value: str) -> None:
    message = str(InvalidInput(argument, allowed, value))
    assert len(message) <= 400
    if len(argument) + len(allowed) <= 200:
        assert message.startswith(f"{' '.join(argument.split())}: expected {' '.join(allowed.split())}, got ")
    assert len(message.splitlines()) == 1


@pytest.mark.parametrize("value", [10**5000, -(10**5000), Fraction(10**5000, 3), (10**5000,)], ids=range(4))
def test_numbers_that_python_does_not_write_down_are_described(value: object) -> None:
    assert str(InvalidInput("width", "small", value)) == "width: expected small, got a number of thousands of digits"
    with pytest.raises(InvalidInput, match=r"^density: expected a number"):
        exact_rational("density", value)


@given(st.text(), st.integers(5, 50))
def test_a_text_is_cut_in_its_middle(text: str, longest: int) -> None:
    cut = shortened(text, longest)
    assert len(cut) == min(len(text), longest)
    if len(text) > longest:
        front = (longest - 2) // 2
        assert cut == text[:front] + "..." + text[len(text) - longest + 3 + front :]


def test_values_are_shown_in_120_characters() -> None:
    shown = [str(InvalidInput("name", "less", "x" * (length - 2))).partition("got ")[2] for length in (120, 121)]
    assert shown == [repr("x" * 118), "'" + "x" * 116 + "..."]


def test_a_warning_points_to_a_file_whose_path_begins_like_that_of_the_package():
    mine = errors.__file__.replace("errors.py", "")[:-1] + "_of_mine.py"
    code = compile("warn('nothing is kept')", mine, "exec")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        exec(code, {"warn": errors.warn})
    assert [one.filename for one in caught] == [mine]
