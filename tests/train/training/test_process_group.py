"""Which process this is among several, as the variables of torchrun say."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from ertheory.errors import InvalidInput  # noqa: E402
from ertrain.training.process_group import ProcessGroup, _of_torchrun, join_process_group  # noqa: E402

WHOLE = {"WORLD_SIZE": "999999", "RANK": "999998", "LOCAL_RANK": "3", "MASTER_ADDR": "localhost", "MASTER_PORT": "1"}


@pytest.fixture
def variables(monkeypatch):
    """Set variables of torchrun, and no others."""

    def set_them(**values: str | None) -> None:
        for name in WHOLE:
            value = values.get(name)
            monkeypatch.delenv(name, raising=False) if value is None else monkeypatch.setenv(name, value)

    return set_them


def test_the_numbers_are_those_of_torchrun(variables):
    variables()
    assert _of_torchrun() == (1, 0, 0)
    variables(**WHOLE)
    assert _of_torchrun() == (999_999, 999_998, 3)
    variables(WORLD_SIZE="1", RANK="0")  # one process needs no address
    assert _of_torchrun() == (1, 0, 0)


@pytest.mark.parametrize("name", ["RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT"])
def test_what_is_missing_is_named(name, variables):
    variables(**{**WHOLE, name: None})
    with pytest.raises(InvalidInput, match=rf"^WORLD_SIZE: expected also {name}, as torchrun sets them"):
        _of_torchrun()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        *((name, text) for name in ("WORLD_SIZE", "RANK", "LOCAL_RANK") for text in ("", "x", "-1", "1.0", "1234567")),
        ("WORLD_SIZE", "0"),
        ("RANK", "999999"),
    ],
)
def test_numbers_that_cannot_be_are_refused_by_name(name, text, variables):
    variables(**{**WHOLE, name: text})
    with pytest.raises(InvalidInput, match=rf"^{name}: expected a whole number"):
        _of_torchrun()


def test_one_process_belongs_to_no_group(variables):
    variables()
    with join_process_group("cpu") as processes:
        assert (processes.rank, processes.world_size, processes.device) == (0, 1, torch.device("cpu"))
        assert not torch.distributed.is_initialized()
    for device in ("cpu:", "cpu:1", "cpu:x", "cpu:00000", "cuda:99999", "tpu", ""):
        with pytest.raises(InvalidInput, match=r"^device: "), join_process_group(device):
            pass


@pytest.mark.parametrize(
    ("rank", "processes", "order"),
    [(0, 2, ["block", "wait"]), (1, 2, ["wait", "block"]), (2, 3, ["wait", "block"]), (0, 1, ["block"])],
)
def test_the_main_process_goes_first_and_each_waits_once(rank, processes, order, monkeypatch):
    """All wait for one another once: the main process when it is through, and others before they begin."""
    seen = []
    monkeypatch.setattr(torch.distributed, "barrier", lambda: seen.append("wait"))
    monkeypatch.setattr(torch.distributed, "all_reduce", lambda numbers: numbers.mul_(processes))
    group = ProcessGroup(torch.device("cpu"), rank, processes)
    with group.main_first():
        seen.append("block")
    assert seen == order
    assert group.is_main is (rank == 0)
    assert group.all_reduce(numbers := torch.ones(2)) is numbers
    assert numbers.tolist() == [processes] * 2
