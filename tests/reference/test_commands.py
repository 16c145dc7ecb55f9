"""The commands say what they said before: documents that were frozen, and what the comparison itself sees."""

from __future__ import annotations

import pytest

from tests.reference import compare_commands as compare

FROZEN = compare.frozen()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """One folder for all, since some commands meet what others wrote."""
    path = tmp_path_factory.mktemp("commands")
    compare.write_targets(path)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(path)
        yield path


@pytest.mark.parametrize("name", compare.QUICK)
def test_the_answer_is_the_frozen_one(name, folder):
    """Additions and other words are allowed; the last bits of measured floats depend on the processor."""
    differences = compare.differences(FROZEN[name], compare.answer(compare.QUICK[name]), tolerance=1e-9)
    assert [line for kind, line in differences if kind in compare.FAILURES] == []


def test_every_quick_command_is_frozen_and_nothing_else():
    assert FROZEN.keys() == compare.QUICK.keys()
    assert {status: sum(given["exit"] == status for given in FROZEN.values()) for status in (0, 1, 2)} == {
        0: len(FROZEN) - 6,
        1: 1,
        2: 5,
    }


@pytest.mark.parametrize(
    ("before", "after", "seen"),
    [
        ({"n": 1}, {"n": 1, "m": 2}, ["added"]),
        ({"n": 1, "m": 2}, {"n": 1}, ["lost"]),
        ({"n": 1}, {"n": 1.0}, ["changed"]),
        ({"n": 1}, {"n": True}, ["changed"]),
        ({"n": 0.1}, {"n": 0.1 + 1e-15}, ["rounded"]),
        ({"n": 0.1}, {"n": 0.1 + 1e-12}, ["changed"]),
        ({"n": None}, {"n": 0}, ["changed"]),
        ({"reason": "so"}, {"reason": "thus"}, ["reworded"]),
        ({"warnings": ["so"]}, {"warnings": ["thus"]}, ["reworded"]),
        ({"reason": None}, {"reason": "thus"}, ["changed"]),
        ({"seconds": 1, "version": "0"}, {"seconds": 2}, []),
        ({"w": [1, 2]}, {"w": [1, 2, 3]}, ["changed"]),
        ({"r": [{"method": "a", "w": 1}]}, {"r": [{"method": "b"}, {"method": "a", "w": 1}]}, ["added"]),
        ({"r": [{"method": "a"}, {"method": "b"}]}, {"r": [{"method": "b"}, {"method": "a"}]}, ["changed"]),
        ({"r": [{"method": "a", "w": 1}]}, {"r": [{"method": "a", "w": 2}]}, ["changed"]),
        ({"r": [{"method": "a"}]}, {"r": []}, ["changed"]),
    ],
)
def test_the_comparison_sees(before, after, seen):
    assert [kind for kind, _ in compare.differences(before, after)] == seen


def test_only_floats_have_a_tolerance():
    near = [
        ({"x": 1.0}, {"x": 1.0 + 1e-12}),
        ({"x": "1.0"}, {"x": "1.000000000001"}),
        ({"x": 10**15}, {"x": 10**15 + 1}),
    ]
    assert [bool(list(compare.differences(*pair, tolerance=1e-9))) for pair in near] == [False, True, True]
