"""Reading of whole numbers."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ertheory.errors import InvalidInput
from ertheory.numbers import whole_number, whole_numbers


@given(value=st.integers(-(2**70), 2**70), least=st.integers(-(2**70), 2**70), span=st.integers(0, 2**70) | st.none())
def test_exactly_the_integers_of_the_range_are_taken(value: int, least: int, span: int | None) -> None:
    most = None if span is None else least + span
    if value in range(least, max(least, value) + 1 if most is None else most + 1):
        assert whole_number("n", value, least=least, most=most) == value
    else:
        with pytest.raises(InvalidInput, match=rf"^n: expected a whole number .*, got {value}$"):
            whole_number("n", value, least=least, most=most)


@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.int64, np.uint64])
def test_integers_of_numpy_become_integers_of_python(kind: type[np.integer]) -> None:
    assert type(whole_number("n", kind(100), least=0, most=2**70)) is int
    assert [type(value) for value in whole_numbers("n", np.array([1, 2], dtype=kind), least=1)] == [int, int]


@pytest.mark.parametrize(
    "value",
    [True, False, np.True_, 1.0, np.float64(1), "1", None, Fraction(1), 1j, [1], np.array(1), np.array([1])],
)
def test_nothing_but_an_integer_is_taken(value: object) -> None:
    with pytest.raises(InvalidInput, match=r"^n: expected a whole number of at least 0, got "):
        whole_number("n", value, least=0)
    with pytest.raises(InvalidInput, match=r"^n: expected whole numbers of at least 0, got "):
        whole_numbers("n", [3, value], least=0)


@pytest.mark.parametrize(
    ("most", "shown"),
    [
        (10**9, "1000000000"),
        (10**15, "10^15"),
        (2**60, "2^60"),
        (2**63 - 1, "2^63 - 1"),
        (2**128 - 1, "2^128 - 1"),
        (10**15 + 1, "1000000000000001"),
    ],
)
def test_the_range_is_shown_and_its_ends_are_taken(most: int, shown: str) -> None:
    assert whole_numbers("n", (1, most), least=1, most=most) == (1, most)
    for outside in (0, most + 1):
        with pytest.raises(InvalidInput) as caught:
            whole_number("n", outside, least=1, most=most)
        assert caught.value.allowed == f"a whole number from 1 to {shown}"
