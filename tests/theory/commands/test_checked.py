"""A place that somebody else takes while a source is built is refused, under the name that the caller knows."""

from __future__ import annotations

import pytest

import ertheory
from ertheory.errors import InvalidInput


@pytest.mark.parametrize("method", ["exact", "factored"])
def test_a_place_that_is_taken_meanwhile_is_named_out(tmp_path, method):
    target = ertheory.Target.from_arrays([[[1.0, -0.5], [0.25, 0.75]], [[0.5, -1.0]]], domain=[(0, 1), (0, 1)])
    place = tmp_path / "source.npz"

    def take(_: object) -> None:
        place.write_bytes(b"somebody else's")

    with pytest.raises(InvalidInput, match=r"^out: expected a file that does not exist yet"):
        ertheory.embed(target, sparsity="1/2", delta="1/10", method=method, out=place, planned=take)
    assert place.read_bytes() == b"somebody else's"
    assert [path.name for path in tmp_path.iterdir()] == ["source.npz"]
