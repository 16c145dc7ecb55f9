"""Every question takes in Python the texts that its command takes, for every option that is no switch."""

from __future__ import annotations

import inspect
import json
from dataclasses import MISSING, fields
from pathlib import Path

import pytest

import ertheory
from ertheory.cli import _COMMANDS
from ertheory.cli.options import names_of
from ertheory.cli.parsing import parse
from ertheory.cli.program import command_at

SHOWN = {"json", "format", "explain", "certificate"}
TIMES = {"seconds", "trials_per_second"}

# Words of each command; together they give every option a text. Files are of the folder of the test.
ASKED = {
    "width": (
        "--target 4-8-3 --density 1,1/2,0.5 --confidence 0.95 --method exact --layer0 dense",
        "--target 4-3 --sparsity 9e-1 --delta 1/20 --method factored --split equal --objective total --inner identity "
        "--factors 3",
        "--model lenet-300-100 --sparsity 1/2 --delta 0.05 --method factored",
    ),
    "sparsity": (
        "--target 4-8-3 --widths 56,80 --delta 0.05 --method exact --layer0 matched",
        "--target 4-8-3 --widths 56,80,3 --confidence 0.9 --method degree",
        "--target 4-3 --widths 50,60 --delta 0.1 --factors 3 --method factored-paths",
    ),
    "confidence": (
        "--target 4-8-3 --widths 56,80 --density 1,1/2,1/2 --method exact --layer0 dense",
        "--target 4-8-3 --widths 56,80 --sparsity 1/2 --method degree",
        "--target 4-3 --widths 50,60 --sparsity 1/2 --factors 3",
    ),
    "lower": (
        "--inputs 10 --density 0.01,0.1 --delta 0.05 --output linear",
        "--inputs 3 --sparsity .5 --confidence .9",
    ),
    "capacity": (
        "--source 8-300-4 --density 0.5,1/2 --confidence 0.9 --method factored --factors 2",
        "--model lenet-300-100 --sparsity 0.5 --delta 0.05 --edges 300000",
        "--model lenet-300-100 --density 0.5 --delta 0.05 --ratio all",
    ),
    "calibrate": (
        "--target 1-4-6 --method matching --density 1,1,1/2 --delta 1/4 --resolution 0.9 --level 0.5 --seed 1 "
        "--workers 1 --domain=-1,1/2 --layer0 matched",
        "--target 4-3 --method factored --sparsity 1/2 --confidence 3/4 --resolution 0.9 --level 0.5 "
        "--factors 3 --workers 1",
    ),
    "subset-sum": (
        "--epsilon 0.01 --density 0.5 --delta 0.05 --z 1/4 --law 1/2,1/3 --kept 9",
        "--epsilon 0.01 --sparsity 0.5 --confidence 0.9 --mode printed --constant 5",
        "--epsilon 0.01 --density 0.5 --delta 0.1 --locked 1/10",
        "--epsilon 0.1 --density 0.5 --delta 0.1 --simulate --trials 2000 --seed 2 --level 0.9 --workers 1",
    ),
    "ticket": (
        "--target 2-4-1 --density 1/2 --epsilon 0.1 --delta 0.1 --domain=-1,1 --norms 2 --max-weight 2 --max-bias .5 "
        "--depth L+1 --kept 3 --mode rigorous",
        "--target 2-4-1 --sparsity 0.5 --epsilon 0.1 --confidence 0.9 --mode printed --constant 5 --gamma 0.5",
        "--target 2-4-1 --density 0.5,0.5,0.5 --delta 0.1 --bits 2",
        "--target small.npz --density 1/2 --epsilon 0.9 --build --widths 8,8 --seed 1 --workers 1",
    ),
    "densities": (
        "--model resnet18 --ratio erk --density 0.1 --classes 100 --width 1/2 --erk-kernel area",
        "--model 784-30-10 --ratio balanced --sparsity 9/10",
    ),
    "verify": ("degree --trials 200 --seed 3",),
    "embed": (
        "--target 3-4-2 --density 1,1/2,0.5 --delta 0.05 --seed 1 --domain=-1,1/2 --layer0 dense --method exact",
        "--target 3-4-2 --sparsity 1/2 --confidence 0.95 --method factored --inner relu --outer solved --split equal "
        "--factors 2",
        "--target 3-4-2 --density 0.5 --delta 0.05 --domain unbounded --activation relu --form pairs "
        "--inputs points.npy",
    ),
    "sample": ("--target 2-3-1 --seed 4",),
}
# They write files; `explore` and `figure` do little else.
FILES = {"out"}
WRITING = {"explore", "figure"}


def told(answer: object) -> object:
    """What an answer holds, without the times that it took."""
    if hasattr(answer, "to_dict"):
        found = json.loads(json.dumps(answer.to_dict()))
        return {name: value for name, value in found.items() if name not in TIMES}
    return [told(one) for one in answer] if isinstance(answer, tuple) else [w.tolist() for w in answer.weights]


def words_to_texts(command: type, words: list[str]) -> dict[str, object]:
    """Read words by hand: the text behind each option, and ``True`` for a switch."""
    names = {name: field for field, name in names_of(command).items()}
    positional = [field for name, field in names.items() if not name.startswith("--")]
    texts: dict[str, object] = {}
    left = [part for word in words for part in (word.split("=", 1) if word.startswith("--") else [word])]
    while left:
        word = left.pop(0)
        if word not in names:
            texts[positional.pop(0)] = word
        elif not left or left[0] in names:
            texts[names[word]] = True
        else:
            texts[names[word]] = left.pop(0)
    return texts


@pytest.fixture
def folder(tmp_path, monkeypatch):
    import numpy as np

    monkeypatch.chdir(tmp_path)
    np.savez(Path("small.npz"), W1=np.array([[0.25, -0.5]]), b1=[0.125], W2=np.array([[0.5]]), b2=[0.0])
    np.save(Path("points.npy"), np.ones((2, 3)))
    return tmp_path


@pytest.mark.parametrize(("name", "line"), [(name, line) for name, lines in ASKED.items() for line in lines])
@pytest.mark.usefixtures("folder")
def test_a_question_takes_texts_as_its_command_does(name, line):
    function, command = getattr(ertheory, name.replace("-", "_")), command_at(PLACES[name])
    words = line.split()
    needed = ["--out", "written.npz"] if name in ("embed", "sample") else []
    texts = words_to_texts(command, words)
    read = parse(name, command, "", [*words, *needed])
    typed = {field: getattr(read, field) for field in texts}
    assert any(isinstance(text, str) and text != typed[field] for field, text in texts.items())
    if isinstance(typed.get("domain"), tuple):
        typed["domain"] = tuple(map(float, typed["domain"]))
    assert told(function(**texts)) == told(function(**typed))


PLACES = {name: place for name, place, _ in _COMMANDS}


@pytest.mark.parametrize("name", sorted(PLACES.keys() - WRITING))
def test_every_option_with_a_text_is_among_them(name):
    command = command_at(PLACES[name])
    switches = {one.name for one in fields(command) if one.default is not MISSING and one.default is False}
    asked = {field for line in ASKED[name] for field in words_to_texts(command, line.split())}
    assert {one.name for one in fields(command)} - SHOWN - switches - FILES == asked - switches


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: ertheory.confidence("4-8-3", "56,x", density=0.5), "widths: expected whole numbers of at least 0"),
        (lambda: ertheory.sparsity("4-8-3", 56, delta=0.1), "widths: expected whole numbers of at least 0, in a seq"),
        (lambda: ertheory.verify("degree", trials="2.0"), "trials: expected a whole number of at least 0, got '2.0'"),
        (lambda: ertheory.embed("3-4-2", sparsity=0.5, delta=0.1, domain="2,1"), "domain: expected a,b with a <= b"),
        (lambda: ertheory.embed("3-4-2", sparsity=0.5, delta=0.1, domain="1"), "a,b or unbounded, got '1'"),
    ],
)
def test_a_text_that_is_none_of_these_is_refused(ask, message):
    with pytest.raises(ertheory.InvalidInput, match=message):
        ask()


def test_words_are_read_by_hand():
    command = command_at(PLACES["verify"])
    assert words_to_texts(command, ["degree", "--trials=3", "--build"]) == {
        "statement": "degree",
        "trials": "3",
        "build": True,
    }
    assert set(inspect.signature(ertheory.verify).parameters) >= {"statement", "trials", "build"}
