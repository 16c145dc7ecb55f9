"""The contract of ``ertheory ticket --build``: what is written passes the checker, failures leave nothing."""

from __future__ import annotations

import json

import pytest

from ertheory import check_ticket, write_target
from ertheory.cli import main
from tests import tickets

TARGET = tickets.small(2)


@pytest.fixture
def command(tmp_path):
    write_target(tmp_path / "net.npz", TARGET)
    net, out = str(tmp_path / "net.npz"), tmp_path / "ticket.npz"
    words = ["ticket", "--build", "--target", net, "--density", "1/2", "--epsilon", "0.1", "--seed", "3"]
    return [*words, "--out", str(out)], out


def test_a_ticket_is_built_written_and_passes(command, capsys):
    words, out = command
    assert main([*words, "--widths", "210,160", "--json"]) == 0
    document = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert document["command"] == "ticket"
    assert document["success"] is True
    assert document["missing"] == []
    assert 0 <= document["error_measured"] <= document["error_certified"] <= 0.1
    assert (len(document["lambda"]), len(document["kept"])) == (2, 3)
    assert (document["seed"], document["widths"]) == (3, [210, 160, 1])
    assert check_ticket(TARGET, out, epsilon="0.1").passed
    assert main([*words, "--widths", "210,160"]) == 2
    assert "does not exist yet, or --force" in capsys.readouterr().err
    assert main([*words, "--widths", "210,160", "--force"]) == 0
    assert "proved" in capsys.readouterr().out


def test_few_weights_for_each_of_the_target(command, capsys):
    words, out = command
    assert main([*words, "--widths", "420,320", "--kept", "3", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["inputs"]["kept"] == 3
    assert document["kept"][2] <= 3 * (4 + 1)
    assert check_ticket(TARGET, out, epsilon="0.1").passed


def test_quantised_weights_are_the_target_itself(tmp_path, capsys):
    write_target(tmp_path / "net.npz", tickets.coarse(1))
    words = ["ticket", "--build", "--target", str(tmp_path / "net.npz"), "--density", "1/2", "--seed", "1"]
    words += ["--bits", "2", "--widths", "600,300", "--out", str(tmp_path / "ticket.safetensors")]
    assert main([*words, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["epsilon"], document["bits"]) == ("0", 2)
    stands_for = {"epsilon": "0", "delta": None, "kept": None, "domain": [-1, 1], "widths": [600, 300], "force": False}
    given = {"bits": 2, "build": True, "density": ["0.5"] * 3, **stands_for}
    assert {name: document["inputs"][name] for name in given} == given
    assert document["check"]["error_certified"] == 0
    assert check_ticket(tickets.coarse(1), tmp_path / "ticket.safetensors", epsilon=0).passed
    assert main([*words, "--force"]) == 0
    assert "it is the target itself" in " ".join(capsys.readouterr().out.split())
    assert main([*words, "--epsilon", "0.1", "--force"]) == 2
    assert "no --bits beside it" in capsys.readouterr().err
    narrow = [*words[: words.index("--widths") + 1], "20,10", *words[words.index("--widths") + 2 :]]
    assert main([*narrow, "--force"]) == 1
    assert "No ticket of 2-4-1 that is the target itself" in " ".join(capsys.readouterr().out.split())


def test_a_failure_is_printed_and_leaves_no_file(command, capsys):
    words, out = command
    assert main([*words, "--widths", "20,16", "--json"]) == 1
    document = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert document["success"] is False
    assert document["missing"]
    assert not out.exists()
    assert main([*words, "--widths", "20,16"]) == 1
    assert "live edges reach" in " ".join(capsys.readouterr().out.split())


def test_a_layer_too_wide_to_draw_names_the_widths(command, capsys):
    words, out = command
    assert main([*words, "--widths", "1000000000000,10"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("ertheory: --widths: expected at most 2147483647 neurons in a layer, got ")
    assert error.count("\n") == 1
    assert not out.exists()


def test_weights_beyond_reach_are_bad_input(command, tmp_path, capsys):
    words, out = command
    large = tickets.random_target(1, (2, 4, 1))
    write_target(tmp_path / "net.npz", type(large).from_arrays([900 * large.weights[0], large.weights[1]]), force=True)
    assert main([*words, "--widths", "80,60"]) == 2
    error = capsys.readouterr().err
    assert "a modulus of at most" in error
    assert len(error.strip().splitlines()) == 1
    assert not out.exists()
