"""Public docstrings speak in whole sentences, and say "cannot"."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SECTIONS = {"Parameters", "Returns", "Yields", "Raises", "Attributes"}
MODULES = sorted(path for package in ("ertheory", "ertrain") for path in (ROOT / package).rglob("*.py"))


def public(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield name and docstring of every public function, class and method."""

    def walk(node: ast.AST, prefix: str) -> Iterator[tuple[str, str]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.ClassDef) and not child.name.startswith("_"):
                yield f"{prefix}{child.name}", ast.get_docstring(child) or ""
                if isinstance(child, ast.ClassDef):
                    yield from walk(child, f"{prefix}{child.name}.")

    yield from walk(tree, "")


def texts(docstring: str) -> Iterator[tuple[str, str]]:
    """Yield name and text of every entry in numpydoc's sections, such as a parameter and what is said about it."""
    parts = re.split(r"^(\w[\w ]*)\n-{3,}\n", docstring, flags=re.M)
    for section, body in zip(parts[1::2], parts[2::2], strict=True):
        if section in SECTIONS:
            for entry in re.split(r"\n(?=\S)", body.strip("\n")):
                head, _, text = entry.partition("\n")
                yield head, " ".join(text.split())


def is_sentence(text: str) -> bool:
    """Whether a text begins with a capital, a digit or code, and ends as a sentence ends."""
    if not text:
        return False
    begins = text[:1].isupper() or text[:1].isdigit() or text[:1] in "`*|:<>-+±§([‖" or _is_symbol(text.split()[0])
    return begins and text.rstrip(")`'\"*")[-1:] in {".", "?", "!"}


# What goes on with the name before it: "seed: Of the masks", "bound: On every output", "figure: Empty".
LEANING = re.compile(
    "(Of|Told|Called|As(?! many)|By|On|Per|Into|Over|Outside|Likewise|Necessary|Relative|Fully|Also|Not|Empty|Drawn|"
    r"Threads|Instead|Where to)\b|Made where|In [(\[]|At least \d|Exactly one:"
)
# These may open a sentence, which then has a verb: "With ``best`` they may differ", but not "With weights".
OPENING = set("Above After At Below Between Beside For From In Only Through Under Up When With Without".split())
VERBS = set(
    "are become becomes begins bounds can cannot comes counts cover does ends falls follows gets gives goes grows had "
    "has have holds is lies looks makes may must need needs reads rests says stand stands stay stays takes was "
    "were".split()
)


def leans(text: str) -> bool:
    """Whether a text goes on with the name before it, and says nothing without it."""
    first = re.split(r"(?<=[a-z0-9)\]>'`])[.;] ", text)[0]
    words = re.findall(r"[A-Za-z]+", first)
    bare = words[:1] and words[0] in OPENING and not VERBS & set(words)
    return bool(bare) or LEANING.match(text) is not None


def _is_symbol(word: str) -> bool:
    """Whether a word stands for a quantity, such as q, p_1 or delta."""
    word = word.strip(",.:;")
    return (
        (len(word) == 1 and word != "a")
        or not word.isalpha()
        or word in {"alpha", "delta", "eps", "epsilon", "min", "max"}
    )


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_what_is_said_about_a_parameter_is_a_sentence(path):
    """It begins with a capital, a number or a symbol, ends with a full stop, and stands without the name before it."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    told = ((name, *entry) for name, docstring in public(tree) for entry in texts(docstring))
    assert [(name, head, text) for name, head, text in told if not is_sentence(text) or leans(text)] == []


def test_cannot_is_one_word():
    """In code, in what commands print, and in the texts beside them."""
    folders = ("ertheory", "notebooks", "benchmarks", "figures")
    paths = [
        path for folder in folders for path in (ROOT / folder).rglob("*.*") if path.suffix in {".py", ".md", ".ipynb"}
    ]
    apart = re.compile(r"\bcan\s+not\b", flags=re.I)
    assert [path.name for path in [*paths, *ROOT.glob("*.md")] if apart.search(path.read_text(encoding="utf-8"))] == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("The density, in (0, 1].", True),
        ("`Width` or nothing.", True),
        ("delta in (0, 1).", True),
        ("the density.", False),
        ("The density", False),
        ("", False),
    ],
)
def test_a_sentence_is_told_from_a_fragment(text, told):
    assert is_sentence(text) is told


@pytest.mark.parametrize(
    ("text", "leaning"),
    [
        ("Of the masks.", True),
        ("As for `width`.", True),
        ("Called after every epoch.", True),
        ("In (0, 1).", True),
        ("At least 1.", True),
        ("It is that of the masks.", False),
        ("As many are trained as one model.", False),
        ("In every layer some are kept.", False),
        ("With weights.", True),
        ("With ``best`` the densities may change.", False),
        ("By neuron: its unit.", True),
        ("On the largest entry, proved.", True),
        ("Likewise.", True),
        ("For the outputs; they are last.", True),
        ("For each output it is one.", False),
        ("Offsets of rows.", False),
    ],
)
def test_a_text_that_leans_on_its_name_is_seen(text, leaning):
    assert leans(text) is leaning
