"""The help of every option of both command lines is written in whole sentences."""

from __future__ import annotations

import contextlib
import importlib
import io
import re
from dataclasses import MISSING, fields
from typing import get_type_hints

import pytest

from ertheory.cli import _COMMANDS as THEORY
from ertheory.cli.options import names_of
from ertheory.cli.program import command_at

IMPERATIVES = "Build Draw Give Leave Let Measure Meet Print Prune Say Show Split Write".split()
VERBS = (
    "answer answers are begins build comes depends do ends fail fails gets has have hold is learn lies may measures "
    "meets miss misses read reads search simulate survives takes train writes"
).split()


def commands():
    found = [("ertheory", name, place) for name, place, _ in THEORY]
    try:
        from ertrain.cli import _COMMANDS
    except ImportError:  # without PyTorch
        return found
    return found + [("ertrain", name, place) for name, place, _ in _COMMANDS]


def fragments(text: str) -> list[str]:
    """Sentences that neither begin with a command nor have a verb."""
    sentences = [one for one in re.split(r"(?<=[a-z0-9)\]>'])\. ", text.removesuffix(".")) if one]
    words = [re.findall(r"[A-Za-z]+", sentence) for sentence in sentences]
    return [
        sentence
        for sentence, found in zip(sentences, words, strict=True)
        if found[0] not in IMPERATIVES and not set(found) & set(VERBS)
    ]


@pytest.mark.parametrize(("program", "name", "place"), commands())
def test_the_help_of_an_option_is_a_sentence(program, name, place):
    command = command_at(place)
    hints = get_type_hints(command, include_extras=True)
    for field in fields(command):
        text = hints[field.name].__metadata__[0].help
        assert text.endswith("."), text
        assert fragments(text) == [], text


@pytest.mark.parametrize(("program", "name", "place"), commands())
def test_help_says_every_default_that_says_something(program, name, place):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        assert importlib.import_module(f"{program}.cli").main([*name.split(), "--help"]) == 0
    _is_whole(command_at(place), out.getvalue())
    shown = re.findall(r"\((required|default: [^)]*)\)", " ".join(out.getvalue().split()))
    defaults = [field.default for field in fields(command_at(place))]
    assert shown.count("required") == defaults.count(MISSING)
    values = [one for one in defaults if one is not MISSING and f"{one}" not in ("None", "False", "", "()")]
    assert len(shown) == shown.count("required") + len(values)
    for value in values:
        if isinstance(value, int | str):
            assert f"default: {value}" in shown


def _is_whole(command: type, text: str) -> None:
    """See that each option stands there as it is typed, with its sentences, and no other one does."""
    rows = re.sub(r"[^\x00-\x7f]", " ", text).splitlines()  # without the frame
    whole, hints = "".join("".join(rows).split()), get_type_hints(command, include_extras=True)
    for field, name in names_of(command).items():
        option = hints[field].__metadata__[0]
        typed = [name] if option.positional else [name, *([option.metavar] if option.metavar else [])]
        assert "".join(f"{' '.join(typed)}{option.help}".split()) in whole
    begun = {row.split()[0].rstrip(",") for row in rows if row.startswith("  --")}
    assert {one for one in begun if not set(one) <= {"-"}} <= {*names_of(command).values()}


@pytest.mark.parametrize(
    ("text", "odd"),
    [
        ("Seed of the masks.", ["Seed of the masks"]),
        ("The masks are drawn by this seed.", []),
        ("Write over files that exist.", []),
        ("It has a first part, in (0, 1). Then none.", ["Then none"]),
    ],
)
def test_a_fragment_is_seen(text, odd):
    assert fragments(text) == odd
