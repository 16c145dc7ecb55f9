"""Examples in the help are broken in front of their options, so that a shell takes them whole."""

from __future__ import annotations

import shlex
from itertools import pairwise

import pytest

from ertheory.cli import _COMMANDS
from ertheory.cli.descriptions import fitted

LONG = "--target a-name-of-a-file/that-is-longer-than-any-line/and-has-hyphens-in-it.safetensors"
TEXT = f"Title, which stays as it is, however long it may be.\n\nExample:\n  program sub --seed 3 {LONG} --json"


@pytest.mark.parametrize("width", [20, 40, 60])
def test_an_option_stays_whole_with_its_value(width):
    title, blank, example, *lines = fitted(TEXT, width).splitlines()
    assert [title, blank, example] == TEXT.splitlines()[:3]
    assert [line.removesuffix(" \\").strip() for line in lines] == (
        ["program sub --seed 3", LONG, "--json"] if width > 22 else ["program sub", "--seed 3", LONG, "--json"]
    )
    assert [len(line) - len(line.lstrip()) for line in lines] == [2, *[6] * (len(lines) - 1)]
    assert [line.endswith(" \\") for line in lines] == [True] * (len(lines) - 1) + [False]
    assert max(len(line) for line in lines if LONG not in line) <= width


@pytest.mark.parametrize("text", [text for _, _, text in _COMMANDS], ids=[name for name, _, _ in _COMMANDS])
def test_lines_are_as_full_as_they_may_be_and_the_same_words(text):
    before = [shlex.split(line) for line in text.splitlines() if line.startswith("  ")]
    for width in (40, 77):
        shown = [line for line in fitted(text, width).splitlines() if line.startswith("  ")]
        assert [shlex.split(line) for line in "\n".join(shown).replace("\\\n", "").splitlines()] == before
        for line, following in pairwise(shown):
            if line.endswith("\\"):
                option = following.strip().removesuffix(" \\").partition(" --")[0]
                assert len(f"{line.removesuffix(' ' + chr(92))} {option}") > width - 2
