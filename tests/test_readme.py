"""What the README shows is what the commands print."""

from __future__ import annotations

import re
import shlex
from fractions import Fraction
from pathlib import Path

import pytest

from ertheory import Target, width, write_target
from ertheory.cli import main
from ertheory.cli.parsing import UsageError, parse
from ertheory.cli.program import command_at

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
COMMANDS = sorted(set(re.findall(r"`(ertheory (?!figure)[a-z-]+ [^`]+)`", README)))

TRAINED = sorted(
    {
        command.removeprefix(".venv/bin/").partition("  #")[0].strip()
        for found in re.findall(r"`(ertrain [a-z]+ [^`\n]+)`|^((?:\.venv/bin/)?ertrain [a-z].*)$", README, flags=re.M)
        for command in filter(None, found)
        if "verify" not in command or "--" in command  # else only its name is meant
    }
)
EXAMPLES = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", README, flags=re.S)


def test_the_first_table_is_what_the_command_prints(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "100")
    command, table = re.search(r"\$ (ertheory width[^\n]*)\n(.*?)```", README, flags=re.S).groups()
    assert main(shlex.split(command)[1:]) == 0
    assert capsys.readouterr().out.startswith(table)


def test_the_table_of_ratios_is_computed():
    target = Target.from_text("784-128-10")
    rows = re.findall(r"^\| (0\.\d+) \| ([\d,]+) \| ([\d. |]+) \|$", README, flags=re.M)
    assert len(rows) == 5
    for sparsity, total, rest in rows:
        density = 1 - Fraction(sparsity)
        whole, masked = (1, density, density), (density,) * 3
        options = {"failure_probability": "0.001"}
        printed = width(target, method="printed", density=whole, **options)
        drop, sharp, degree = (
            width(target, method=name, density=masked, **options) for name in ("drop", "sharp", "degree")
        )
        ratios = [
            ratio
            for answer in (drop, sharp)
            for ratio in (answer.total / printed.total, answer.edges_expected / printed.edges_expected)
        ]
        shown = [float(cell) for cell in rest.split(" | ")]
        assert int(total.replace(",", "")) == printed.total
        for value, ratio in zip(shown, [*ratios, sharp.widths[1] / degree.widths[1]], strict=True):
            assert value == pytest.approx(float(ratio), abs=0.006 if value > 1 else 0.0006)


def test_the_table_of_what_is_necessary_is_computed():
    target = Target.from_text("784-128-10")
    number = r"([\d,]+\*?)"
    rows = re.findall(
        rf"^\| \*\*(0\.\d+)\*\* \| (-|[\d,]+) \| {number} \| {number} \| {number} \|$", README, flags=re.M
    )
    assert len(rows) == 7
    for sparsity, *shown in rows:
        options = {"sparsity": sparsity, "failure_probability": "0.001"}
        names = "degree", "size-lp", "coupled", "least-total"
        degree, sizes, coupled, least = (width(target, method=name, **options) for name in names)
        second = max(degree.widths[1] or 0, sizes.widths[1] or 0)
        first, total = (
            f"{value:,}{'*' if 'affine' in answer.reason else ''}"
            for value, answer in ((coupled.widths[0], coupled), (least.total, least))
        )
        assert [f"{second:,}" if second else "-", first, f"{coupled.holds_up_to[1]:,}", total] == shown


def test_the_table_of_factored_sources_is_computed():
    target = Target.from_text("784-128-10")
    rows = re.findall(r"^\| (0\.\d+) \| ([\d,]+) \| ([\d,]+) \| (\d+\.\d+) \| (\d+\.\d+) \|$", README, flags=re.M)
    assert len(rows) == 4
    for sparsity, hidden, edges, ratio, sharp_ratio in rows:
        options = {"sparsity": sparsity, "delta": "0.001"}
        factored, sharp = (width(target, method=name, **options) for name in ("factored", "sharp"))
        assert (f"{factored.total:,}", f"{float(factored.edges_expected):,.0f}") == (hidden, edges)
        assert f"{float(factored.edges_expected / sum(target.nonzeros)):.2f}" == ratio
        assert f"{float(sharp.edges_expected / sum(target.nonzeros)):.1f}" == sharp_ratio


def test_what_is_said_of_splits_and_three_factors_is_computed():
    edges, sparsity, two, three = re.search(
        r"make it ([\d,]+) edges at 0\.9, .*? at (0\.99) two factors take ([\d.]+) edges .*?, three ([\d.]+)\.",
        README,
        flags=re.S,
    ).groups()
    target, options = Target.from_text("784-128-10"), {"delta": "0.001", "method": "factored"}
    assert f"{float(width(target, sparsity='0.9', split='best', **options).edges_expected):,.0f}" == edges
    for factors, ratio in ((2, two), (3, three)):
        assert f"{float(width(target, sparsity=sparsity, factors=factors, **options).edges_ratio):.1f}" == ratio


@pytest.mark.parametrize(("code", "shown"), EXAMPLES)
def test_the_python_examples_print_what_is_shown(code, shown, capsys):
    exec(compile(code, "README.md", "exec"), {})
    assert capsys.readouterr().out == shown


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_runs(command, capsys, monkeypatch, tmp_path):
    write_target(tmp_path / "net.npz", Target.from_arrays([[[1.0, -2.0], [0.5, 1.5]], [[1.0, -1.0]]]))
    monkeypatch.chdir(tmp_path)
    assert main(shlex.split(command)[1:]) == 0
    assert capsys.readouterr().out


@pytest.mark.parametrize("command", TRAINED)
def test_every_command_of_ertrain_is_understood(command):
    """Only read, since they train for minutes."""
    pytest.importorskip("torch")
    from ertrain.cli import _COMMANDS as commands

    name, *words = shlex.split(command)[1:]
    (chosen,) = (command_at(place) for known, place, _ in commands if known == name)
    assert parse(f"ertrain {name}", chosen, "", words)
    with pytest.raises(UsageError):
        parse(f"ertrain {name}", chosen, "", [*words, "--nonsense"])


def test_there_is_something_to_run():
    assert len(COMMANDS) >= 5
    assert len(TRAINED) >= 5
    assert len(EXAMPLES) == README.count("```python") >= 2


def test_every_link_leads_to_a_file():
    root = Path(__file__).parents[1]
    for link in re.findall(r"\]\(([^)#]+)\)", README):
        assert link.startswith("http") or (root / link).exists(), link
