"""Every statement, every command and every public name has its place on the site, and links lead to pages."""

from __future__ import annotations

from dataclasses import fields

import pytest
from pages import copied, house, names, prose, results, statements

import ertheory
from ertheory.cli import _COMMANDS
from ertheory.cli.options import names_of
from ertheory.cli.program import command_at


@pytest.fixture(scope="module")
def shown():
    return dict(statements.pages())


def test_every_statement_has_its_page(shown):
    for name in ertheory.METHODS:
        text = shown[f"statements/{name}.md"]
        for heading in ("As printed", "What holds", "Conditions", "Plot", "Proof", "What checks it", "Limits"):
            assert f"\n## {heading}\n" in text, (name, heading)
        assert f"[`{name}`]({name}.md)" in shown["statements/index.md"]
    for name in ("subset-sum", "ticket", "lower"):
        assert f"statements/{name}.md" in shown


def test_every_check_by_simulation_stands_on_a_page(shown):
    from ertheory.montecarlo.statements.catalogue import ALIASES

    pages = "".join(shown.values())
    assert [name for name in ertheory.CHECKS if name not in ALIASES and f"`ertheory verify {name}`" not in pages] == []


def test_every_row_of_proofs_about_a_method_stands_on_its_page(shown):
    assert "theorem21" in shown["statements/printed.md"]
    assert "docstrings of `ertheory.bounds.sharp`" in shown["statements/sharp.md"]


def test_every_command_has_its_page_with_all_options():
    pytest.importorskip("torch")
    from pages import commands

    shown = dict(commands.pages())
    for program, known in commands.programs().items():
        for name, place, _ in known:
            page = shown[f"commands/{program}-{name}.md"]
            command = command_at(place)
            for field in fields(command):
                assert f"| `{names_of(command)[field.name]}" in page, field.name
    assert len([name for name in shown if "ertheory-" in name]) == len(_COMMANDS)


@pytest.mark.parametrize("package", ["ertheory", "ertrain"])
def test_every_public_name_has_one_place(package):
    module = pytest.importorskip(package)
    if package == "ertrain":
        pytest.importorskip("torch")
    listed = [name for group in names.grouped(package).values() for name in group]
    assert sorted(listed) == sorted(module.__all__)


def test_every_part_of_the_results_has_a_page():
    found = dict(results.pages())
    assert "results/grids.md" in found
    assert len(found) == len(list(results.parts())) + 1


def test_links_lead_to_pages():
    text = "[a](../notebooks/01_widths.ipynb) [b](RESULTS.md) [c](../figures/a.csv) [d](https://x.y) [e](#f)"
    found = (
        "[a](../notebooks/01_widths.ipynb) [b](../results/index.md) [c](../../figures/a.csv) [d](https://x.y) [e](#f)"
    )
    assert copied.relinked(text, "benchmarks/x.md", "results/x.md") == found
    with pytest.raises(ValueError, match="no page of the site"):
        copied.relinked("[a](nothing.md)", "README.md", "index.md")


def test_docstrings_become_markdown():
    text = "Theorem. With a_1 * b and `x`,\n\n    P <= a_1\n\nProof. Clear.  QED"
    expected = "**Theorem.** With a\\_1 \\* b and `x`,\n\n```text\nP <= a_1\n```\n\n**Proof.** Clear.  ∎"
    assert prose.from_docstring(text) == expected
    assert (
        prose.from_docstring("dense\n    p_0 = 1.\nmatched\n    Later.") == "dense\n: p\\_0 = 1.\n\nmatched\n: Later."
    )
    assert (
        prose.from_docstring("So:\n    a = b\nand c:\n    d")
        == "So:\n\n```text\na = b\n```\n\nand c:\n\n```text\nd\n```"
    )


def test_the_picture_of_the_house_has_every_room():
    drawn = house.figure()
    assert [name for name in house.floors() if f">{name.partition('.')[2]}</text>" not in drawn] == []
    assert drawn.count("<path") > 20
