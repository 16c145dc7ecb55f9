"""Points at which errors are measured become doubles inside the box, whatever they come as."""

from __future__ import annotations

import numpy as np
import pytest

from ertheory.commands.points import read_points
from ertheory.errors import InvalidInput

BOX = np.array([[0.0, 1.0], [-2.0, 2.0]])


@pytest.mark.parametrize("kind", [bool, np.int8, np.uint8, np.int64, np.float16, np.float32, np.float64])
@pytest.mark.parametrize("from_file", [False, True])
def test_numbers_of_any_kind_become_doubles(kind, from_file, tmp_path):
    given = np.array([[0, 1], [1, 0]], dtype=kind)
    if from_file:
        np.save(tmp_path / "points.npy", given)
    points = read_points(tmp_path / "points.npy" if from_file else given, BOX)
    assert points.dtype == np.float64
    assert points.tolist() == [[0.0, 1.0], [1.0, 0.0]]


def test_the_ends_of_the_box_belong_to_it_and_what_is_beyond_is_named():
    assert read_points([[0, -2], [1, 2]], BOX).shape == (2, 2)
    for point, said in (([0.5, 2.5], "2.5"), ([-0.125, 0], "-0.125"), ([1.0625, 0], "1.0625"), ([0, -3], "-3.0")):
        with pytest.raises(InvalidInput, match=f"^inputs: expected points inside the domain, got {said}$"):
            read_points([[0.5, 0.5], point], BOX)
    assert read_points([[7.0, 7.0]], None).shape == (1, 2)


@pytest.mark.parametrize("given", [[["a", "b"]], [1.0, 2.0], np.zeros((0, 2)), [[1j, 0]]])
def test_what_is_no_points_is_refused(given):
    with pytest.raises(InvalidInput, match=r"^inputs: expected numbers of shape \(n, d\), got "):
        read_points(given, BOX)


def test_a_file_of_several_arrays_needs_the_name(tmp_path):
    np.savez(tmp_path / "two.npz", inputs=[[0.5, 0.5]], others=[[9, 9]])
    assert read_points(tmp_path / "two.npz", BOX).tolist() == [[0.5, 0.5]]
    np.savez(tmp_path / "alone.npz", anything=[[0.25, 0.5]])
    assert read_points(tmp_path / "alone.npz", BOX).tolist() == [[0.25, 0.5]]
    np.savez(tmp_path / "unnamed.npz", one=[[0.5, 0.5]], others=[[9, 9]])
    with pytest.raises(InvalidInput, match=r"^inputs: "):
        read_points(tmp_path / "unnamed.npz", BOX)
    with pytest.raises(InvalidInput, match=r"^inputs: expected a file that exists"):
        read_points(tmp_path / "absent.npy", BOX)
